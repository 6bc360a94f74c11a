//! The inbox and its workers: each delivery has its effect once (R3), whatever a worker dies of, and one
//! that cannot be worked on stands in nobody else's way (R16).

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, StoreError, SystemClock, Timestamp,
    commit::EventLogEntry,
    queue::{
        WorkerConfig,
        inbox::{Claim, Committer, DeliveryOutcome, InboxHandler, InboxWorker, NewDelivery, Plan, Receipt},
        outbox::{Dedup, NewTask},
    },
    record::{Change, ChangeOrigin, Mutation, RecordKey},
    test_util::ManualClock,
};
use sidecar_store::Store;
use sidecar_tests::{Chance, Home, Kind, ORGANIZATION, on_each_database, open_store, proof, scaled};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Each delivery changes a record, leaves a line of history and orders an effect elsewhere; poison fails until it is cured,
/// and whoever works on a killer is dead.
#[derive(Debug, Default)]
struct Handler {
    cured: AtomicBool,
    dead: Notify,
}

#[async_trait]
impl InboxHandler for Handler {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let mut plan = Plan::default();
        if claims.iter().any(|claim| &*claim.delivery.kind == "killer") {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
        for Claim { delivery, .. } in claims {
            if &*delivery.kind == "poison" && !self.cured.load(Ordering::Relaxed) {
                plan.outcomes.push(DeliveryOutcome::Failed("it is poison".to_owned()));
                continue;
            }
            let body: Value = serde_json::from_slice(&delivery.body).unwrap();
            plan.batch.changes.push(change(&body));
            plan.batch.event_log.push(EventLogEntry {
                organization: Some(ORGANIZATION.into()),
                source: delivery.source.clone(),
                delivery: Arc::clone(&delivery.id),
                kind: Arc::clone(&delivery.kind),
                entity: None,
                outcome: Cow::Borrowed("applied"),
            });
            plan.batch.outbox.push(NewTask {
                organization: ORGANIZATION.into(),
                kind: Cow::Borrowed("test.effect"),
                key: format!("effect:{}", delivery.id).into(),
                order_key: Arc::clone(&delivery.order_key),
                payload: json!({}),
                not_before: delivery.at,
                dedup: Dedup::Once,
            });
            plan.outcomes.push(DeliveryOutcome::Done);
        }
        Ok(plan)
    }
}

fn key(contact: &str) -> RecordKey {
    RecordKey { organization: ORGANIZATION.into(), kind: Cow::Borrowed("contact"), id: contact.into() }
}

fn change(body: &Value) -> Change {
    let (contact, version) = (body["contact"].as_str().unwrap(), body["version"].as_i64().unwrap());
    Change {
        key: key(contact),
        location: None,
        version: Timestamp::from_secs(version),
        origin: ChangeOrigin::Webhook,
        position: None,
        mutation: Mutation::Patch(body.as_object().cloned().unwrap().into()),
        searchable: &[],
        refetch_task: None,
        on_change: None,
    }
}

fn delivery(kind: &str, id: &str, contact: &str, version: usize) -> NewDelivery {
    NewDelivery {
        source: Cow::Borrowed("test"),
        id: id.into(),
        organization: None,
        order_key: contact.into(),
        kind: kind.into(),
        body: json!({"contact": contact, "version": version}).to_string().into(),
        at: Timestamp::from_secs(1_000_000),
    }
}

/// `count` deliveries of ten versions each, in disorder.
fn deliveries(count: usize, chance: &mut Chance) -> (Vec<NewDelivery>, BTreeMap<String, usize>) {
    let of = |n: usize| delivery("update", &format!("d{n}"), &format!("c{}", n / 10), n % 10 + 1);
    let mut all: Vec<_> = (0..count).map(of).collect();
    chance.shuffle(&mut all);
    (all, (0..count / 10).map(|contact| (format!("c{contact}"), 10)).collect())
}

fn worker(store: &Arc<dyn Store>, handler: &Arc<Handler>, clock: Arc<dyn Clock>, batch: u32) -> InboxWorker {
    let config = WorkerConfig { batch, ..WorkerConfig::default() };
    InboxWorker::new(store.clone(), store.clone(), handler.clone(), clock, config, Arc::new(Notify::new()))
}

/// Every delivery has one line of history and one effect, and every record its newest version.
async fn is_done_once(store: &Arc<dyn Store>, count: usize, newest: &BTreeMap<String, usize>) {
    let count = count as u64;
    assert_eq!(store.applied("test").await.unwrap(), (count, count));
    assert_eq!(store.waiting_tasks().await.unwrap(), (count, 0));
    assert_eq!(store.backlog().await.unwrap().pending, 0);
    for (contact, version) in newest {
        let record = store.record(&key(contact)).await.unwrap().unwrap();
        assert_eq!(record.doc["version"], json!(version), "{contact}");
    }
}

on_each_database!(deliveries_that_arrive_five_times_at_once_over_two_stores_have_one_effect);

async fn deliveries_that_arrive_five_times_at_once_over_two_stores_have_one_effect(database: Kind) {
    let mut chance = Chance::new("engine five times");
    let count = scaled(10_000, 1_000);
    let home = Home::new(database).await;
    let stores = [open_store(&home.url()).await, open_store(&home.url()).await];
    let committers = stores.clone().map(|store| Committer::new(store, Arc::default()));
    let (all, newest) = deliveries(count, &mut chance);
    let handler = Arc::new(Handler::default());
    let clock = SystemClock::shared();
    let put_all = async {
        let mut fresh = 0;
        for lot in all.chunks(50) {
            let copies = lot.iter().flat_map(|delivery| (0..5).map(|copy| committers[copy % 2].put(delivery.clone())));
            let receipts = join_all(copies).await;
            fresh += receipts.into_iter().filter(|receipt| matches!(receipt, Ok(Receipt::New))).count();
        }
        fresh
    };
    let work = async |store: &Arc<dyn Store>| {
        let worker = worker(store, &handler, clock.clone(), 50);
        loop {
            let worked = worker.step().await.unwrap();
            let (lines, _) = store.applied("test").await.unwrap();
            if lines >= count as u64 {
                return;
            }
            if worked == 0 {
                clock.sleep(Duration::from_millis(2)).await;
            }
        }
    };
    let (fresh, ..) = tokio::join!(put_all, work(&stores[0]), work(&stores[0]), work(&stores[1]), work(&stores[1]));
    assert_eq!(fresh, count, "each was new once");
    is_done_once(&stores[0], count, &newest).await;
    let reached = format!("{count} deliveries 5 × over 2 stores and 4 workers: {count} lines, {count} effects");
    proof(
        &format!("R3-engine {database}"),
        "10,000 deliveries 5 × at once over two: 10,000 lines and effects",
        reached,
        true,
    );
}

on_each_database!(workers_dropped_anywhere_do_nothing_twice_and_forget_nothing);

async fn workers_dropped_anywhere_do_nothing_twice_and_forget_nothing(database: Kind) {
    let mut chance = Chance::new("engine workers dropped");
    let count = scaled(2_000, 400);
    let home = Home::new(database).await;
    let store = open_store(&home.url()).await;
    let (all, newest) = deliveries(count, &mut chance);
    for lot in all.chunks(400) {
        store.put(lot).await.unwrap();
    }
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 10);
    let (mut dropped, mut may_end) = (0, true);
    while store.backlog().await.unwrap().pending > 0 {
        // Every other one ends: what nobody ever finishes is given up.
        may_end = !may_end;
        let mut left = if may_end { u64::MAX } else { chance.within(1..12) };
        let mut step = Box::pin(worker.step());
        let ended = std::future::poll_fn(|context| {
            if left == 0 {
                return std::task::Poll::Ready(false);
            }
            left -= 1;
            step.as_mut().poll(context).map(|outcome| outcome.is_ok())
        })
        .await;
        drop(step);
        dropped += usize::from(!ended);
        // What a dead worker held is due again when its claim runs out.
        clock.advance(Duration::from_secs(31));
    }
    println!("{dropped} workers dropped over {count} deliveries");
    assert!(dropped >= 3, "hardly a worker was dropped: {dropped}");
    is_done_once(&store, count, &newest).await;
}

on_each_database!(poison_is_tried_on_schedule_then_given_up_and_blocks_no_other_key);

async fn poison_is_tried_on_schedule_then_given_up_and_blocks_no_other_key(database: Kind) {
    let home = Home::new(database).await;
    let store = open_store(&home.url()).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 250);
    let mut lot = vec![delivery("poison", "bad", "c0", 1), delivery("update", "behind", "c0", 2)];
    lot.extend((1..50).map(|n| delivery("update", &format!("d{n}"), &format!("c{n}"), 1)));
    store.put(&lot).await.unwrap();
    worker.step().await.unwrap();
    let (lines, _) = store.applied("test").await.unwrap();
    assert!(lines >= 49, "the others are done at once: {lines}");
    let mut attempts = 1;
    while store.backlog().await.unwrap().dead == 0 {
        clock.advance(Duration::from_secs(3_600));
        worker.step().await.unwrap();
        attempts += 1;
        assert!(attempts <= 10, "it is never given up");
    }
    assert_eq!(attempts, WorkerConfig::default().retries.len() + 1);
    clock.advance(Duration::from_secs(3_600));
    while worker.step().await.unwrap() > 0 {}
    assert_eq!(store.applied("test").await.unwrap().0, 50, "what stood behind it is done when it is given up");
    let dead = store.dead_letters(None, 0, 10).await.unwrap();
    assert_eq!((dead.len(), &*dead[0].id, dead[0].error.as_str()), (1, "bad", "it is poison"));
    handler.cured.store(true, Ordering::Relaxed);
    assert!(store.redrive(dead[0].seq, clock.now()).await.unwrap());
    worker.step().await.unwrap();
    assert_eq!(store.applied("test").await.unwrap(), (51, 51));
    assert_eq!(store.record(&key("c0")).await.unwrap().unwrap().doc["version"], json!(2), "the older one does not win");
    assert_eq!(store.put(&[delivery("poison", "bad", "c0", 1)]).await.unwrap(), [Receipt::Duplicate]);
    proof(
        &format!("R16-engine {database}"),
        "poison: on schedule, dead after N, blocks no other key, redriven, still deduped",
        format!("{attempts} attempts"),
        true,
    );
}

on_each_database!(deliveries_that_kill_their_worker_take_no_others_with_them);

async fn deliveries_that_kill_their_worker_take_no_others_with_them(database: Kind) {
    let home = Home::new(database).await;
    let store = open_store(&home.url()).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 250);
    let kind = |n: usize| if n == 20 || n == 33 { "killer" } else { "update" };
    let lot: Vec<_> = (0..50).map(|n| delivery(kind(n), &format!("d{n}"), &format!("c{n}"), 1)).collect();
    store.put(&lot).await.unwrap();
    let mut deaths = 0;
    while store.backlog().await.unwrap().pending > 0 {
        tokio::select! {
            biased;
            () = handler.dead.notified() => deaths += 1,
            outcome = worker.step() => drop(outcome.unwrap()),
        }
        clock.advance(Duration::from_secs(31));
        assert!(deaths < 100, "they are never given up");
    }
    println!("{deaths} workers died");
    let dead: Vec<_> = store.dead_letters(None, 0, 100).await.unwrap().into_iter().map(|letter| letter.id).collect();
    assert_eq!((store.applied("test").await.unwrap(), dead), ((48, 48), vec!["d20".to_owned(), "d33".to_owned()]));
}

on_each_database!(what_is_handed_over_has_its_effect_once_also_at_a_stop);

/// What a committer hands over is worked on without being looked for, also what still waits when the worker is stopped, and
/// what comes after that is left to be claimed.
async fn what_is_handed_over_has_its_effect_once_also_at_a_stop(database: Kind) {
    let mut chance = Chance::new("engine handed over");
    let home = Home::new(database).await;
    let store = open_store(&home.url()).await;
    let (clock, wake) = (SystemClock::shared(), Arc::new(Notify::new()));
    let handler = Arc::new(Handler::default());
    let config = WorkerConfig { batch: 50, poll: Duration::from_millis(20), ..WorkerConfig::default() };
    let committer = Committer::new(store.clone(), Arc::clone(&wake));
    let start = || {
        let handed = committer.local_claims(clock.clone());
        let (stop, config, wake) = (CancellationToken::new(), config.clone(), Arc::clone(&wake));
        let worker = InboxWorker::new(store.clone(), store.clone(), handler.clone(), clock.clone(), config, wake);
        let stopped = stop.clone();
        (stop, tokio::spawn(async move { worker.run_with_local_claims(handed, stopped).await }))
    };
    let (all, newest) = deliveries(1_000, &mut chance);
    let (stop, worker) = start();
    let put = join_all(all[..600].iter().map(|delivery| committer.put(delivery.clone()))).await;
    assert!(put.iter().all(|receipt| matches!(receipt, Ok(Receipt::New))));
    stop.cancel();
    worker.await.unwrap();
    let put = join_all(all[600..].iter().map(|delivery| committer.put(delivery.clone()))).await;
    assert!(put.iter().all(|receipt| matches!(receipt, Ok(Receipt::New))));
    let (stop, worker) = start();
    // Nothing is left to a lease that has to end first.
    let limit = clock.monotonic() + Duration::from_secs(20);
    while store.backlog().await.unwrap().pending > 0 && clock.monotonic() < limit {
        clock.sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    worker.await.unwrap();
    is_done_once(&store, 1_000, &newest).await;
}
