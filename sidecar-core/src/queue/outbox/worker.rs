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

use super::{Outbox, Task, TaskRef};
use crate::{
    commit::{Batch, Records},
    error::StoreError,
    queue::WorkerConfig,
    time::{Clock, Timestamp, timeout},
};

/// How a task ended.
#[derive(Debug)]
pub enum TaskOutcome {
    /// Carried out. What has to be written with it (the new state of a record, further tasks); the worker adds the
    /// finished claim.
    Done(Box<Batch>),
    /// Not now, and that is nobody's failure (a limit, a lost connection): due again at this time, and the attempt does not count.
    Snooze(Timestamp, String),
    /// It failed in a way that is about to pass: due again at this time, and the attempt counts.
    RetryAt(Timestamp, String),
    /// It failed; tried again on the schedule, then given up.
    Failed(String),
    /// It can never work: given up at once, for a person to look at.
    Discard(String),
}

impl TaskOutcome {
    /// Carried out, nothing to write with it.
    pub fn done() -> Self {
        Self::Done(Box::default())
    }
}

/// Carries tasks out. A task may be carried out again after a crash between the effect and its commit: the handler
/// makes the effect idempotent, by the task's key where the provider honours one.
#[async_trait]
pub trait TaskHandler: Send + Sync + fmt::Debug {
    /// The kinds of task it knows.
    fn kinds(&self) -> &[&'static str];

    /// Carries one out.
    async fn execute(&self, task: &Task) -> TaskOutcome;
}

/// Works the outbox: claims, carries out, commits. Several may run, in one process or many.
pub struct OutboxWorker {
    outbox: Arc<dyn Outbox>,
    records: Arc<dyn Records>,
    handler: Arc<dyn TaskHandler>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    wake: Arc<Notify>,
}

/// Tasks wait for other systems, so several are carried out at a time.
const AT_ONCE: usize = 16;

impl fmt::Debug for OutboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWorker")
            .field("handler", &self.handler)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl OutboxWorker {
    /// A worker that also looks whenever `wake` is notified. A claim's lease must outlast the slowest task.
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

    /// Works until `stop`; what is claimed then is finished first, or handed back when that takes too long. A slow task keeps only those of its order key waiting.
    pub async fn run(&self, stop: CancellationToken) {
        let under_way = Mutex::new(HashMap::new());
        let mut held = FuturesUnordered::new();
        while !stop.is_cancelled() {
            let claim = self.claim(AT_ONCE - held.len());
            match while_going_on(&mut held, claim).await {
                Ok(tasks) => {
                    lock(&under_way).extend(tasks.iter().map(|task| (task.claim.seq, task.claim.clone())));
                    held.extend(tasks.into_iter().map(|task| self.work(task, &under_way)));
                }
                Err(error) => tracing::error!(%error, "the outbox could not be read; looking again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = self.clock.sleep(self.config.poll) => {}
                Some(()) = held.next() => {}
            }
        }
        let ended = async { while held.next().await.is_some() {} };
        if timeout(&*self.clock, self.config.shutdown_grace, ended).await.is_err() {
            // One of them may hold the very connection that handing back needs.
            drop(held);
            self.hand_back(&under_way).await;
        }
    }

    /// Makes what did not end in time due again.
    async fn hand_back(&self, under_way: &UnderWay) {
        let claims: Vec<TaskRef> = lock(under_way).drain().map(|(_, claim)| claim).collect();
        for claim in claims {
            let why = "the process that carried it out was stopped";
            if let Err(error) = self.outbox.snooze_task(&claim, why, self.clock.now()).await {
                tracing::warn!(%error, seq = claim.seq, "a task was not handed back; it is due when its lease ends");
            }
        }
    }

    async fn claim(&self, free: usize) -> Result<Vec<Task>, StoreError> {
        let limit = self.config.batch.min(u32::try_from(free).unwrap_or(u32::MAX));
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.outbox.claim_tasks(self.handler.kinds(), limit, self.config.lease, self.clock.now()).await
    }

    async fn work(&self, task: Task, under_way: &UnderWay) {
        if let Err(error) = self.carry_out(&task).await {
            // Nothing is lost: the task is due again when its lease ends.
            tracing::error!(kind = task.kind, key = task.key, %error, "how a task ended could not be stored");
        }
        lock(under_way).remove(&task.claim.seq);
    }

    async fn carry_out(&self, task: &Task) -> Result<(), StoreError> {
        let now = || self.clock.now();
        let outcome = AssertUnwindSafe(self.handler.execute(task)).catch_unwind().await;
        match outcome.unwrap_or_else(|_| TaskOutcome::Failed("the handler panicked".to_owned())) {
            TaskOutcome::Done(batch) => self.finish(task, *batch).await,
            TaskOutcome::Snooze(at, why) => self.outbox.snooze_task(&task.claim, &why, at).await,
            TaskOutcome::RetryAt(at, why) => self.outbox.fail_task(&task.claim, &why, Some(at)).await,
            TaskOutcome::Failed(why) => {
                let retry_at = self.config.retry_at(task.attempt, now());
                tracing::warn!(
                    kind = task.kind,
                    key = task.key,
                    attempt = task.attempt,
                    ?retry_at,
                    why,
                    "a task failed"
                );
                self.outbox.fail_task(&task.claim, &why, retry_at).await
            }
            TaskOutcome::Discard(why) => {
                tracing::error!(kind = task.kind, key = task.key, why, "a task is given up");
                self.outbox.fail_task(&task.claim, &why, None).await
            }
        }
    }

    /// Stores the result, again and again while the store does not answer and the claim holds: a task that is carried out need
    /// not be carried out twice because of that. Its claim makes a second store of it harmless.
    async fn finish(&self, task: &Task, mut batch: Batch) -> Result<(), StoreError> {
        batch.outbox_done.push(task.claim.clone());
        let until = self.clock.monotonic() + self.config.shutdown_grace;
        let committed = loop {
            match self.records.commit(batch.clone()).await {
                Err(error) if error.is_retryable() && self.clock.monotonic() < until => {
                    tracing::warn!(kind = task.kind, key = task.key, %error, "a task's end could not be stored yet");
                    self.clock.sleep(self.config.poll).await;
                }
                outcome => break outcome,
            }
        };
        match committed {
            Ok(outcome) => {
                if !outcome.committed {
                    let (kind, key) = (&task.kind, &task.key);
                    tracing::warn!(kind, key, "a task was lost to another worker after it was carried out");
                }
                Ok(())
            }
            // Carrying it out again would have the same end.
            Err(error) if !error.is_retryable() => {
                let why = format!("carried out, but its result cannot be stored: {error}");
                self.outbox.fail_task(&task.claim, &why, None).await
            }
            Err(error) => Err(error),
        }
    }
}

/// The claims of tasks that are being carried out, by their place.
type UnderWay = Mutex<HashMap<i64, TaskRef>>;

fn lock(under_way: &UnderWay) -> MutexGuard<'_, HashMap<i64, TaskRef>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Awaits `wanted` and lets the tasks go on meanwhile: one of them may hold the very connection that `wanted` waits for.
async fn while_going_on<T>(
    tasks: &mut FuturesUnordered<impl Future<Output = ()>>,
    wanted: impl Future<Output = T>,
) -> T {
    let mut wanted = std::pin::pin!(wanted);
    loop {
        tokio::select! {
            done = &mut wanted => return done,
            Some(()) = tasks.next() => {}
        }
    }
}
