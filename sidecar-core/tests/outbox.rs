//! The outbox worker: how a task may end, and that none takes another with it.

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

use records::CommitsBy;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// The kinds of task; each says what becomes of it.
const KINDS: &[&str] =
    &["well", "later", "fails", "refused", "panics", "unstorable", "unstorable now", "never storable", "slow"];

#[derive(Debug)]
struct Row {
    kind: &'static str,
    attempt: u32,
    due: Duration,
    end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Done,
    Dead(String),
}

/// Tasks in memory.
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
            let row = &mut self.rows()[at(claim)];
            match row.kind {
                "unstorable" => return Err(StoreError::broken("too large")),
                "unstorable now" if row.attempt < 3 => return Err(StoreError::unavailable("gone")),
                "never storable" => return Err(StoreError::unavailable("write conflict")),
                _ => row.end = Some(End::Done),
            }
        }
        Ok(Outcome { committed: true, ..Outcome::default() })
    }
}

fn at(claim: &TaskRef) -> usize {
    usize::try_from(claim.seq).unwrap()
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn claim_tasks(&self, _: &[&str], request: &ClaimRequest) -> Result<Vec<Task>, StoreError> {
        let ClaimRequest { limit, lease, .. } = *request;
        let now = self.clock.monotonic();
        let mut rows = self.rows();
        let due = rows.iter_mut().enumerate().filter(|(_, row)| row.end.is_none() && row.due <= now);
        let claimed = due.take(usize::try_from(limit).unwrap()).map(|(place, row)| {
            row.attempt += 1;
            row.due = now + lease;
            Task {
                claim: TaskRef { seq: i64::try_from(place).unwrap(), fence: row.attempt.into() },
                organization: "org".into(),
                kind: row.kind.to_owned(),
                key: place.to_string(),
                payload: Value::Null,
                attempt: row.attempt,
            }
        });
        Ok(claimed.collect())
    }

    async fn fail_task(&self, claim: &TaskRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let row = &mut self.rows()[at(claim)];
        match retry_at {
            Some(at) => row.due = self.clock.monotonic() + at.since(self.clock.now()),
            None => row.end = Some(End::Dead(why.to_owned())),
        }
        Ok(())
    }

    async fn snooze_task(&self, claim: &TaskRef, _: &str, until: Timestamp) -> Result<(), StoreError> {
        let row = &mut self.rows()[at(claim)];
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

/// Carries tasks out as their kind says, and counts.
#[derive(Debug)]
struct Handler {
    clock: Arc<dyn Clock>,
    carried_out: Mutex<HashMap<String, u32>>,
}

#[async_trait]
impl TaskHandler for Handler {
    fn kinds(&self) -> &[&'static str] {
        KINDS
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        let times = {
            let mut carried_out = self.carried_out.lock().unwrap();
            let times = carried_out.entry(task.kind.clone()).or_default();
            *times += 1;
            *times
        };
        match task.kind.as_str() {
            "later" if times <= 20 => TaskOutcome::Snooze(self.clock.now() + SECOND * 60, "limited".to_owned()),
            "fails" => TaskOutcome::Failed("503".to_owned()),
            "refused" => TaskOutcome::Discard("no such thing".to_owned()),
            "panics" => panic!("out of bounds"),
            "slow" => {
                self.clock.sleep(SECOND * 60).await;
                TaskOutcome::done()
            }
            _ => TaskOutcome::done(),
        }
    }
}

struct Desk {
    clock: Arc<dyn Clock>,
    outbox: Arc<FakeOutbox>,
    handler: Arc<Handler>,
}

impl Desk {
    fn new(kinds: &[&'static str]) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let rows = kinds.iter().map(|kind| Row { kind, attempt: 0, due: Duration::ZERO, end: None }).collect();
        let outbox = Arc::new(FakeOutbox { clock: clock.clone(), rows: Mutex::new(rows) });
        let handler = Arc::new(Handler { clock: clock.clone(), carried_out: Mutex::default() });
        Self { clock, outbox, handler }
    }

    /// Lets a worker run for a time. What it holds then it finishes.
    async fn run_for(&self, time: Duration) {
        let outbox = self.outbox.clone();
        let records = CommitsBy(Box::new(move |batch| outbox.finish(batch)));
        let (config, wake) = (WorkerConfig::for_tasks(), Arc::new(Notify::new()));
        let (outbox, handler) = (self.outbox.clone(), self.handler.clone());
        let worker = OutboxWorker::new(outbox, Arc::new(records), handler, self.clock.clone(), config, wake);
        let stop = CancellationToken::new();
        tokio::join!(worker.run(stop.clone()), async {
            self.clock.sleep(time).await;
            stop.cancel();
        });
    }

    fn ends(&self) -> Vec<Option<End>> {
        self.outbox.rows().iter().map(|row| row.end.clone()).collect()
    }

    fn times(&self, kind: &str) -> u32 {
        self.handler.carried_out.lock().unwrap().get(kind).copied().unwrap_or_default()
    }
}

fn dead(why: &str) -> Option<End> {
    Some(End::Dead(why.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_result_is_refused_is_given_up_and_not_carried_out_again() {
    let desk = Desk::new(&["unstorable"]);
    desk.run_for(2 * HOUR).await;
    assert_eq!(desk.times("unstorable"), 1);
    let ends = desk.ends();
    assert!(matches!(&ends[0], Some(End::Dead(why)) if why.contains("carried out") && why.contains("too large")));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_result_cannot_be_stored_now_is_carried_out_again_when_its_lease_ends() {
    let desk = Desk::new(&["unstorable now"]);
    desk.run_for(SECOND * 300).await;
    assert_eq!((desk.ends(), desk.times("unstorable now")), (vec![Some(End::Done)], 3));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_never_reaches_an_outcome_is_dead_lettered() {
    let desk = Desk::new(&["never storable", "well"]);
    desk.run_for(HOUR).await;
    let ends = desk.ends();
    assert!(matches!(&ends[0], Some(End::Dead(why)) if why.contains("poison message: claimed 8 times")), "{ends:?}");
    assert_eq!((&ends[1], desk.times("never storable")), (&Some(End::Done), 8));
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_put_off_more_often_than_it_may_fail() {
    let desk = Desk::new(&["later"]);
    desk.run_for(SECOND * 59).await;
    assert_eq!(desk.times("later"), 1, "not before the time it named");
    desk.run_for(HOUR).await;
    assert_eq!((desk.ends(), desk.times("later")), (vec![Some(End::Done)], 21));
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_is_given_up_after_its_retries() {
    let desk = Desk::new(&["fails"]);
    desk.run_for(HOUR).await;
    assert_eq!((desk.ends(), desk.times("fails")), (vec![None], 5));
    desk.run_for(HOUR).await;
    assert_eq!((desk.ends(), desk.times("fails")), (vec![dead("503")], 6));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_can_never_work_is_given_up_at_once() {
    let desk = Desk::new(&["refused"]);
    desk.run_for(SECOND).await;
    assert_eq!((desk.ends(), desk.times("refused")), (vec![dead("no such thing")], 1));
}

#[tokio::test(start_paused = true)]
async fn a_panicking_handler_fails_its_task_alone() {
    let desk = Desk::new(&["well", "panics", "well"]);
    desk.run_for(SECOND).await;
    assert_eq!(desk.ends(), [Some(End::Done), None, Some(End::Done)]);
    desk.run_for(2 * HOUR).await;
    assert_eq!((desk.ends()[1].clone(), desk.times("panics")), (dead("the handler panicked"), 6));
}

#[tokio::test(start_paused = true)]
async fn slow_tasks_do_not_keep_the_others_waiting() {
    let mut kinds = vec!["slow"; 10];
    kinds.extend(["well"; 100]);
    let desk = Desk::new(&kinds);
    tokio::join!(desk.run_for(SECOND * 59), async {
        desk.clock.sleep(SECOND * 58).await;
        assert_eq!(desk.times("well"), 100);
    });
    assert!(desk.ends().iter().all(|end| *end == Some(End::Done)), "what was held when the worker stopped is finished");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_when_the_worker_stops_is_handed_back_at_once() {
    let desk = Desk::new(&["slow", "well"]);
    let begun = desk.clock.monotonic();
    desk.run_for(SECOND * 10).await;
    let stopped = desk.clock.monotonic();
    assert!(stopped - begun <= SECOND * 20, "the worker took {:?} to stop", stopped - begun);
    assert_eq!(desk.ends(), [None, Some(End::Done)]);
    assert!(desk.outbox.rows()[0].due <= stopped, "another worker need not wait for the lease to end");
}
