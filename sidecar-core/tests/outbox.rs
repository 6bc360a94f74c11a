//! The outbox worker: every task outcome, and the isolation of tasks from each other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/records.rs"]
mod records;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use sidecar_core::{
    Clock, OrganizationId, StoreError, SystemClock, Timestamp,
    commit::{Batch, Outcome},
    queue::{
        ClaimRequest, WorkerConfig,
        outbox::{DeadTask, Outbox, OutboxWorker, Task, TaskHandler, TaskOutcome, TaskRef},
    },
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use records::CommitFn;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Task kinds. Each names the outcome that the handler or the store gives it.
const KINDS: &[&str] = &[
    "succeeds",
    "snoozed",
    "fails",
    "discarded",
    "panics",
    "unstorable",
    "unstorable until attempt 3",
    "never storable",
    "slow",
];

#[derive(Debug)]
struct Row {
    kind: &'static str,
    attempt: u32,
    due: Duration,
    outcome: Option<TerminalOutcome>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TerminalOutcome {
    Done,
    Dead(String),
}

/// An in-memory outbox.
#[derive(Debug)]
struct FakeOutbox {
    clock: Arc<dyn Clock>,
    rows: Mutex<Vec<Row>>,
}

impl FakeOutbox {
    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap()
    }

    fn finish(&self, batch: &Batch) -> Result<Outcome, StoreError> {
        for claim in &batch.outbox_done {
            let row = &mut self.rows()[index_of(claim)];
            match row.kind {
                "unstorable" => return Err(StoreError::broken("too large")),
                "unstorable until attempt 3" if row.attempt < 3 => {
                    return Err(StoreError::unavailable("connection lost"));
                }
                "never storable" => return Err(StoreError::unavailable("write conflict")),
                _ => row.outcome = Some(TerminalOutcome::Done),
            }
        }
        Ok(Outcome { committed: true, ..Outcome::default() })
    }
}

fn index_of(claim: &TaskRef) -> usize {
    usize::try_from(claim.seq).unwrap()
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn claim_tasks(&self, _: &[&str], request: &ClaimRequest) -> Result<Vec<Task>, StoreError> {
        let ClaimRequest { limit, lease, .. } = *request;
        let now = self.clock.monotonic();
        let mut rows = self.rows();
        let due = rows.iter_mut().enumerate().filter(|(_, row)| row.outcome.is_none() && row.due <= now);
        let claimed = due.take(usize::try_from(limit).unwrap()).map(|(index, row)| {
            row.attempt += 1;
            row.due = now + lease;
            Task {
                claim: TaskRef { seq: i64::try_from(index).unwrap(), fence: row.attempt.into() },
                organization: "org".into(),
                kind: row.kind.to_owned(),
                key: index.to_string(),
                payload: Value::Null,
                attempt: row.attempt,
            }
        });
        Ok(claimed.collect())
    }

    async fn fail_task(&self, claim: &TaskRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let row = &mut self.rows()[index_of(claim)];
        match retry_at {
            Some(at) => row.due = self.clock.monotonic() + at.since(self.clock.now()),
            None => row.outcome = Some(TerminalOutcome::Dead(why.to_owned())),
        }
        Ok(())
    }

    async fn snooze_task(&self, claim: &TaskRef, _: &str, until: Timestamp) -> Result<(), StoreError> {
        let row = &mut self.rows()[index_of(claim)];
        row.attempt -= 1;
        row.due = self.clock.monotonic() + until.since(self.clock.now());
        Ok(())
    }

    async fn waiting_tasks(&self) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }
    async fn dead_tasks(&self, _: Option<&OrganizationId>, _: i64, _: u32) -> Result<Vec<DeadTask>, StoreError> {
        Ok(Vec::new())
    }
    async fn redrive_task(&self, _: i64, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Returns the outcome that the task's kind names and counts the executions per kind.
#[derive(Debug)]
struct Handler {
    clock: Arc<dyn Clock>,
    executions: Mutex<HashMap<String, u32>>,
}

#[async_trait]
impl TaskHandler for Handler {
    fn kinds(&self) -> &[&'static str] {
        KINDS
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        let count = {
            let mut executions = self.executions.lock().unwrap();
            let count = executions.entry(task.kind.clone()).or_default();
            *count += 1;
            *count
        };
        match task.kind.as_str() {
            "snoozed" if count <= 20 => TaskOutcome::Snooze(self.clock.now() + SECOND * 60, "limited".to_owned()),
            "fails" => TaskOutcome::Failed("503".to_owned()),
            "discarded" => TaskOutcome::Discard("no such thing".to_owned()),
            "panics" => panic!("out of bounds"),
            "slow" => {
                self.clock.sleep(SECOND * 60).await;
                TaskOutcome::done()
            }
            _ => TaskOutcome::done(),
        }
    }
}

struct Harness {
    clock: Arc<dyn Clock>,
    outbox: Arc<FakeOutbox>,
    handler: Arc<Handler>,
}

impl Harness {
    fn new(kinds: &[&'static str]) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let rows = kinds.iter().map(|kind| Row { kind, attempt: 0, due: Duration::ZERO, outcome: None }).collect();
        let outbox = Arc::new(FakeOutbox { clock: clock.clone(), rows: Mutex::new(rows) });
        let handler = Arc::new(Handler { clock: clock.clone(), executions: Mutex::default() });
        Self { clock, outbox, handler }
    }

    /// Runs a worker for `time` and waits until it has shut down.
    async fn run_for(&self, time: Duration) {
        let outbox = self.outbox.clone();
        let records = CommitFn(Box::new(move |batch| outbox.finish(batch)));
        let (config, wake) = (WorkerConfig::for_tasks(), Arc::new(Notify::new()));
        let (outbox, handler) = (self.outbox.clone(), self.handler.clone());
        let worker = OutboxWorker::new(outbox, Arc::new(records), handler, self.clock.clone(), config, wake);
        let stop = CancellationToken::new();
        tokio::join!(worker.run(stop.clone()), async {
            self.clock.sleep(time).await;
            stop.cancel();
        });
    }

    fn outcomes(&self) -> Vec<Option<TerminalOutcome>> {
        self.outbox.rows().iter().map(|row| row.outcome.clone()).collect()
    }

    fn executions(&self, kind: &str) -> u32 {
        self.handler.executions.lock().unwrap().get(kind).copied().unwrap_or_default()
    }
}

fn dead(why: &str) -> Option<TerminalOutcome> {
    Some(TerminalOutcome::Dead(why.to_owned()))
}

fn done() -> Option<TerminalOutcome> {
    Some(TerminalOutcome::Done)
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_result_cannot_be_stored_is_dead_lettered_once() {
    let harness = Harness::new(&["unstorable"]);
    harness.run_for(2 * HOUR).await;
    let why = "executed, but its result cannot be stored: too large";
    assert_eq!((harness.outcomes(), harness.executions("unstorable")), (vec![dead(why)], 1));
}

#[tokio::test(start_paused = true)]
async fn a_task_runs_again_when_its_lease_ends_without_a_stored_result() {
    let harness = Harness::new(&["unstorable until attempt 3"]);
    harness.run_for(SECOND * 300).await;
    assert_eq!((harness.outcomes(), harness.executions("unstorable until attempt 3")), (vec![done()], 3));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_reaches_an_outcome_is_dead_lettered() {
    let harness = Harness::new(&["never storable", "succeeds"]);
    harness.run_for(HOUR).await;
    let outcomes = harness.outcomes();
    let is_poison = |why: &String| why.contains("poison message: claimed 8 times");
    assert!(matches!(&outcomes[0], Some(TerminalOutcome::Dead(why)) if is_poison(why)), "{outcomes:?}");
    assert_eq!((&outcomes[1], harness.executions("never storable")), (&done(), 8));
}

#[tokio::test(start_paused = true)]
async fn snoozes_do_not_count_as_attempts() {
    let harness = Harness::new(&["snoozed"]);
    harness.run_for(SECOND * 59).await;
    assert_eq!(harness.executions("snoozed"), 1, "a snoozed task is not claimed early");
    harness.run_for(HOUR).await;
    assert_eq!((harness.outcomes(), harness.executions("snoozed")), (vec![done()], 21));
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_is_dead_lettered_after_its_retries() {
    let harness = Harness::new(&["fails"]);
    harness.run_for(HOUR).await;
    assert_eq!((harness.outcomes(), harness.executions("fails")), (vec![None], 5));
    harness.run_for(HOUR).await;
    assert_eq!((harness.outcomes(), harness.executions("fails")), (vec![dead("503")], 6));
}

#[tokio::test(start_paused = true)]
async fn a_discarded_task_is_dead_lettered_at_once() {
    let harness = Harness::new(&["discarded"]);
    harness.run_for(SECOND).await;
    assert_eq!((harness.outcomes(), harness.executions("discarded")), (vec![dead("no such thing")], 1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_handler_fails_only_its_own_task() {
    let harness = Harness::new(&["succeeds", "panics", "succeeds"]);
    harness.run_for(SECOND).await;
    assert_eq!(harness.outcomes(), [done(), None, done()]);
    harness.run_for(2 * HOUR).await;
    assert_eq!((harness.outcomes()[1].clone(), harness.executions("panics")), (dead("the handler panicked"), 6));
}

#[tokio::test(start_paused = true)]
async fn slow_tasks_do_not_delay_other_tasks() {
    let mut kinds = vec!["slow"; 10];
    kinds.extend(["succeeds"; 100]);
    let harness = Harness::new(&kinds);
    tokio::join!(harness.run_for(SECOND * 59), async {
        harness.clock.sleep(SECOND * 58).await;
        assert_eq!(harness.executions("succeeds"), 100);
    });
    let all_done = harness.outcomes().iter().all(|outcome| *outcome == done());
    assert!(all_done, "the worker finishes its claimed tasks before it stops");
}

#[tokio::test(start_paused = true)]
async fn a_stopping_worker_releases_tasks_that_exceed_the_grace_period() {
    let harness = Harness::new(&["slow", "succeeds"]);
    let started = harness.clock.monotonic();
    harness.run_for(SECOND * 10).await;
    let stopped = harness.clock.monotonic();
    assert!(stopped - started <= SECOND * 20, "the worker took {:?} to stop", stopped - started);
    assert_eq!(harness.outcomes(), [None, done()]);
    assert!(harness.outbox.rows()[0].due <= stopped, "the released task is due before its lease ends");
}
