//! Durable deliveries per second from 64 senders that each wait for their acknowledgement, without HTTP.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sidecar_core::{
    Clock, SystemClock,
    queue::inbox::{Committer, NewDelivery, Receipt},
};
use sidecar_tests::{DatabaseKind, Measurements, TempFolder, TestDatabase, open_store, percentile};

use crate::machine::{self, OperationRate, to_ms};

const SENDERS: usize = 64;
/// The required durable rows per second.
const REQUIRED_RATE: f64 = 15_000.0;

/// Several, because a shared disk varies, and the best round is reported.
const ROUNDS: u32 = 3;

/// One round: the machine and the deliveries.
struct Round {
    disk: OperationRate,
    commits: OperationRate,
    rate: f64,
    /// Milliseconds until each acknowledgement, sorted.
    waits: Vec<f64>,
}

/// Measures for about `time` on each database.
pub(super) async fn run(measurements: &mut Measurements, databases: &[DatabaseKind], time: Duration) {
    for database in databases {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(*database, time / ROUNDS).await);
        }
        let all = |what: fn(&Round) -> f64| rounds.iter().map(what).collect::<Vec<_>>();
        let name = |what: &str| format!("ingest {database}: {what}");
        let disk = measurements.add_max(name("the disk's flushes"), all(|round| round.disk.rate), "/s").value;
        let commits =
            measurements.add_max(name("empty commits"), all(|round| round.commits.rate), "/s").relative_to(disk).value;
        let rate = measurements.add_max(name("durable deliveries"), all(|round| round.rate), "rows/s");
        rate.at_least(REQUIRED_RATE).relative_to(commits);
        measurements.add_min(name("acknowledged, p50"), all(|round| percentile(&round.waits, 0.5)), "ms");
        measurements.add_min(name("acknowledged, p99"), all(|round| percentile(&round.waits, 0.99)), "ms");
    }
}

async fn round(database: DatabaseKind, time: Duration) -> Round {
    let disk = machine::flushes(TempFolder::new().path(), time / 8);
    let test_database = TestDatabase::new(database).await;
    let commits = machine::commits(&test_database, time / 8).await;
    let test_database = TestDatabase::new(database).await;
    let committer = Committer::new(open_store(&test_database.url()).await, Arc::default());
    let clock = SystemClock::shared();
    let senders = (0..SENDERS).map(|sender| tokio::spawn(send(committer.clone(), Arc::clone(&clock), sender, time)));
    let mut waits: Vec<f64> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();
    let rate = waits.len() as f64 / clock.monotonic().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    Round { disk, commits, rate, waits }
}

/// Sends deliveries one by one and returns the milliseconds until each acknowledgement.
async fn send(committer: Committer, clock: Arc<dyn Clock>, sender: usize, time: Duration) -> Vec<f64> {
    let mut waits = Vec::new();
    while clock.monotonic() < time {
        let began = clock.monotonic();
        let receipt = committer.put(delivery(sender, waits.len(), &*clock)).await.unwrap();
        assert_eq!(receipt, Receipt::New);
        waits.push(to_ms(clock.monotonic() - began));
    }
    waits
}

fn delivery(sender: usize, number: usize, clock: &dyn Clock) -> NewDelivery {
    let contact = format!("{sender:08}{:012}", number % 500);
    let id = format!("{sender:08}-{number:012}");
    let body = format!(
        r#"{{"type":"ContactUpdate","locationId":"ve9EPM428h8vShlRW1KT","id":"{contact}","firstName":"Ann","lastName":"Example","email":"ann.{number}@example.com","phone":"+15551230000","city":"Springfield","tags":["course: rust","customer"],"dateAdded":"2026-01-01T10:00:00.000Z","customFields":[],"webhookId":"{id}","timestamp":"2026-03-01T10:00:00.000Z"}}"#
    );
    NewDelivery {
        source: Cow::Borrowed("ghl"),
        id: id.into(),
        organization: None,
        order_key: contact.into(),
        kind: "ContactUpdate".into(),
        body: body.into(),
        at: clock.now(),
    }
}
