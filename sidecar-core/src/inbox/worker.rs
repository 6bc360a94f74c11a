use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Claim, Inbox};
use crate::{
    error::StoreError,
    record::{Batch, MAX_CHANGES, Outcome, Records},
    time::{Clock, Timestamp},
};

/// How a worker loop works, for the inbox and the outbox alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// The most claims at once.
    pub batch: u32,
    /// How long a claim lives without being finished: how soon another worker may take over after a crash.
    pub lease: Duration,
    /// How often to look when nobody wakes the loop.
    pub poll: Duration,
    /// The waits after each failed attempt; after the last one it is given up.
    pub retries: Vec<Duration>,
}

impl Default for WorkerConfig {
    /// 250 at once, leases of 30 s, a look every 500 ms; tried again after 5 s, 30 s, 2 min, 10 min and 1 h.
    fn default() -> Self {
        Self {
            batch: 250,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            retries: [5, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec(),
        }
    }
}

impl WorkerConfig {
    /// When a thing that failed its attempt number `attempt` (from 1) is due again; `None`: give it up.
    pub fn retry_at(&self, attempt: u32, now: Timestamp) -> Option<Timestamp> {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        self.retries.get(index).map(|wait| now + *wait)
    }
}

/// What a handler makes of one delivery.
#[derive(Debug)]
pub enum Verdict {
    /// Its effects are in the plan's batch (or it has none): finished when the batch is committed.
    Done,
    /// It cannot be worked on now; it is tried again on the schedule and then given up.
    Failed(String),
}

/// What is to be written for a claimed lot.
#[derive(Debug, Default)]
pub struct Plan {
    /// Changes, history and tasks of all deliveries that are done. The worker adds the finished claims.
    pub batch: Batch,
    /// One verdict per claim, in order.
    pub verdicts: Vec<Verdict>,
}

/// Turns deliveries into what is to be written. It must not have effects of its own: a plan may be made more than once.
#[async_trait]
pub trait InboxHandler: Send + Sync + fmt::Debug {
    /// Plans a lot of claims, which come in the order in which they have to take effect.
    ///
    /// # Errors
    /// The store could not be asked: the lot stays claimed and is looked at again when its lease ends.
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError>;

    /// Told after each commit, for logs and metrics.
    fn committed(&self, claims: &[Claim], outcome: &Outcome) {
        let _ = (claims, outcome);
    }
}

/// Works the inbox: claims, plans, commits. Several may run, in one process or many.
pub struct InboxWorker {
    inbox: Arc<dyn Inbox>,
    records: Arc<dyn Records>,
    handler: Arc<dyn InboxHandler>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    wake: Arc<Notify>,
}

impl fmt::Debug for InboxWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxWorker")
            .field("handler", &self.handler)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl InboxWorker {
    /// A worker that also looks whenever `wake` is notified.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        records: Arc<dyn Records>,
        handler: Arc<dyn InboxHandler>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
        wake: Arc<Notify>,
    ) -> Self {
        Self { inbox, records, handler, clock, config, wake }
    }

    /// Works until `stop`; what is claimed then is finished first.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let worked = match self.step().await {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::error!(%error, "the inbox could not be worked on; looking again");
                    0
                }
            };
            if worked == 0 {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.wake.notified() => {}
                    () = self.clock.sleep(self.config.poll) => {}
                }
            }
        }
    }

    /// Works one lot; says how many deliveries it held.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost, the lot is due again when its lease ends.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let claims = self.inbox.claim(self.config.batch, self.config.lease, self.clock.now()).await?;
        if !claims.is_empty() {
            self.work(&claims).await?;
        }
        Ok(claims.len())
    }

    async fn work(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let plan = self.handler.plan(claims).await?;
        if plan.verdicts.len() != claims.len() || plan.batch.changes.len() > MAX_CHANGES {
            return self.work_halves(claims, &plan).await;
        }
        let mut batch = plan.batch;
        for (claim, verdict) in claims.iter().zip(&plan.verdicts) {
            match verdict {
                Verdict::Done => batch.inbox_done.push(claim.claim.clone()),
                Verdict::Failed(why) => self.fail(claim, why).await?,
            }
        }
        if batch.inbox_done.is_empty() {
            return Ok(());
        }
        match self.records.commit(batch).await {
            Ok(outcome) if outcome.committed => self.handler.committed(claims, &outcome),
            Ok(_) => tracing::warn!("claims were lost to another worker; nothing was written"),
            // One delivery that the store refuses must not take the others with it.
            Err(error) if !error.is_retryable() && claims.len() > 1 => return self.halve(claims).await,
            Err(error) if !error.is_retryable() => self.fail(&claims[0], &error.to_string()).await?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn work_halves(&self, claims: &[Claim], plan: &Plan) -> Result<(), StoreError> {
        match claims {
            [claim] => {
                let why = format!("{} changes for one delivery, {MAX_CHANGES} are allowed", plan.batch.changes.len());
                self.fail(claim, &why).await
            }
            _ => self.halve(claims).await,
        }
    }

    async fn halve(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let (first, second) = claims.split_at(claims.len() / 2);
        Box::pin(self.work(first)).await?;
        Box::pin(self.work(second)).await
    }

    async fn fail(&self, claim: &Claim, why: &str) -> Result<(), StoreError> {
        let retry_at = self.config.retry_at(claim.attempt, self.clock.now());
        let (source, id) = (&claim.delivery.source, &claim.delivery.id);
        match retry_at {
            Some(at) => {
                tracing::warn!(%source, %id, attempt = claim.attempt, %at, why, "a delivery failed and is tried again")
            }
            None => tracing::error!(%source, %id, attempt = claim.attempt, why, "a delivery is given up"),
        }
        self.inbox.fail(&claim.claim, why, retry_at).await
    }
}
