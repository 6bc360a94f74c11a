//! Stale polls against new webhooks (R5): a record never returns to an older state.
//!
//! Each record has a simulated history. Webhooks carry every state with the sender's clock and arrive late; polls show an
//! earlier state of the search index and arrive late too. Changes that cannot be ordered are refetched by id, and other changes
//! can overtake a refetch before it is written. All records advance one arrival at a time.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use sidecar_core::{
    Clock, SystemClock, Timestamp,
    commit::Batch,
    queue::ClaimRequest,
    queue::outbox::Task,
    record::{Change, ChangeOrigin, Mutation, RecordKey},
};
use sidecar_store::Store;
use sidecar_tests::{
    DatabaseKind, ORGANIZATION, SeededRng, TestDatabase, open_store, proof, scaled, test_on_each_database,
};

/// Records of a simulation, which share commits.
const SIMULATION_RECORDS: usize = 250;
const REFETCH_TASK: &str = "test.read";
/// The number of the state of a deleted record.
const DELETED: u64 = u64::MAX;

/// The history of one record and its arrivals.
struct RecordScenario {
    id: String,
    /// Time and number of each state; the last number may be [`DELETED`].
    states: Vec<(Timestamp, u64)>,
    /// The changes in order of arrival.
    arrivals: Vec<(Timestamp, Change)>,
}

impl RecordScenario {
    fn new(id: String, begin: Timestamp, rng: &mut SeededRng) -> Self {
        let ms = |rng: &mut SeededRng, range: std::ops::Range<u64>| Duration::from_millis(rng.within(range));
        let mut states = vec![(begin, 1)];
        for number in 2..=rng.within(3..7) {
            let gap = [0..900, 500..4_000, 4_000..9_000, 10_000..60_000][rng.index(4)].clone();
            states.push((states[states.len() - 1].0 + ms(rng, gap), number));
        }
        if rng.percent(30) {
            states.push((states[states.len() - 1].0 + ms(rng, 1_000..20_000), DELETED));
        }
        let end = states[states.len() - 1].0;
        // The clock that stamps the webhooks of this record has a constant skew.
        let (skew_ms, mut arrivals) = (rng.within(0..4_000), Vec::new());
        for (at, number) in &states {
            let stamp = *at + Duration::from_millis(skew_ms) - Duration::from_secs(2);
            let change = webhook(&id, stamp, *number);
            for _ in 0..1 + u64::from(rng.percent(20)) {
                arrivals.push((*at + ms(rng, 50..25_000), change.clone()));
            }
        }
        let span = u64::try_from(end.since(begin).as_millis()).unwrap() + 30_000;
        for _ in 0..rng.within(1..5) {
            let polled_at = begin + ms(rng, 0..span);
            let indexed_at = polled_at - ms(rng, 0..5_000);
            if let Some(state) = state_at(&states, indexed_at).filter(|state| state.1 != DELETED) {
                arrivals.push((polled_at + ms(rng, 20..8_000), listed(&id, state)));
            }
        }
        arrivals.sort_by_key(|(at, _)| *at);
        Self { id, states, arrivals }
    }

    /// Returns the change that a refetch at a time produces.
    fn refetch(&self, at: Timestamp, revision: u64) -> Change {
        let state = state_at(&self.states, at).unwrap_or(self.states[0]);
        let change = if state.1 == DELETED { webhook(&self.id, at, DELETED) } else { listed(&self.id, state) };
        Change { origin: ChangeOrigin::Read { revision }, ..change }
    }

    fn last(&self) -> u64 {
        self.states[self.states.len() - 1].1
    }
}

fn state_at(states: &[(Timestamp, u64)], at: Timestamp) -> Option<(Timestamp, u64)> {
    states.iter().rev().find(|(since, _)| *since <= at).copied()
}

fn change(id: &str, version: Timestamp, origin: ChangeOrigin, mutation: Mutation) -> Change {
    Change {
        key: key(id),
        location: Some("loc_1".into()),
        version,
        origin,
        position: None,
        mutation,
        searchable: &["name"],
        refetch_task: Some(Cow::Borrowed(REFETCH_TASK)),
        on_change: None,
    }
}

fn key(id: &str) -> RecordKey {
    RecordKey { organization: ORGANIZATION.into(), kind: Cow::Borrowed("contact"), id: id.into() }
}

fn webhook(id: &str, stamp: Timestamp, number: u64) -> Change {
    let doc = json!({"id": id, "number": number}).as_object().cloned().unwrap();
    let mutation = if number == DELETED { Mutation::Delete } else { Mutation::Patch(doc.into()) };
    change(id, stamp, ChangeOrigin::Webhook, mutation)
}

fn listed(id: &str, (updated, number): (Timestamp, u64)) -> Change {
    let doc = json!({"id": id, "number": number, "dateUpdated": updated.to_string()});
    change(id, updated, ChangeOrigin::Listed, Mutation::Put(doc.as_object().cloned().unwrap().into()))
}

/// A pending refetch: its task and the change it produced.
type PendingRefetch = (Task, Change);

struct Simulation {
    store: Arc<dyn Store>,
    scenarios: Vec<RecordScenario>,
    /// The latest state that each record has reached.
    reached: BTreeMap<String, u64>,
    pending: Vec<PendingRefetch>,
    backwards: Vec<String>,
    reads: usize,
}

impl Simulation {
    async fn run(&mut self, rng: &mut SeededRng) {
        let steps = self.scenarios.iter().map(|scenario| scenario.arrivals.len()).max().unwrap();
        for step in 0..steps {
            let arrived =
                self.scenarios.iter().filter_map(|scenario| Some(scenario.arrivals.get(step)?.1.clone())).collect();
            self.store.commit(Batch { changes: arrived, ..Batch::default() }).await.unwrap();
            self.check_states(step).await;
            if rng.percent(60) {
                self.finish_refetches().await;
                self.check_states(step).await;
            }
            self.begin_refetches(step).await;
        }
        // The worker runs until no refetch task is left.
        loop {
            self.begin_refetches(usize::MAX).await;
            if self.pending.is_empty() {
                return;
            }
            self.finish_refetches().await;
        }
    }

    /// Claims the refetch tasks and produces their changes, which are written later.
    async fn begin_refetches(&mut self, step: usize) {
        let now = SystemClock::new().now() + Duration::from_secs(1);
        let tasks = self
            .store
            .claim_tasks(&[REFETCH_TASK], &ClaimRequest::new(1_000, Duration::from_secs(3_600), now))
            .await
            .unwrap();
        for task in tasks {
            let id = task.payload["id"].as_str().unwrap();
            let scenario = self.scenarios.iter().find(|scenario| scenario.id == id).unwrap();
            let at = scenario.arrivals.get(step).map_or(Timestamp::from_micros(i64::MAX), |arrival| arrival.0);
            let revision = self.store.record(&key(id)).await.unwrap().map_or(0, |record| record.revision);
            let found = scenario.refetch(at, revision);
            self.pending.push((task, found));
        }
    }

    async fn finish_refetches(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.reads += pending.len();
        for batch in pending.chunks(SIMULATION_RECORDS) {
            let (tasks, changes) = batch.iter().cloned().unzip::<_, _, Vec<_>, Vec<_>>();
            let outbox_done = tasks.into_iter().map(|task| task.claim).collect();
            let outcome = self.store.commit(Batch { changes, outbox_done, ..Batch::default() }).await.unwrap();
            assert!(outcome.committed);
        }
    }

    /// Records every record that returned to an older state.
    async fn check_states(&mut self, step: usize) {
        for scenario in &self.scenarios {
            let Some(record) = self.store.record(&key(&scenario.id)).await.unwrap() else { continue };
            let now = if record.deleted { DELETED } else { record.doc["number"].as_u64().unwrap() };
            let before = self.reached.entry(scenario.id.clone()).or_insert(0);
            if now < *before {
                self.backwards.push(format!(
                    "{} went from {before} to {now} at step {step}: {:?}",
                    scenario.id, scenario.arrivals
                ));
            }
            *before = now.max(*before);
        }
    }
}

test_on_each_database!(an_older_state_never_overwrites_a_newer_one);

async fn an_older_state_never_overwrites_a_newer_one(database: DatabaseKind) {
    let count = scaled(10_000, 500);
    let mut rng = SeededRng::new("engine order");
    let begin = SystemClock::new().now() - Duration::from_secs(86_400);
    let (mut scenarios, mut arrivals, mut reads, mut backwards, mut wrong) = (0, 0, 0, Vec::new(), Vec::new());
    while scenarios < count {
        let test_database = TestDatabase::new(database).await;
        let store = open_store(&test_database.url()).await;
        let records = (0..SIMULATION_RECORDS)
            .map(|n| RecordScenario::new(format!("c{}", scenarios + n), begin, &mut rng))
            .collect();
        let mut simulation = Simulation {
            store,
            scenarios: records,
            reached: BTreeMap::new(),
            pending: vec![],
            backwards: vec![],
            reads: 0,
        };
        simulation.run(&mut rng).await;
        simulation.check_states(usize::MAX).await;
        for scenario in &simulation.scenarios {
            let end = simulation.reached.get(&scenario.id).copied();
            let stored = simulation.store.record(&key(&scenario.id)).await.unwrap().unwrap();
            let now = if stored.deleted { DELETED } else { stored.doc["number"].as_u64().unwrap() };
            if now != scenario.last() {
                wrong.push(format!(
                    "{} ended as {now} (reached {end:?}), {:?}\n{:?}",
                    scenario.id, scenario.states, scenario.arrivals
                ));
            }
            arrivals += scenario.arrivals.len();
        }
        scenarios += SIMULATION_RECORDS;
        reads += simulation.reads;
        backwards.append(&mut simulation.backwards);
    }
    println!("{scenarios} records, {arrivals} arrivals, {reads} refetches");
    assert!(reads > 0, "no refetch was needed: the test proves nothing");
    let reached =
        format!("{scenarios} interleavings, {} overwrites by older data, {} wrong ends", backwards.len(), wrong.len());
    proof(
        &format!("R5 {database}"),
        "10,000 interleavings (quick 500), 0 overwrites by older data",
        reached,
        backwards.is_empty() && wrong.is_empty(),
    );
    assert!(backwards.is_empty(), "{}", backwards[0]);
    assert!(wrong.is_empty(), "{}", wrong[0]);
}
