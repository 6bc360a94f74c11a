//! Sync: full passes by the real engine and client from pages made beforehand, beside the database's own bulk writes.

pub(crate) mod copy;
mod documents;
pub(crate) mod pages;
mod upsert;

use sidecar_tests::{Asked, Figures, Program};

use crate::{
    database::Database,
    sync::{
        copy::{Copied, Passed},
        upsert::{By, Upserted},
    },
    webhooks::receiver::PATIENCE,
};

/// Locations that are copied at once.
const LOCATIONS: usize = 8;
/// The sizes of pages: what a source asks for by itself, and the largest that the provider gives.
const PAGE_SIZES: [Option<u32>; 2] = [None, Some(500)];

struct Round {
    json: Upserted,
    columns: Upserted,
    copied: [Copied; PAGE_SIZES.len()],
}

pub(crate) async fn run(figures: &mut Figures, databases: &[Database], smoke: bool) {
    let (counts, rounds): (&[usize], _) = if smoke { (&[80], 1) } else { (&[10_000, 50_000], 3) };
    for database in databases {
        for count in counts {
            let mut all = Vec::new();
            for _ in 0..rounds {
                all.push(round(*database, count / LOCATIONS).await);
            }
            report(figures, &format!("sync {database}, {count} contacts"), &all);
        }
    }
}

async fn round(database: Database, contacts: usize) -> Round {
    let json = upsert::run(database, By::Json, LOCATIONS, contacts).await;
    let columns = upsert::run(database, By::Columns, LOCATIONS, contacts).await;
    let (locations, contacts) = (LOCATIONS.to_string(), contacts.to_string());
    let size = ["--locations", &locations, "--contacts", &contacts];
    let mut provider = Program::start("bench", &[&["pages"], &size[..]].concat(), []);
    let pages = provider.output(PATIENCE).await;
    let copied =
        [copied(database, &pages, &size, PAGE_SIZES[0]).await, copied(database, &pages, &size, PAGE_SIZES[1]).await];
    provider.kill().await;
    Round { json, columns, copied }
}

async fn copied(database: Database, pages: &str, size: &[&str], page_size: Option<u32>) -> Copied {
    let fresh = database.fresh().await;
    sidecar_store::migrate(&fresh.url()).await.unwrap();
    let (url, page_size) = (fresh.url(), page_size.map(|size| size.to_string()));
    let mut arguments = [&["copy", "--pages", pages, "--database", &url], size].concat();
    arguments.extend(page_size.iter().flat_map(|size| ["--page-size", size]));
    let mut copy = Program::start("bench", &arguments, []);
    let copied = serde_json::from_str(&copy.output(PATIENCE).await).unwrap();
    copy.ended(PATIENCE).await;
    copied
}

fn report(figures: &mut Figures, name: &str, rounds: &[Round]) {
    let name = |what: &str| format!("{name}: {what}");
    let all = |what: &dyn Fn(&Round) -> f64| rounds.iter().map(what).collect::<Vec<_>>();
    let inserted = all(&|round| round.json.inserted);
    let inserted = figures.most(name("the database inserts, by JSON"), inserted, "/s").value;
    let updated = all(&|round| round.json.updated);
    let updated = figures.most(name("the database updates, by JSON"), updated, "/s").value;
    figures.most(name("the database inserts, by columns"), all(&|round| round.columns.inserted), "/s");
    figures.most(name("the database updates, by columns"), all(&|round| round.columns.updated), "/s");
    for (place, size) in PAGE_SIZES.iter().enumerate() {
        let pages = size.map_or_else(|| "pages as they come".to_owned(), |size| format!("pages of {size}"));
        let name = |what: &str| name(&format!("{pages}, {what}"));
        let copied = |what: fn(&Copied) -> f64| all(&|round| what(&round.copied[place]));
        let cpu = |what: fn(&Copied) -> Passed| all(&|round| what(&round.copied[place]).cpu);
        figures.most(name("inserted"), copied(|copied| copied.inserted.rate), "/s").at_least(25_000.0).beside(inserted);
        figures.middle(name("inserted, CPU"), cpu(|copied| copied.inserted), "µs");
        let rate = figures.most(name("updated"), copied(|copied| copied.updated.rate), "/s");
        rate.beside(updated).ratio(Asked::AtLeast(0.65));
        figures.middle(name("updated, CPU"), cpu(|copied| copied.updated), "µs");
        figures.most(name("unchanged"), copied(|copied| copied.unchanged.rate), "/s").at_least(50_000.0);
        figures.middle(name("unchanged, CPU"), cpu(|copied| copied.unchanged), "µs");
        figures.most(name("memory, peak"), copied(|copied| copied.peak), "MiB").at_most(64.0);
    }
}
