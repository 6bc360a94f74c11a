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

/// Measures for about `time`, and what the disk can do for about as long.
pub(super) async fn run(figures: &mut Figures, time: Duration) {
    let folder = Folder::new();
    let flushes = disk::flushes(folder.path(), time / 4);
    let commits = disk::commits(folder.path(), time / 4).await;
    let store = open_store(&folder.sqlite("ingest.db")).await;
    let committer = Committer::new(store);
    let clock = SystemClock::shared();
    let senders = (0..SENDERS).map(|sender| tokio::spawn(send(committer.clone(), Arc::clone(&clock), sender, time)));
    let mut waits: Vec<f64> = join_all(senders).await.into_iter().flat_map(Result::unwrap).collect();
    let rate = waits.len() as f64 / clock.monotonic().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    figures.add("disk: flushes of 4 KiB", flushes, "/s");
    figures.add("sqlite: empty commits", commits, "/s").beside(flushes);
    figures.add("ingest sqlite: durable deliveries", rate, "rows/s").limit(ASKED).beside(commits);
    figures.add("ingest sqlite: acknowledged, p50", percentile(&waits, 0.5), "ms");
    figures.add("ingest sqlite: acknowledged, p99", percentile(&waits, 0.99), "ms");
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
