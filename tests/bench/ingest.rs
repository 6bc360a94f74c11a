//! How many deliveries a second are durably kept, by 64 senders that each wait for their acknowledgement, without HTTP.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sidecar_core::{
    Clock, SystemClock,
    queue::inbox::{Committer, NewDelivery, Receipt},
};
use sidecar_tests::{Figures, Folder, percentile};

use crate::{
    database::Database,
    machine::{self, Pace, millis},
};

const SENDERS: usize = 64;
/// What is asked of it: durable rows per second.
const ASKED: f64 = 15_000.0;

/// A disk that others use too changes its speed by the second, and only ever to the worse.
const ROUNDS: u32 = 3;

/// One round: the machine, and what was kept on it.
struct Round {
    disk: Pace,
    commits: Pace,
    rate: f64,
    /// Milliseconds until each acknowledgement, sorted.
    waits: Vec<f64>,
}

/// Measures for about `time` on each database.
pub(super) async fn run(figures: &mut Figures, databases: &[Database], time: Duration) {
    for database in databases {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(*database, time / ROUNDS).await);
        }
        let all = |what: fn(&Round) -> f64| rounds.iter().map(what).collect::<Vec<_>>();
        let name = |what: &str| format!("ingest {database}: {what}");
        let disk = figures.most(name("the disk's flushes"), all(|round| round.disk.rate), "/s").value;
        let commits = figures.most(name("empty commits"), all(|round| round.commits.rate), "/s").beside(disk).value;
        let rate = figures.most(name("durable deliveries"), all(|round| round.rate), "rows/s");
        rate.at_least(ASKED).beside(commits);
        figures.least(name("acknowledged, p50"), all(|round| percentile(&round.waits, 0.5)), "ms");
        figures.least(name("acknowledged, p99"), all(|round| percentile(&round.waits, 0.99)), "ms");
    }
}

async fn round(database: Database, time: Duration) -> Round {
    let disk = machine::flushes(Folder::new().path(), time / 8);
    let fresh = database.fresh().await;
    let commits = machine::commits(&fresh, time / 8).await;
    let fresh = database.fresh().await;
    let committer = Committer::new(fresh.store().await, Arc::default());
    let clock = SystemClock::shared();
    let senders = (0..SENDERS).map(|sender| tokio::spawn(send(committer.clone(), Arc::clone(&clock), sender, time)));
    let mut waits: Vec<f64> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();
    let rate = waits.len() as f64 / clock.monotonic().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    Round { disk, commits, rate, waits }
}

/// Sends one after another; the waits in milliseconds.
async fn send(committer: Committer, clock: Arc<dyn Clock>, sender: usize, time: Duration) -> Vec<f64> {
    let mut waits = Vec::new();
    while clock.monotonic() < time {
        let began = clock.monotonic();
        let receipt = committer.put(delivery(sender, waits.len(), &*clock)).await.unwrap();
        assert_eq!(receipt, Receipt::New);
        waits.push(millis(clock.monotonic() - began));
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
