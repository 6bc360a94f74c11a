//! Duplicates (R3): a delivery that arrives several times at once, at two servers on one database, has its effect once.

use std::collections::BTreeSet;

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use provider_sandbox::Sandbox;
use serde_json::Value;
use sidecar_tests::{Chance, Kind, on_each_database, proof, scaled};

use crate::{
    sender::Delivery,
    server::{PATIENCE, Scene},
    story::{Ledger, Story},
};

/// How often each arrives.
const COPIES: usize = 5;
/// Deliveries that arrive together, each so many times.
const TOGETHER: usize = 12;

/// Delivers everything five times at once over two servers. What is wrong in the end, and how many were new.
async fn five_times(database: Kind, count: usize, environment: &[(&'static str, String)]) -> (Vec<String>, usize) {
    let mut chance = Chance::new("webhooks five times");
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    // No sender is held back: all copies are to meet.
    let environment = [environment, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]].concat();
    let scene = Scene::new(database, sandbox, &environment).await;
    let story = Story::new(&scene.sandbox, count, &mut chance);
    let (mut one, (mut other, beside)) = join(scene.serve(), scene.serve_beside()).await;
    let urls = [scene.webhooks(), format!("{beside}/api/webhooks/ghl")];
    let deliver = async |delivery: &Delivery| {
        let copies = (0..COPIES).map(|copy| is_new(&scene, &urls[copy % 2], delivery));
        join_all(copies).await.into_iter().filter(|new| *new).count()
    };
    let new: usize = stream::iter(&story.deliveries)
        .map(|delivery| deliver(delivery))
        .buffer_unordered(TOGETHER)
        .fold(0, async |all, new| all + new)
        .await;
    scene.inbox_empties(PATIENCE * 5).await;
    for server in [&mut one, &mut other] {
        server.terminate().await;
        server.ended(PATIENCE).await;
    }
    let acknowledged: BTreeSet<_> = story.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    (Ledger::read(&scene).await.faults(&story, &acknowledged), new)
}

async fn is_new(scene: &Scene, url: &str, delivery: &Delivery) -> bool {
    let answer = delivery.post(&scene.http, url).await.unwrap();
    assert_eq!(answer.status(), 200);
    let told: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    told["duplicate"] == false
}

on_each_database!(what_arrives_five_times_at_once_over_two_servers_has_one_effect);

async fn what_arrives_five_times_at_once_over_two_servers_has_one_effect(database: Kind) {
    let count = scaled(10_000, 500);
    let (faults, new) = five_times(database, count, &[]).await;
    let ok = faults.is_empty() && new == count;
    proof(
        &format!("R3 {database}"),
        "10,000 deliveries (quick 500) 5 × at once over 2 processes: exactly as many lines and effects",
        format!("{count} deliveries, {new} of {} new, faults: {faults:?}", count * COPIES),
        ok,
    );
    assert_eq!((new, faults), (count, vec![]));
}

on_each_database!(without_dedup_each_copy_has_its_effect_and_is_caught);

async fn without_dedup_each_copy_has_its_effect_and_is_caught(database: Kind) {
    let count = 60;
    let (faults, new) = five_times(database, count, &[("FAILPOINTS", "inbox.dedup=return".to_owned())]).await;
    let caught = ["lines of history for", "outbox rows"];
    let caught = new == count * COPIES && caught.iter().all(|what| faults.iter().any(|fault| fault.contains(what)));
    let id = format!("R3-sabotage {database}");
    proof(&id, "with the dedup removed the test fails", format!("{new} new, {faults:?}"), caught);
    assert!(caught, "{faults:?}");
}
