//! Duplicates (R3): a delivery that arrives several times concurrently at two servers on one database has its effect once.

use std::collections::BTreeSet;

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use provider_sandbox::Sandbox;
use serde_json::Value;
use sidecar_tests::{DatabaseKind, SeededRng, proof, scaled, test_on_each_database};

use crate::{
    server::{Fixture, WAIT_TIMEOUT},
    webhook_sender::Delivery,
    workload::{StoredEffects, Workload},
};

/// Copies of each delivery.
const COPIES: usize = 5;
/// Concurrent deliveries, each with its copies.
const CONCURRENT_DELIVERIES: usize = 12;

/// Sends every delivery five times concurrently to two servers; returns the faults and the number of new deliveries.
async fn send_five_times(
    database: DatabaseKind,
    count: usize,
    environment: &[(&'static str, String)],
) -> (Vec<String>, usize) {
    let mut rng = SeededRng::new("webhooks five times");
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    // Without a rate limit, so that all copies arrive concurrently.
    let environment = [environment, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]].concat();
    let fixture = Fixture::new(database, sandbox, &environment).await;
    let workload = Workload::new(&fixture.sandbox, count, &mut rng);
    let (mut one, (mut other, other_url)) = join(fixture.serve(), fixture.serve_on_another_port()).await;
    let urls = [fixture.webhook_url(), format!("{other_url}/api/webhooks/ghl")];
    let deliver = async |delivery: &Delivery| {
        let copies = (0..COPIES).map(|copy| is_new(&fixture, &urls[copy % 2], delivery));
        join_all(copies).await.into_iter().filter(|new| *new).count()
    };
    let new: usize = stream::iter(&workload.deliveries)
        .map(|delivery| deliver(delivery))
        .buffer_unordered(CONCURRENT_DELIVERIES)
        .fold(0, async |all, new| all + new)
        .await;
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT * 5).await;
    for server in [&mut one, &mut other] {
        server.terminate().await;
        server.wait_for_exit(WAIT_TIMEOUT).await;
    }
    let acknowledged: BTreeSet<_> = workload.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    (StoredEffects::read(&fixture).await.faults(&workload, &acknowledged), new)
}

async fn is_new(fixture: &Fixture, url: &str, delivery: &Delivery) -> bool {
    let response = delivery.post(&fixture.http, url).await.unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    body["duplicate"] == false
}

test_on_each_database!(five_concurrent_copies_over_two_servers_have_one_effect);

async fn five_concurrent_copies_over_two_servers_have_one_effect(database: DatabaseKind) {
    let count = scaled(10_000, 500);
    let (faults, new) = send_five_times(database, count, &[]).await;
    let ok = faults.is_empty() && new == count;
    proof(
        &format!("R3 {database}"),
        "10,000 deliveries (quick 500) 5 × at once over 2 processes: exactly as many log entries and effects",
        format!("{count} deliveries, {new} of {} new, faults: {faults:?}", count * COPIES),
        ok,
    );
    assert_eq!((new, faults), (count, vec![]));
}

test_on_each_database!(without_dedup_repeated_effects_are_detected);

async fn without_dedup_repeated_effects_are_detected(database: DatabaseKind) {
    let count = 60;
    let (faults, new) = send_five_times(database, count, &[("FAILPOINTS", "inbox.dedup=return".to_owned())]).await;
    let caught = ["log entries for", "outbox rows"];
    let caught = new == count * COPIES && caught.iter().all(|what| faults.iter().any(|fault| fault.contains(what)));
    let id = format!("R3-sabotage {database}");
    proof(&id, "with the dedup removed the test fails", format!("{new} new, {faults:?}"), caught);
    assert!(caught, "{faults:?}");
}
