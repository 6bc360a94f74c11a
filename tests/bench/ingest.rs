//! How many deliveries a second are durably kept on SQLite, by 64 senders that each wait for their acknowledgement.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sidecar_core::{
    Clock, SystemClock,
    inbox::{Committer, NewDelivery, Receipt},
};
use sidecar_tests::{Figures, Folder, open_store, percentile};

use crate::disk;

const SENDERS: usize = 64;
/// What is asked of it: durable rows per second.
const ASKED: f64 = 15_000.0;

/// A disk that others use too changes its speed by the second, and only ever to the worse.
const ROUNDS: u32 = 3;

/// One round: the disk, and what was kept on it.
struct Round {
    flushes: f64,
    commits: f64,
    rate: f64,
    /// Milliseconds until each acknowledgement, sorted.
    waits: Vec<f64>,
}

/// Measures for about `time` and reports the best of three rounds, each with what the disk could do just then.
pub(super) async fn run(figures: &mut Figures, time: Duration) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(round(time / ROUNDS).await);
    }
    rounds.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let all: Vec<String> = rounds.iter().map(|round| format!("{:.0} ({:.0})", round.rate, round.flushes)).collect();
    println!("rounds of ingest sqlite, rows/s (flushes/s): {}", all.join(", "));
    let Some(Round { flushes, commits, rate, waits }) = rounds.pop() else { return };
    figures.add("disk: flushes of 4 KiB", flushes, "/s");
    figures.add("sqlite: empty commits", commits, "/s").beside(flushes);
    figures.add("ingest sqlite: durable deliveries", rate, "rows/s").limit(ASKED).beside(commits);
    figures.add("ingest sqlite: acknowledged, p50", percentile(&waits, 0.5), "ms");
    figures.add("ingest sqlite: acknowledged, p99", percentile(&waits, 0.99), "ms");
}

async fn round(time: Duration) -> Round {
    let folder = Folder::new();
    let flushes = disk::flushes(folder.path(), time / 8);
    let commits = disk::commits(folder.path(), time / 8).await;
    let committer = Committer::new(open_store(&folder.sqlite("ingest.db")).await);
    let clock = SystemClock::shared();
    let senders = (0..SENDERS).map(|sender| tokio::spawn(send(committer.clone(), Arc::clone(&clock), sender, time)));
    let mut waits: Vec<f64> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();
    let rate = waits.len() as f64 / clock.monotonic().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    Round { flushes, commits, rate, waits }
}

/// Sends one after another; the waits in milliseconds.
async fn send(committer: Committer, clock: Arc<dyn Clock>, sender: usize, time: Duration) -> Vec<f64> {
    let mut waits = Vec::new();
    while clock.monotonic() < time {
        let began = clock.monotonic();
        let receipt = committer.put(delivery(sender, waits.len(), &*clock)).await.unwrap();
        assert_eq!(receipt, Receipt::Fresh);
        waits.push((clock.monotonic() - began).as_secs_f64() * 1e3);
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
