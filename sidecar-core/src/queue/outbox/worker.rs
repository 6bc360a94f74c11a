use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{Outbox, Task, TaskRef};
use crate::{
    commit::{Batch, Records},
    error::StoreError,
    queue::{WorkerConfig, claim::Turns},
    time::{Clock, Timestamp, timeout},
};

/// How a task ended.
#[derive(Debug)]
pub enum TaskOutcome {
    /// It succeeded. The batch holds its effects (the new state of a record, further tasks); the worker adds the finished
    /// claim.
    Done(Box<Batch>),
    /// It cannot run now, without a failure of its own (a limit, a lost connection): due again at this time; the attempt does not
    /// count.
    Snooze(Timestamp, String),
    /// It failed and is likely to succeed at this time: due again then; the attempt counts.
    RetryAt(Timestamp, String),
    /// It failed. It is retried on the schedule and then dead-lettered.
    Failed(String),
    /// It can never succeed: dead-lettered at once.
    Discard(String),
}

impl TaskOutcome {
    /// Returns success with nothing to write.
    pub fn done() -> Self {
        Self::Done(Box::default())
    }
}

/// Executes tasks. A task is executed again after a crash between its effect and the commit, so the handler makes the effect
/// idempotent, by the task's key where the provider supports idempotency keys.
#[async_trait]
pub trait TaskHandler: Send + Sync + fmt::Debug {
    /// Returns the kinds of task that it executes.
    fn kinds(&self) -> &[&'static str];

    /// Executes a task.
    async fn execute(&self, task: &Task) -> TaskOutcome;
}

/// The outbox worker loop: claims, executes, commits. Several may run, in one process or many.
pub struct OutboxWorker {
    outbox: Arc<dyn Outbox>,
    records: Arc<dyn Records>,
    handler: Arc<dyn TaskHandler>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    wake: Arc<Notify>,
}

/// How many tasks a worker executes at a time: they mostly wait for other systems.
const MAX_CONCURRENT_TASKS: usize = 32;

impl fmt::Debug for OutboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWorker")
            .field("handler", &self.handler)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl OutboxWorker {
    /// Returns a worker that also claims whenever `wake` is notified. The lease of `config` must outlast the slowest task.
    pub fn new(
        outbox: Arc<dyn Outbox>,
        records: Arc<dyn Records>,
        handler: Arc<dyn TaskHandler>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
        wake: Arc<Notify>,
    ) -> Self {
        Self { outbox, records, handler, clock, config, wake }
    }

    /// Runs until `stop` is cancelled. Claimed tasks are then finished, or released after the shutdown grace. A slow task delays
    /// only the tasks of its order key.
    pub async fn run(&self, stop: CancellationToken) {
        let running_claims = Mutex::new(HashMap::new());
        let mut running = FuturesUnordered::new();
        let mut turns = Turns::default();
        while !stop.is_cancelled() {
            let claim = self.claim(MAX_CONCURRENT_TASKS - running.len(), &mut turns);
            match while_running(&mut running, claim).await {
                Ok(tasks) => {
                    lock(&running_claims).extend(tasks.iter().map(|task| (task.claim.seq, task.claim.clone())));
                    running.extend(tasks.into_iter().map(|task| self.work(task, &running_claims)));
                }
                Err(error) => tracing::error!(%error, "could not claim tasks; retrying"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.clock.sleep(self.config.poll) => {}
                Some(()) = running.next() => {}
            }
        }
        let ended = async { while running.next().await.is_some() {} };
        if timeout(&*self.clock, self.config.shutdown_grace, ended).await.is_err() {
            // One of the tasks may hold the connection that the release needs.
            drop(running);
            self.release(&running_claims).await;
        }
    }

    /// Releases the tasks that did not end in time, without counting the attempt.
    async fn release(&self, running_claims: &RunningClaims) {
        let claims: Vec<TaskRef> = lock(running_claims).drain().map(|(_, claim)| claim).collect();
        for claim in claims {
            let why = "its process was shut down";
            if let Err(error) = self.outbox.snooze_task(&claim, why, self.clock.now()).await {
                tracing::warn!(%error, seq = claim.seq, "could not release a task; it is due when its lease expires");
            }
        }
    }

    async fn claim(&self, free: usize, turns: &mut Turns) -> Result<Vec<Task>, StoreError> {
        let limit = self.config.batch.min(u32::try_from(free).unwrap_or(u32::MAX));
        if limit == 0 {
            return Ok(Vec::new());
        }
        let request = self.config.claim_request(limit, turns, self.clock.now());
        let tasks = self.outbox.claim_tasks(self.handler.kinds(), &request).await?;
        turns.record(&request, tasks.iter().map(|task| task.organization.as_str()));
        Ok(tasks)
    }

    async fn work(&self, task: Task, running_claims: &RunningClaims) {
        async {
            if let Err(error) = self.execute(&task).await {
                // Nothing is lost: the task is due again when its lease expires.
                tracing::error!(%error, "could not store the outcome of a task");
            }
        }
        .instrument(task.span())
        .await;
        lock(running_claims).remove(&task.claim.seq);
    }

    async fn execute(&self, task: &Task) -> Result<(), StoreError> {
        if self.config.is_poison(task.attempt) {
            let why = WorkerConfig::poison_reason(task.attempt);
            tracing::error!(why, "task dead-lettered");
            return self.outbox.fail_task(&task.claim, &why, None).await;
        }
        let now = || self.clock.now();
        let outcome = AssertUnwindSafe(self.handler.execute(task)).catch_unwind().await;
        match outcome.unwrap_or_else(|_| TaskOutcome::Failed("the handler panicked".to_owned())) {
            TaskOutcome::Done(batch) => self.finish(task, *batch).await,
            TaskOutcome::Snooze(at, why) => self.outbox.snooze_task(&task.claim, &why, at).await,
            TaskOutcome::RetryAt(at, why) => self.outbox.fail_task(&task.claim, &why, Some(at)).await,
            TaskOutcome::Failed(why) => {
                let retry_at = self.config.retry_at(task.attempt, now());
                match retry_at {
                    Some(at) => tracing::warn!(%at, why, "task failed; retry scheduled"),
                    None => tracing::error!(why, "task dead-lettered"),
                }
                self.outbox.fail_task(&task.claim, &why, retry_at).await
            }
            TaskOutcome::Discard(why) => {
                tracing::error!(why, "task dead-lettered");
                self.outbox.fail_task(&task.claim, &why, None).await
            }
        }
    }

    /// Commits the result and retries while the store is out of reach, so that an executed task need not be executed again. The
    /// claim makes a second commit harmless.
    async fn finish(&self, task: &Task, mut batch: Batch) -> Result<(), StoreError> {
        batch.outbox_done.push(task.claim.clone());
        let until = self.clock.monotonic() + self.config.shutdown_grace;
        let committed = loop {
            match self.records.commit(batch.clone()).await {
                Err(error) if error.is_retryable() && self.clock.monotonic() < until => {
                    tracing::warn!(%error, "could not commit the result of a task; retrying");
                    self.clock.sleep(self.config.poll).await;
                }
                outcome => break outcome,
            }
        };
        match committed {
            Ok(outcome) => {
                if !outcome.committed {
                    tracing::warn!("the claim was lost to another worker after the task was executed");
                }
                Ok(())
            }
            // Another execution would end the same.
            Err(error) if !error.is_retryable() => {
                let why = format!("executed, but its result cannot be stored: {error}");
                self.outbox.fail_task(&task.claim, &why, None).await
            }
            Err(error) => Err(error),
        }
    }
}

/// The claims of running tasks, by sequence number.
type RunningClaims = Mutex<HashMap<i64, TaskRef>>;

fn lock(running_claims: &RunningClaims) -> MutexGuard<'_, HashMap<i64, TaskRef>> {
    running_claims.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Awaits `work` while the running tasks progress: one of them may hold the connection that `work` waits for.
async fn while_running<T>(tasks: &mut FuturesUnordered<impl Future<Output = ()>>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(()) = tasks.next() => {}
        }
    }
}
