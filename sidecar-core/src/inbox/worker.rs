use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Claim, Inbox, LocalClaims, committer::Handed};
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
    /// How long a lot that was handed over waits for more deliveries: what a lot costs is shared by all of it.
    pub linger: Duration,
    /// How long tasks under way get when the worker stops. The claims of those that are left are handed back then: another
    /// worker need not wait for their leases.
    pub shutdown_grace: Duration,
    /// The waits after each failed attempt; after the last one it is given up.
    pub retries: Vec<Duration>,
}

impl Default for WorkerConfig {
    /// 500 at once, leases of 30 s, a look every 500 ms, 20 ms to gather, 8 s to end; tried again after 5 s, 30 s, 2 min, 10 min and 1 h.
    fn default() -> Self {
        Self {
            batch: 500,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            linger: Duration::from_millis(20),
            shutdown_grace: Duration::from_secs(8),
            retries: [5, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec(),
        }
    }
}

/// From this attempt on a delivery is worked on alone: those before may have ended with their worker.
const SUSPICIOUS: u32 = 3;
/// Why a claim that was never finished is given up.
const HOPELESS: &str = "claimed again and again but never finished: whoever worked on it died";

impl WorkerConfig {
    /// The same for tasks, which wait for other systems: 16 at once, leases of 90 s.
    pub fn for_tasks() -> Self {
        Self { batch: 16, lease: Duration::from_secs(90), ..Self::default() }
    }

    /// Whether a claim was made so often that its attempts must have ended without a word.
    fn is_hopeless(&self, attempt: u32) -> bool {
        usize::try_from(attempt).unwrap_or(usize::MAX) > self.retries.len() + 3
    }

    /// When a thing that failed its attempt number `attempt` (from 1) is due again; `None`: give it up.
    pub fn retry_at(&self, attempt: u32, now: Timestamp) -> Option<Timestamp> {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        self.retries.get(index).map(|wait| now + *wait)
    }
}

/// What a handler makes of one delivery.
#[derive(Debug)]
pub enum DeliveryOutcome {
    /// Its effects are in the plan's batch (or it has none): finished when the batch is committed.
    Done,
    /// It cannot be worked on now; it is tried again on the schedule and then given up.
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

/// What is to be written for a claimed lot.
#[derive(Debug, Default)]
pub struct Plan {
    /// Changes, history and tasks of all deliveries that are done. The worker adds the finished claims. When a verdict is
    /// not [`DeliveryOutcome::Done`], nothing of it is written, and a plan for the others is asked for.
    pub batch: Batch,
    /// One verdict per claim, in order.
    pub verdicts: Vec<DeliveryOutcome>,
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
        let (_, nothing) = mpsc::channel(1);
        self.go_on(LocalClaims(nothing), &stop).await;
    }

    /// The same, and works on what a [`Committer`](super::Committer) of this process hands over.
    pub async fn run_with(&self, handed: LocalClaims, stop: CancellationToken) {
        self.go_on(handed, &stop).await;
    }

    async fn go_on(&self, LocalClaims(mut handed): LocalClaims, stop: &CancellationToken) {
        let mut lot = Vec::new();
        let mut look_at = self.clock.monotonic();
        while !stop.is_cancelled() {
            let now = self.clock.monotonic();
            if now >= look_at {
                let found = self.claim(self.config.batch).await.inspect_err(|error| {
                    tracing::error!(%error, "the inbox could not be looked at; looking again");
                });
                let claims = found.unwrap_or_default();
                look_at = if claims.is_empty() { now + self.config.poll } else { now };
                self.work_while_held(claims, now + self.config.lease, stop).await;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                _ = handed.recv_many(&mut lot, self.config.batch as usize), if !handed.is_closed() => {
                    self.gather(&mut handed, &mut lot).await;
                    self.work_handed(&mut lot, stop).await;
                }
                () = self.wake.notified() => look_at = self.clock.monotonic(),
                () = self.clock.sleep(look_at.saturating_sub(self.clock.monotonic())) => {}
            }
        }
        handed.close();
        while handed.recv_many(&mut lot, self.config.batch as usize).await > 0 {
            self.work_handed(&mut lot, stop).await;
        }
    }

    /// Lets more come, if there is room in the lot.
    async fn gather(&self, handed: &mut mpsc::Receiver<Handed>, lot: &mut Vec<Handed>) {
        let room = self.config.batch as usize;
        if lot.len() < room {
            self.clock.sleep(self.config.linger).await;
            lot.extend(std::iter::from_fn(|| handed.try_recv().ok()).take(room - lot.len()));
        }
    }

    /// Those whose lease ran out while they waited here are for whoever claims them.
    async fn work_handed(&self, lot: &mut Vec<Handed>, stop: &CancellationToken) {
        let soon = self.clock.monotonic() + self.config.poll;
        let held: Vec<Handed> = lot.drain(..).filter(|(_, until)| *until > soon).collect();
        let Some(held_until) = held.iter().map(|(_, until)| *until).min() else { return };
        self.work_while_held(held.into_iter().map(|(claim, _)| claim).collect(), held_until, stop).await;
    }

    /// Works one lot; says how many deliveries it held.
    ///
    /// # Errors
    /// [`StoreError`]: nothing is lost, the lot is due again when its lease ends.
    pub async fn step(&self) -> Result<usize, StoreError> {
        let claims = self.claim(self.config.batch).await?;
        let count = claims.len();
        self.work_lot(claims).await?;
        Ok(count)
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claim>, StoreError> {
        self.inbox.claim(limit, self.config.lease, self.clock.now()).await
    }

    /// Works a lot, again and again while the store does not answer: when it is back, nobody has to wait for the lease to
    /// end. What was written without our knowing is not written twice, since its claims have ended. A store that took claims
    /// and nothing else says nothing against the deliveries: their attempts are not counted.
    async fn work_while_held(&self, claims: Vec<Claim>, held_until: Duration, stop: &CancellationToken) {
        while let Err(error) = self.work_lot(claims.clone()).await {
            tracing::error!(%error, deliveries = claims.len(), "the inbox could not be worked on");
            let over = self.clock.monotonic() + 2 * self.config.poll >= held_until;
            if over || stop.run_until_cancelled(self.clock.sleep(self.config.poll)).await.is_none() {
                if let Err(error) = self.hand_back(&claims).await {
                    tracing::warn!(%error, "deliveries were not handed back; they are due when their lease ends");
                }
                return;
            }
        }
    }

    async fn work_lot(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        match claims.iter().all(|claim| claim.attempt < SUSPICIOUS) {
            true => self.work(claims, &mut HashMap::new()).await,
            false => self.work_one_by_one(claims).await,
        }
    }

    /// Works a lot that somebody may have died of. Only what is worked on is at risk then, and only its attempts count: each
    /// delivery is claimed by itself, and the one that is to blame is given up when that happens too often.
    async fn work_one_by_one(&self, claims: Vec<Claim>) -> Result<(), StoreError> {
        self.hand_back(&claims).await?;
        for _ in 0..claims.len() {
            let Some(claim) = self.claim(1).await?.pop() else { break };
            if self.config.is_hopeless(claim.attempt) {
                self.inbox.fail(&claim.claim, HOPELESS, None).await?;
            } else {
                self.work(vec![claim], &mut HashMap::new()).await?;
            }
        }
        Ok(())
    }

    async fn hand_back(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let claims: Vec<_> = claims.iter().map(|claim| claim.claim.clone()).collect();
        self.inbox.release_claims(&claims, self.clock.now()).await
    }

    /// Plans and commits claims. `stopped` holds the order keys whose earlier delivery failed, with the time at which it is
    /// tried again: what follows waits for it.
    async fn work(&self, claims: Vec<Claim>, stopped: &mut HashMap<OrderKey, Timestamp>) -> Result<(), StoreError> {
        let (waiting, claims): (Vec<_>, Vec<_>) = claims.into_iter().partition(|c| stopped.contains_key(&order_key(c)));
        for claim in &waiting {
            let until = stopped.get(&order_key(claim)).copied();
            self.inbox
                .fail(&claim.claim, "an earlier delivery of the same thing has to be worked on first", until)
                .await?;
        }
        if claims.is_empty() {
            return Ok(());
        }
        let plan = match AssertUnwindSafe(self.handler.plan(&claims)).catch_unwind().await {
            Ok(Ok(plan)) => plan,
            Ok(Err(error)) if error.is_retryable() => return Err(error),
            Ok(Err(error)) => return self.refused(claims, &error.to_string(), stopped).await,
            Err(_) => return self.refused(claims, "the handler panicked", stopped).await,
        };
        if plan.verdicts.len() != claims.len() {
            let why = format!("the handler gave {} verdicts for {} deliveries", plan.verdicts.len(), claims.len());
            return self.refused(claims, &why, stopped).await;
        }
        if plan.batch.changes.len() > MAX_CHANGES {
            let why = format!("{} changes at once, {MAX_CHANGES} are allowed", plan.batch.changes.len());
            return self.refused(claims, &why, stopped).await;
        }
        let failed: Vec<_> = claims.iter().zip(&plan.verdicts).filter_map(|(c, v)| Some((c, v.failure()?))).collect();
        if failed.is_empty() {
            return self.commit(claims, plan.batch, stopped).await;
        }
        // A failed delivery's followers must not overtake it, and their part of the plan cannot be taken out of it.
        for (claim, why) in &failed {
            if let Some(until) = self.fail(claim, why).await? {
                stopped.insert(order_key(claim), until);
            }
        }
        let failed: HashSet<i64> = failed.iter().map(|(claim, _)| claim.claim.seq).collect();
        let rest = claims.into_iter().filter(|claim| !failed.contains(&claim.claim.seq)).collect();
        Box::pin(self.work(rest, stopped)).await
    }

    async fn commit(
        &self,
        claims: Vec<Claim>,
        mut batch: Batch,
        stopped: &mut HashMap<OrderKey, Timestamp>,
    ) -> Result<(), StoreError> {
        batch.inbox_done.extend(claims.iter().map(|claim| claim.claim.clone()));
        match self.records.commit(batch).await {
            Ok(outcome) if outcome.committed => self.handler.committed(&claims, &outcome),
            Ok(_) => {
                tracing::warn!("claims were lost to another worker; nothing was written");
                // Those that were not lost need not wait for their lease.
                self.hand_back(&claims).await?;
            }
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => return self.refused(claims, &error.to_string(), stopped).await,
        }
        Ok(())
    }

    /// A lot that cannot be worked on as a whole is halved, until the one delivery that is to blame is alone.
    async fn refused(
        &self,
        mut claims: Vec<Claim>,
        why: &str,
        stopped: &mut HashMap<OrderKey, Timestamp>,
    ) -> Result<(), StoreError> {
        if let [claim] = &claims[..] {
            if let Some(until) = self.fail(claim, why).await? {
                stopped.insert(order_key(claim), until);
            }
            return Ok(());
        }
        let second = claims.split_off(claims.len() / 2);
        Box::pin(self.work(claims, stopped)).await?;
        Box::pin(self.work(second, stopped)).await
    }

    /// Answers when it is tried again; `None` when it is given up.
    async fn fail(&self, claim: &Claim, why: &str) -> Result<Option<Timestamp>, StoreError> {
        let retry_at = self.config.retry_at(claim.attempt, self.clock.now());
        let (source, id) = (&claim.delivery.source, &claim.delivery.id);
        match retry_at {
            Some(at) => {
                tracing::warn!(%source, %id, attempt = claim.attempt, %at, why, "a delivery failed and is tried again")
            }
            None => tracing::error!(%source, %id, attempt = claim.attempt, why, "a delivery is given up"),
        }
        self.inbox.fail(&claim.claim, why, retry_at).await?;
        Ok(retry_at)
    }
}

type OrderKey = (Cow<'static, str>, Arc<str>);

fn order_key(claim: &Claim) -> OrderKey {
    (claim.delivery.source.clone(), Arc::clone(&claim.delivery.order_key))
}
