use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Claim, Inbox, LocalClaims, committer::LocalClaim};
use crate::{
    commit::{Batch, MAX_CHANGES, Outcome, Records},
    error::StoreError,
    id::OrganizationId,
    queue::{WorkerConfig, claim::Turns},
    record::Change,
    time::{Clock, Timestamp},
};

/// From this attempt on a delivery is processed alone: its earlier attempts may have crashed their worker.
const ISOLATE_FROM_ATTEMPT: u32 = 3;

/// A batch that failed so often with a retryable error is processed delivery by delivery: one of them may cause the error.
const ISOLATE_AFTER_FAILURES: u32 = 2;

/// How the processing of one delivery ended.
#[derive(Debug)]
pub enum DeliveryOutcome {
    /// The plan's batch holds its effects, if it has any. The delivery is finished when the batch is committed.
    Done,
    /// It failed, with the reason. It is retried on the schedule and then dead-lettered.
    Failed(String),
}

impl DeliveryOutcome {
    fn failure(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Failed(why) => Some(why),
        }
    }
}

/// The result of planning a batch of claims.
#[derive(Debug, Default)]
pub struct Plan {
    /// Changes, event log entries and tasks of all deliveries that are done. The worker adds the finished claims. When an
    /// outcome is not [`DeliveryOutcome::Done`], nothing of the batch is written and the other deliveries are planned again.
    pub batch: Batch,
    /// One outcome per claim, in order.
    pub outcomes: Vec<DeliveryOutcome>,
}

impl Plan {
    /// Adds the changes of a delivery, except those of records whose ids cannot be stored. Returns how many were left out.
    pub fn add_changes(&mut self, changes: Vec<Change>) -> usize {
        let count = changes.len();
        let before = self.batch.changes.len();
        self.batch.changes.extend(changes.into_iter().filter(|change| change.key.check().is_ok()));
        count - (self.batch.changes.len() - before)
    }
}

/// Turns deliveries into a batch to commit. A handler has no side effects: the same delivery may be planned more than once.
#[async_trait]
pub trait InboxHandler: Send + Sync + fmt::Debug {
    /// Plans a batch of claims. They come in the order in which they have to take effect.
    ///
    /// # Errors
    /// [`StoreError`] when the store is out of reach: the claims stay held and are retried.
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError>;

    /// Called after each commit, for logs and metrics.
    fn committed(&self, claims: &[Claim], outcome: &Outcome) {
        let _ = (claims, outcome);
    }
}

/// The inbox worker loop: claims, plans, commits. Several may run, in one process or many.
pub struct InboxWorker {
    inbox: Arc<dyn Inbox>,
    records: Arc<dyn Records>,
    handler: Arc<dyn InboxHandler>,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
    wake: Arc<Notify>,
    turns: Mutex<Turns>,
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
    /// Returns a worker that also claims whenever `wake` is notified.
    pub fn new(
        inbox: Arc<dyn Inbox>,
        records: Arc<dyn Records>,
        handler: Arc<dyn InboxHandler>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
        wake: Arc<Notify>,
    ) -> Self {
        Self { inbox, records, handler, clock, config, wake, turns: Mutex::default() }
    }

    /// Runs until `stop` is cancelled; claims held then are finished first.
    pub async fn run(&self, stop: CancellationToken) {
        let (_, nothing) = mpsc::channel(1);
        self.run_loop(LocalClaims(nothing), &stop).await;
    }

    /// Runs like [`InboxWorker::run`], and also processes the deliveries that a [`Committer`](super::Committer) of this process
    /// claimed for it.
    pub async fn run_with_local_claims(&self, local_claims: LocalClaims, stop: CancellationToken) {
        self.run_loop(local_claims, &stop).await;
    }

    async fn run_loop(&self, LocalClaims(mut local_claims): LocalClaims, stop: &CancellationToken) {
        let mut local = Vec::new();
        let mut poll_at = self.clock.monotonic();
        while !stop.is_cancelled() {
            let now = self.clock.monotonic();
            if now >= poll_at {
                let claimed = self.claim(self.config.batch).await.inspect_err(|error| {
                    tracing::error!(%error, "could not claim deliveries; retrying");
                });
                let claims = claimed.unwrap_or_default();
                poll_at = if claims.is_empty() { now + self.config.poll } else { now };
                self.process_until_lease_ends(claims, now + self.config.lease, stop).await;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = local_claims.recv_many(&mut local, self.config.batch as usize), if !local_claims.is_closed() => {
                    self.linger(&mut local_claims, &mut local).await;
                    self.process_local(&mut local, stop).await;
                }
                () = self.wake.notified() => poll_at = self.clock.monotonic(),
                () = self.clock.sleep(poll_at.saturating_sub(self.clock.monotonic())) => {}
            }
        }
        local_claims.close();
        while local_claims.recv_many(&mut local, self.config.batch as usize).await > 0 {
            self.process_local(&mut local, stop).await;
        }
    }

    /// Waits for more local claims when the batch is not full.
    async fn linger(&self, local_claims: &mut mpsc::Receiver<LocalClaim>, batch: &mut Vec<LocalClaim>) {
        let limit = self.config.batch as usize;
        if batch.len() < limit {
            self.clock.sleep(self.config.linger).await;
            batch.extend(std::iter::from_fn(|| local_claims.try_recv().ok()).take(limit - batch.len()));
        }
    }

    /// Processes the local claims whose lease still holds. The others are left for the next worker that claims them.
    async fn process_local(&self, batch: &mut Vec<LocalClaim>, stop: &CancellationToken) {
        let soon = self.clock.monotonic() + self.config.poll;
        let held: Vec<LocalClaim> = batch.drain(..).filter(|(_, until)| *until > soon).collect();
        let Some(expires_at) = held.iter().map(|(_, until)| *until).min() else { return };
        self.process_until_lease_ends(held.into_iter().map(|(claim, _)| claim).collect(), expires_at, stop).await;
    }

    /// Claims and processes one batch; returns how many deliveries it held.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost, the batch is due again when its lease ends.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let claims = self.claim(self.config.batch).await?;
        let count = claims.len();
        self.process_batch(claims).await?;
        Ok(count)
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let request = self.config.claim_request(limit, &self.turns(), self.clock.now());
        let claims = self.inbox.claim(&request).await?;
        let organizations = claims.iter().map(|claim| &claim.delivery.organization);
        let ids = organizations.map(|organization| organization.as_ref().map_or("", OrganizationId::as_str));
        self.turns().record(&request, ids);
        Ok(claims)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes a batch and retries while the store is out of reach and the lease holds, so that recovery does not wait for
    /// the lease to end. A commit whose response was lost is not written twice, since its claims are finished. A failing store
    /// says nothing about the deliveries, so the claims are released without counting the attempt.
    async fn process_until_lease_ends(&self, claims: Vec<Claim>, expires_at: Duration, stop: &CancellationToken) {
        let mut failures = 0;
        while let Err(error) = self.process_batch(claims.clone()).await {
            tracing::error!(%error, deliveries = claims.len(), "could not process deliveries; retrying");
            failures += 1;
            if failures == ISOLATE_AFTER_FAILURES {
                return self.process_isolated(claims, expires_at).await;
            }
            let over = self.clock.monotonic() + 2 * self.config.poll >= expires_at;
            if over || stop.run_until_cancelled(self.clock.sleep(self.config.poll)).await.is_none() {
                return self.try_release(&claims).await;
            }
        }
    }

    async fn process_batch(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        match claims.iter().all(|claim| claim.attempt < ISOLATE_FROM_ATTEMPT) {
            true => self.process(claims, &mut HashMap::new()).await,
            false => self.process_one_by_one(claims).await,
        }
    }

    /// Processes deliveries that may crash the worker one at a time: each is claimed alone, so that only its own attempts count,
    /// and the poison message among them is dead-lettered.
    async fn process_one_by_one(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        self.release(&claims).await?;
        for _ in 0..claims.len() {
            let Some(claim) = self.claim(1).await?.pop() else { break };
            if self.config.is_poison(claim.attempt) {
                self.inbox.fail(&claim.claim, &WorkerConfig::poison_reason(claim.attempt), None).await?;
            } else {
                self.process_alone(&claim, &mut HashMap::new()).await?;
            }
        }
        Ok(())
    }

    /// Processes each delivery of a batch alone. A delivery that fails although the store commits other batches causes the failure
    /// itself: it is retried on its schedule. When the store is out of reach, the remaining claims are released.
    async fn process_isolated(&self, claims: Vec<Claim>, expires_at: Duration) {
        let mut blocked = HashMap::new();
        for (index, claim) in claims.iter().enumerate() {
            let lease_ends = self.clock.monotonic() + 2 * self.config.poll >= expires_at;
            if lease_ends || self.process_alone(claim, &mut blocked).await.is_err() {
                return self.try_release(&claims[index..]).await;
            }
        }
    }

    /// # Errors
    /// [`StoreError`] when the store is out of reach.
    async fn process_alone(&self, claim: &Claim, blocked: &mut HashMap<OrderKey, Timestamp>) -> Result<(), StoreError> {
        let Err(error) = self.process(vec![claim.clone()], blocked).await else { return Ok(()) };
        self.records.commit(Batch::default()).await?;
        self.bisect(vec![claim.clone()], &error.to_string(), blocked).await
    }

    async fn try_release(&self, claims: &[Claim]) {
        if let Err(error) = self.release(claims).await {
            tracing::warn!(%error, "could not release deliveries; they are due when their lease expires");
        }
    }

    async fn release(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let claims: Vec<_> = claims.iter().map(|claim| claim.claim.clone()).collect();
        self.inbox.release_claims(&claims, self.clock.now()).await
    }

    /// Plans and commits claims. `blocked` holds the order keys whose earlier delivery failed, with the time of its retry:
    /// later deliveries of these keys wait for it.
    async fn process(&self, claims: Vec<Claim>, blocked: &mut HashMap<OrderKey, Timestamp>) -> Result<(), StoreError> {
        let (waiting, claims): (Vec<_>, Vec<_>) = claims.into_iter().partition(|c| blocked.contains_key(&order_key(c)));
        for claim in &waiting {
            let until = blocked.get(&order_key(claim)).copied();
            self.inbox
                .fail(&claim.claim, "waiting for the retry of an earlier delivery with the same order key", until)
                .await?;
        }
        if claims.is_empty() {
            return Ok(());
        }
        let plan = match AssertUnwindSafe(self.handler.plan(&claims)).catch_unwind().await {
            Ok(Ok(plan)) => plan,
            Ok(Err(error)) if error.is_retryable() => return Err(error),
            Ok(Err(error)) => return self.bisect(claims, &error.to_string(), blocked).await,
            Err(_) => return self.bisect(claims, "the handler panicked", blocked).await,
        };
        if plan.outcomes.len() != claims.len() {
            let why = format!("the handler returned {} outcomes for {} deliveries", plan.outcomes.len(), claims.len());
            return self.bisect(claims, &why, blocked).await;
        }
        if plan.batch.changes.len() > MAX_CHANGES {
            let why = format!("the plan holds {} changes; at most {MAX_CHANGES} are allowed", plan.batch.changes.len());
            return self.bisect(claims, &why, blocked).await;
        }
        let failed: Vec<_> = claims.iter().zip(&plan.outcomes).filter_map(|(c, v)| Some((c, v.failure()?))).collect();
        if failed.is_empty() {
            return self.commit(claims, plan.batch, blocked).await;
        }
        // Later deliveries of its key must not overtake a failed one, and the plan cannot be split per delivery: plan again.
        for (claim, why) in &failed {
            if let Some(until) = self.fail(claim, why).await? {
                blocked.insert(order_key(claim), until);
            }
        }
        let failed: HashSet<i64> = failed.iter().map(|(claim, _)| claim.claim.seq).collect();
        let rest = claims.into_iter().filter(|claim| !failed.contains(&claim.claim.seq)).collect();
        Box::pin(self.process(rest, blocked)).await
    }

    async fn commit(
        &self,
        claims: Vec<Claim>,
        mut batch: Batch,
        blocked: &mut HashMap<OrderKey, Timestamp>,
    ) -> Result<(), StoreError> {
        batch.inbox_done.extend(claims.iter().map(|claim| claim.claim.clone()));
        match self.records.commit(batch).await {
            Ok(outcome) if outcome.committed => self.handler.committed(&claims, &outcome),
            Ok(_) => {
                tracing::warn!("claims were lost to another worker; nothing was written");
                // The claims that are still held need not wait for their lease.
                self.release(&claims).await?;
            }
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => return self.bisect(claims, &error.to_string(), blocked).await,
        }
        Ok(())
    }

    /// Isolates the delivery that fails a whole batch by halving the batch.
    async fn bisect(
        &self,
        mut claims: Vec<Claim>,
        why: &str,
        blocked: &mut HashMap<OrderKey, Timestamp>,
    ) -> Result<(), StoreError> {
        if let [claim] = &claims[..] {
            if let Some(until) = self.fail(claim, why).await? {
                blocked.insert(order_key(claim), until);
            }
            return Ok(());
        }
        let second = claims.split_off(claims.len() / 2);
        Box::pin(self.process(claims, blocked)).await?;
        Box::pin(self.process(second, blocked)).await
    }

    /// Returns when the delivery is retried; `None` when it was dead-lettered.
    async fn fail(&self, claim: &Claim, why: &str) -> Result<Option<Timestamp>, StoreError> {
        let retry_at = self.config.retry_at(claim.attempt, self.clock.now());
        claim.span().in_scope(|| match retry_at {
            Some(at) => tracing::warn!(%at, why, "delivery failed; retry scheduled"),
            None => tracing::error!(why, "delivery dead-lettered"),
        });
        self.inbox.fail(&claim.claim, why, retry_at).await?;
        Ok(retry_at)
    }
}

type OrderKey = (Cow<'static, str>, Arc<str>);

fn order_key(claim: &Claim) -> OrderKey {
    (claim.delivery.source.clone(), Arc::clone(&claim.delivery.order_key))
}
