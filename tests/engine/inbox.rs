//! The inbox and its workers: each delivery has its effect once (R3) although workers crash, and a poison message blocks no
//! other delivery (R16).

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
use sidecar_tests::{
    DatabaseKind, ORGANIZATION, SeededRng, TestDatabase, open_store, proof, scaled, test_on_each_database,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Writes a record change, an event log entry and an outbox task for each delivery. A `poison` delivery fails until `cured`; a
/// `killer` delivery stops its worker.
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

/// Returns `count` deliveries in random order, ten versions for each contact, and the latest versions.
fn deliveries(count: usize, rng: &mut SeededRng) -> (Vec<NewDelivery>, BTreeMap<String, usize>) {
    let of = |n: usize| delivery("update", &format!("d{n}"), &format!("c{}", n / 10), n % 10 + 1);
    let mut all: Vec<_> = (0..count).map(of).collect();
    rng.shuffle(&mut all);
    (all, (0..count / 10).map(|contact| (format!("c{contact}"), 10)).collect())
}

fn worker(store: &Arc<dyn Store>, handler: &Arc<Handler>, clock: Arc<dyn Clock>, batch: u32) -> InboxWorker {
    let config = WorkerConfig { batch, ..WorkerConfig::default() };
    InboxWorker::new(store.clone(), store.clone(), handler.clone(), clock, config, Arc::new(Notify::new()))
}

/// Checks that every delivery has one log entry and one effect, and every record its latest version.
async fn assert_processed_once(store: &Arc<dyn Store>, count: usize, newest: &BTreeMap<String, usize>) {
    let count = count as u64;
    assert_eq!(store.applied("test").await.unwrap(), (count, count));
    assert_eq!(store.waiting_tasks().await.unwrap(), (count, 0));
    assert_eq!(store.backlog().await.unwrap().pending, 0);
    for (contact, version) in newest {
        let record = store.record(&key(contact)).await.unwrap().unwrap();
        assert_eq!(record.doc["version"], json!(version), "{contact}");
    }
}

test_on_each_database!(five_concurrent_copies_over_two_stores_have_one_effect);

async fn five_concurrent_copies_over_two_stores_have_one_effect(database: DatabaseKind) {
    let mut rng = SeededRng::new("engine five times");
    let count = scaled(10_000, 1_000);
    let test_database = TestDatabase::new(database).await;
    let stores = [open_store(&test_database.url()).await, open_store(&test_database.url()).await];
    let committers = stores.clone().map(|store| Committer::new(store, Arc::default()));
    let (all, newest) = deliveries(count, &mut rng);
    let handler = Arc::new(Handler::default());
    let clock = SystemClock::shared();
    let put_all = async {
        let mut new = 0;
        for batch in all.chunks(50) {
            let copies =
                batch.iter().flat_map(|delivery| (0..5).map(|copy| committers[copy % 2].put(delivery.clone())));
            let receipts = join_all(copies).await;
            new += receipts.into_iter().filter(|receipt| matches!(receipt, Ok(Receipt::New))).count();
        }
        new
    };
    let work = async |store: &Arc<dyn Store>| {
        let worker = worker(store, &handler, clock.clone(), 50);
        loop {
            let worked = worker.step().await.unwrap();
            let (entries, _) = store.applied("test").await.unwrap();
            if entries >= count as u64 {
                return;
            }
            if worked == 0 {
                clock.sleep(Duration::from_millis(2)).await;
            }
        }
    };
    let (new, ..) = tokio::join!(put_all, work(&stores[0]), work(&stores[0]), work(&stores[1]), work(&stores[1]));
    assert_eq!(new, count, "each was new once");
    assert_processed_once(&stores[0], count, &newest).await;
    let reached = format!("{count} deliveries 5 × over 2 stores and 4 workers: {count} log entries, {count} effects");
    proof(
        &format!("R3-engine {database}"),
        "10,000 deliveries 5 × at once over two: 10,000 log entries and effects",
        reached,
        true,
    );
}

test_on_each_database!(dropped_workers_lose_and_repeat_nothing);

async fn dropped_workers_lose_and_repeat_nothing(database: DatabaseKind) {
    let mut rng = SeededRng::new("engine workers dropped");
    let count = scaled(2_000, 400);
    let test_database = TestDatabase::new(database).await;
    let store = open_store(&test_database.url()).await;
    let (all, newest) = deliveries(count, &mut rng);
    for batch in all.chunks(400) {
        store.put(batch).await.unwrap();
    }
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 10);
    let (mut dropped, mut may_end) = (0, true);
    while store.backlog().await.unwrap().pending > 0 {
        // Every other worker finishes: a delivery that no worker finishes becomes a dead letter.
        may_end = !may_end;
        let mut left = if may_end { u64::MAX } else { rng.within(1..12) };
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
        // The claims of a dropped worker expire.
        clock.advance(Duration::from_secs(31));
    }
    println!("{dropped} workers dropped over {count} deliveries");
    assert!(dropped >= 3, "few workers were dropped: {dropped}");
    assert_processed_once(&store, count, &newest).await;
}

test_on_each_database!(a_poison_message_is_retried_then_dead_and_blocks_no_other_key);

async fn a_poison_message_is_retried_then_dead_and_blocks_no_other_key(database: DatabaseKind) {
    let test_database = TestDatabase::new(database).await;
    let store = open_store(&test_database.url()).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 250);
    let mut batch = vec![delivery("poison", "bad", "c0", 1), delivery("update", "behind", "c0", 2)];
    batch.extend((1..50).map(|n| delivery("update", &format!("d{n}"), &format!("c{n}"), 1)));
    store.put(&batch).await.unwrap();
    worker.step().await.unwrap();
    let (entries, _) = store.applied("test").await.unwrap();
    assert!(entries >= 49, "the others are processed without delay: {entries}");
    let mut attempts = 1;
    while store.backlog().await.unwrap().dead == 0 {
        clock.advance(Duration::from_secs(3_600));
        worker.step().await.unwrap();
        attempts += 1;
        assert!(attempts <= 10, "it never becomes a dead letter");
    }
    assert_eq!(attempts, WorkerConfig::default().retries.len() + 1);
    clock.advance(Duration::from_secs(3_600));
    while worker.step().await.unwrap() > 0 {}
    assert_eq!(store.applied("test").await.unwrap().0, 50, "the next delivery of its key is processed once it is dead");
    let dead = store.dead_letters(None, 0, 10).await.unwrap();
    assert_eq!((dead.len(), &*dead[0].id, dead[0].error.as_str()), (1, "bad", "it is poison"));
    handler.cured.store(true, Ordering::Relaxed);
    assert!(store.redrive(dead[0].seq, clock.now()).await.unwrap());
    worker.step().await.unwrap();
    assert_eq!(store.applied("test").await.unwrap(), (51, 51));
    assert_eq!(store.record(&key("c0")).await.unwrap().unwrap().doc["version"], json!(2), "the older version loses");
    assert_eq!(store.put(&[delivery("poison", "bad", "c0", 1)]).await.unwrap(), [Receipt::Duplicate]);
    proof(
        &format!("R16-engine {database}"),
        "poison: on schedule, dead after N, blocks no other key, redriven, still deduped",
        format!("{attempts} attempts"),
        true,
    );
}

test_on_each_database!(deliveries_that_crash_their_worker_affect_no_others);

async fn deliveries_that_crash_their_worker_affect_no_others(database: DatabaseKind) {
    let test_database = TestDatabase::new(database).await;
    let store = open_store(&test_database.url()).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
    let handler = Arc::new(Handler::default());
    let worker = worker(&store, &handler, clock.clone(), 250);
    let kind = |n: usize| if n == 20 || n == 33 { "killer" } else { "update" };
    let batch: Vec<_> = (0..50).map(|n| delivery(kind(n), &format!("d{n}"), &format!("c{n}"), 1)).collect();
    store.put(&batch).await.unwrap();
    let mut crashes = 0;
    while store.backlog().await.unwrap().pending > 0 {
        tokio::select! {
            biased;
            () = handler.dead.notified() => crashes += 1,
            outcome = worker.step() => drop(outcome.unwrap()),
        }
        clock.advance(Duration::from_secs(31));
        assert!(crashes < 100, "they never become dead letters");
    }
    println!("{crashes} workers crashed");
    let dead: Vec<_> =
        store.dead_letters(None, 0, 100).await.unwrap().into_iter().map(|dead_letter| dead_letter.id).collect();
    assert_eq!((store.applied("test").await.unwrap(), dead), ((48, 48), vec!["d20".to_owned(), "d33".to_owned()]));
}

test_on_each_database!(locally_queued_deliveries_have_one_effect_also_at_a_stop);

/// A worker processes the deliveries that its committer queued locally, including those queued when it stops; later ones are
/// claimed from the store.
async fn locally_queued_deliveries_have_one_effect_also_at_a_stop(database: DatabaseKind) {
    let mut rng = SeededRng::new("engine local queue");
    let test_database = TestDatabase::new(database).await;
    let store = open_store(&test_database.url()).await;
    let (clock, wake) = (SystemClock::shared(), Arc::new(Notify::new()));
    let handler = Arc::new(Handler::default());
    let config = WorkerConfig { batch: 50, poll: Duration::from_millis(20), ..WorkerConfig::default() };
    let committer = Committer::new(store.clone(), Arc::clone(&wake));
    let start = || {
        let claims = committer.local_claims(clock.clone());
        let (stop, config, wake) = (CancellationToken::new(), config.clone(), Arc::clone(&wake));
        let worker = InboxWorker::new(store.clone(), store.clone(), handler.clone(), clock.clone(), config, wake);
        let stopped = stop.clone();
        (stop, tokio::spawn(async move { worker.run_with_local_claims(claims, stopped).await }))
    };
    let (all, newest) = deliveries(1_000, &mut rng);
    let (stop, worker) = start();
    let put = join_all(all[..600].iter().map(|delivery| committer.put(delivery.clone()))).await;
    assert!(put.iter().all(|receipt| matches!(receipt, Ok(Receipt::New))));
    stop.cancel();
    worker.await.unwrap();
    let put = join_all(all[600..].iter().map(|delivery| committer.put(delivery.clone()))).await;
    assert!(put.iter().all(|receipt| matches!(receipt, Ok(Receipt::New))));
    let (stop, worker) = start();
    // No delivery waits for a lease to expire.
    let limit = clock.monotonic() + Duration::from_secs(20);
    while store.backlog().await.unwrap().pending > 0 && clock.monotonic() < limit {
        clock.sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    worker.await.unwrap();
    assert_processed_once(&store, 1_000, &newest).await;
}
