//! An in-memory inbox, and a handler for which one delivery fails in one way.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use sidecar_core::{
    Clock, OrganizationId, StoreError, SystemClock, Timestamp,
    commit::{Batch, Outcome},
    queue::{
        ClaimRequest, WorkerConfig,
        inbox::{
            Backlog, Claim, ClaimRef, DeadLetter, DeliveryOutcome, Inbox, InboxHandler, InboxWorker, NewDelivery, Plan,
            Receipt,
        },
    },
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::records::CommitFn;

/// The id of the delivery that fails.
pub(crate) const BAD: &str = "bad";

pub(crate) fn delivery(id: &str, order_key: &str, body: Bytes) -> NewDelivery {
    NewDelivery {
        source: "acme".into(),
        id: id.into(),
        organization: None,
        order_key: order_key.into(),
        kind: "changed".into(),
        body,
        at: Timestamp::EPOCH,
    }
}

/// How [`BAD`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The handler reports that the delivery failed.
    Fails,
    /// The handler returns an error for every batch that contains it.
    CannotBePlanned,
    /// The handler panics.
    Panics,
    /// The handler never returns, as when its process crashes.
    Crashes,
    /// The store rejects every batch that contains it, permanently.
    Unstorable,
    /// The store is unavailable.
    StoreUnavailable,
    /// The store fails to commit every batch that contains it, with an error that looks temporary.
    AlwaysConflicts,
}

#[derive(Debug)]
struct Row {
    delivery: NewDelivery,
    attempt: u32,
    due: Duration,
    pending: bool,
}

/// An in-memory inbox that records the order in which deliveries end.
#[derive(Debug)]
pub(crate) struct FakeInbox {
    clock: Arc<dyn Clock>,
    rows: Mutex<Vec<Row>>,
    fault: Mutex<Option<Fault>>,
    /// While `false`, commits block.
    pub(crate) available: watch::Sender<bool>,
    /// The count and the bytes of each stored batch.
    pub(crate) batches: Mutex<Vec<(usize, usize)>>,
    done: Mutex<Vec<String>>,
    dead: Mutex<Vec<(String, String)>>,
}

impl FakeInbox {
    pub(crate) fn new(clock: Arc<dyn Clock>, fault: Option<Fault>) -> Self {
        Self {
            clock,
            fault: Mutex::new(fault),
            available: watch::Sender::new(true),
            rows: Mutex::default(),
            batches: Mutex::default(),
            done: Mutex::default(),
            dead: Mutex::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap()
    }

    fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap()
    }

    fn index_of(seq: i64) -> usize {
        usize::try_from(seq).unwrap()
    }

    /// Completes the claims of a committed batch.
    fn finish(&self, batch: &Batch) -> Result<Outcome, StoreError> {
        let mut rows = self.rows();
        let done: Vec<_> = batch.inbox_done.iter().map(|claim| Self::index_of(claim.seq)).collect();
        let has_bad = done.iter().any(|index| &*rows[*index].delivery.id == BAD);
        match self.fault() {
            Some(Fault::Unstorable) if has_bad => return Err(StoreError::broken("too large")),
            Some(Fault::AlwaysConflicts) if has_bad => return Err(StoreError::unavailable("write conflict")),
            Some(Fault::StoreUnavailable) => return Err(StoreError::unavailable("connection lost")),
            _ => {}
        }
        for index in done {
            rows[index].pending = false;
            self.done.lock().unwrap().push(rows[index].delivery.id.to_string());
        }
        Ok(Outcome { committed: true, ..Outcome::default() })
    }
}

#[async_trait]
impl Inbox for FakeInbox {
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError> {
        self.available.subscribe().wait_for(|available| *available).await.unwrap();
        let bytes = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        self.batches.lock().unwrap().push((deliveries.len(), bytes));
        match self.fault().filter(|_| deliveries.iter().any(|delivery| &*delivery.id == BAD)) {
            Some(Fault::Unstorable) => return Err(StoreError::broken("too large")),
            Some(Fault::StoreUnavailable) => return Err(StoreError::unavailable("connection lost")),
            _ => {}
        }
        let due = self.clock.monotonic();
        let rows = deliveries.iter().map(|delivery| Row { delivery: delivery.clone(), attempt: 0, due, pending: true });
        self.rows().extend(rows);
        Ok(vec![Receipt::New; deliveries.len()])
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let ClaimRequest { limit, lease, .. } = *request;
        let now = self.clock.monotonic();
        let (mut blocked_keys, mut claims) = (HashSet::new(), Vec::new());
        for (index, row) in self.rows().iter_mut().enumerate().filter(|(_, row)| row.pending) {
            if row.due > now || blocked_keys.contains(&row.delivery.order_key) {
                blocked_keys.insert(row.delivery.order_key.clone());
            } else if claims.len() < usize::try_from(limit).unwrap() {
                row.attempt += 1;
                row.due = now + lease;
                let claim = ClaimRef { seq: i64::try_from(index).unwrap(), fence: row.attempt.into() };
                claims.push(Claim { claim, attempt: row.attempt, delivery: row.delivery.clone() });
            }
        }
        Ok(claims)
    }

    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let row = &mut self.rows()[Self::index_of(claim.seq)];
        match retry_at {
            Some(at) => row.due = self.clock.monotonic() + at.since(self.clock.now()),
            None => {
                row.pending = false;
                self.dead.lock().unwrap().push((row.delivery.id.to_string(), why.to_owned()));
            }
        }
        Ok(())
    }

    async fn release_claims(&self, claims: &[ClaimRef], _: Timestamp) -> Result<(), StoreError> {
        for claim in claims {
            let row = &mut self.rows()[Self::index_of(claim.seq)];
            if i64::from(row.attempt) == claim.fence {
                (row.attempt, row.due) = (row.attempt - 1, self.clock.monotonic());
            }
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog::default())
    }
    async fn dead_letters(&self, _: Option<&OrganizationId>, _: i64, _: u32) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(Vec::new())
    }
    async fn redrive(&self, _: i64, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[derive(Debug)]
struct Handler(Fault);

#[async_trait]
impl InboxHandler for Handler {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let is_bad = |claim: &Claim| &*claim.delivery.id == BAD;
        match self.0 {
            Fault::CannotBePlanned if claims.iter().any(is_bad) => return Err(StoreError::broken("unreadable")),
            Fault::Panics if claims.iter().any(is_bad) => panic!("out of bounds"),
            Fault::Crashes if claims.iter().any(is_bad) => std::future::pending().await,
            _ => {}
        }
        let outcome = |claim| match self.0 {
            Fault::Fails if is_bad(claim) => DeliveryOutcome::Failed("not now".to_owned()),
            _ => DeliveryOutcome::Done,
        };
        Ok(Plan { batch: Batch::default(), outcomes: claims.iter().map(outcome).collect() })
    }
}

/// An inbox worker and its inbox.
pub(crate) struct Harness {
    pub(crate) clock: Arc<dyn Clock>,
    inbox: Arc<FakeInbox>,
    pub(crate) worker: InboxWorker,
}

impl Harness {
    /// Creates an inbox with deliveries, given as (id, order key). One of them is [`BAD`].
    pub(crate) fn new(fault: Fault, deliveries: &[(&str, &str)]) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let inbox = Arc::new(FakeInbox::new(clock.clone(), Some(fault)));
        for (id, order_key) in deliveries {
            let due = clock.monotonic();
            let delivery = delivery(id, order_key, Bytes::new());
            inbox.rows().push(Row { delivery, attempt: 0, due, pending: true });
        }
        let records = CommitFn(Box::new({
            let inbox = inbox.clone();
            move |batch| inbox.finish(batch)
        }));
        let (config, wake) = (WorkerConfig::default(), Arc::new(Notify::new()));
        let worker =
            InboxWorker::new(inbox.clone(), Arc::new(records), Arc::new(Handler(fault)), clock.clone(), config, wake);
        Self { clock, inbox, worker }
    }

    pub(crate) async fn run_for(&self, time: Duration) {
        let stop = CancellationToken::new();
        tokio::join!(self.worker.run(stop.clone()), async {
            self.clock.sleep(time).await;
            stop.cancel();
        });
    }

    /// Clears the fault.
    pub(crate) fn clear_fault(&self) {
        *self.inbox.fault.lock().unwrap() = None;
    }

    /// Returns the ids of the completed deliveries, in the order of completion.
    pub(crate) fn done(&self) -> Vec<String> {
        self.inbox.done.lock().unwrap().clone()
    }

    /// Returns the id and the reason of each dead letter.
    pub(crate) fn dead(&self) -> Vec<(String, String)> {
        self.inbox.dead.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self, id: &str) -> u32 {
        self.inbox.rows().iter().find(|row| &*row.delivery.id == id).unwrap().attempt
    }
}
