//! Sync: full runs of the real engine and client over prepared pages, relative to bulk writes of the database.
//!
//! Provider and engine are separate processes. Invariant: the pages are serialized before the measurement.

mod bulk_writes;
mod contacts;
pub(crate) mod engine_runs;
pub(crate) mod pages;

use sidecar_tests::{DatabaseKind, Measurements, Program, Target, TestDatabase};

use crate::{
    sync::{
        bulk_writes::{Input, WriteRates},
        engine_runs::{RunRates, SyncResult},
    },
    webhooks::receiver::WAIT_TIMEOUT,
};

/// Locations that are synced concurrently.
const LOCATIONS: usize = 8;
/// The default page size of the source, and the maximum of the provider.
const PAGE_SIZES: [Option<u32>; 2] = [None, Some(500)];

struct Round {
    json: WriteRates,
    columns: WriteRates,
    synced: [SyncResult; PAGE_SIZES.len()],
}

pub(crate) async fn run(measurements: &mut Measurements, databases: &[DatabaseKind], smoke: bool) {
    let (counts, rounds): (&[usize], _) = if smoke { (&[80], 1) } else { (&[10_000, 50_000], 3) };
    for database in databases {
        for count in counts {
            let mut all = Vec::new();
            for _ in 0..rounds {
                all.push(round(*database, count / LOCATIONS).await);
            }
            report(measurements, &format!("sync {database}, {count} contacts"), &all);
        }
    }
}

async fn round(database: DatabaseKind, contacts: usize) -> Round {
    let json = bulk_writes::run(database, Input::Json, LOCATIONS, contacts).await;
    let columns = bulk_writes::run(database, Input::Columns, LOCATIONS, contacts).await;
    let (locations, contacts) = (LOCATIONS.to_string(), contacts.to_string());
    let size = ["--locations", &locations, "--contacts", &contacts];
    let mut provider = Program::start("bench", &[&["pages"], &size[..]].concat(), []);
    let pages = provider.next_stdout_line(WAIT_TIMEOUT).await;
    let synced =
        [synced(database, &pages, &size, PAGE_SIZES[0]).await, synced(database, &pages, &size, PAGE_SIZES[1]).await];
    provider.kill().await;
    Round { json, columns, synced }
}

async fn synced(database: DatabaseKind, pages: &str, size: &[&str], page_size: Option<u32>) -> SyncResult {
    let test_database = TestDatabase::new(database).await;
    sidecar_store::migrate(&test_database.url()).await.unwrap();
    let (url, page_size) = (test_database.url(), page_size.map(|size| size.to_string()));
    let mut arguments = [&["sync-runs", "--pages", pages, "--database", &url], size].concat();
    arguments.extend(page_size.iter().flat_map(|size| ["--page-size", size]));
    let mut process = Program::start("bench", &arguments, []);
    let synced = serde_json::from_str(&process.next_stdout_line(WAIT_TIMEOUT).await).unwrap();
    process.wait_for_exit(WAIT_TIMEOUT).await;
    synced
}

fn report(measurements: &mut Measurements, name: &str, rounds: &[Round]) {
    let name = |what: &str| format!("{name}: {what}");
    let all = |what: &dyn Fn(&Round) -> f64| rounds.iter().map(what).collect::<Vec<_>>();
    let inserted = all(&|round| round.json.inserted);
    let inserted = measurements.add_max(name("the database inserts, by JSON"), inserted, "/s").value;
    let updated = all(&|round| round.json.updated);
    let updated = measurements.add_max(name("the database updates, by JSON"), updated, "/s").value;
    measurements.add_max(name("the database inserts, by columns"), all(&|round| round.columns.inserted), "/s");
    measurements.add_max(name("the database updates, by columns"), all(&|round| round.columns.updated), "/s");
    for (index, size) in PAGE_SIZES.iter().enumerate() {
        let pages = size.map_or_else(|| "pages as they come".to_owned(), |size| format!("pages of {size}"));
        let name = |what: &str| name(&format!("{pages}, {what}"));
        let synced = |what: fn(&SyncResult) -> f64| all(&|round| what(&round.synced[index]));
        let cpu = |what: fn(&SyncResult) -> RunRates| all(&|round| what(&round.synced[index]).cpu);
        measurements
            .add_max(name("inserted"), synced(|synced| synced.inserted.rate), "/s")
            .at_least(25_000.0)
            .relative_to(inserted);
        measurements.add_median(name("inserted, CPU"), cpu(|synced| synced.inserted), "µs");
        let rate = measurements.add_max(name("updated"), synced(|synced| synced.updated.rate), "/s");
        rate.relative_to(updated).ratio_target(Target::AtLeast(0.65));
        measurements.add_median(name("updated, CPU"), cpu(|synced| synced.updated), "µs");
        measurements.add_max(name("unchanged"), synced(|synced| synced.unchanged.rate), "/s").at_least(50_000.0);
        measurements.add_median(name("unchanged, CPU"), cpu(|synced| synced.unchanged), "µs");
        measurements.add_max(name("memory, peak"), synced(|synced| synced.peak), "MiB").at_most(64.0);
    }
}
