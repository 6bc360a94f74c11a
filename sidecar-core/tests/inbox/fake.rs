//! An inbox in memory, and a handler that has one kind of trouble with one delivery.

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

use super::records::CommitsBy;

/// The id of the delivery that causes trouble.
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

/// What [`BAD`] does to whoever meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The handler's verdict is that it failed.
    Fails,
    /// No plan can be made of a lot with it.
    CannotBePlanned,
    /// The handler panics.
    Panics,
    /// The handler never returns: its process died.
    Kills,
    /// The store refuses a batch with it for good.
    IsRefused,
    /// The store is out of reach.
    StoreGone,
    /// The store fails to commit a batch with it, each time with an error that looks temporary.
    AlwaysConflicts,
}

#[derive(Debug)]
struct Row {
    delivery: NewDelivery,
    attempt: u32,
    due: Duration,
    open: bool,
}

/// Keeps deliveries and tells in which order they ended.
#[derive(Debug)]
pub(crate) struct FakeInbox {
    clock: Arc<dyn Clock>,
    rows: Mutex<Vec<Row>>,
    trouble: Mutex<Option<Trouble>>,
    /// While it is `false`, no commit ends.
    pub(crate) open: watch::Sender<bool>,
    /// The lots that were put, by count and bytes.
    pub(crate) lots: Mutex<Vec<(usize, usize)>>,
    done: Mutex<Vec<String>>,
    dead: Mutex<Vec<(String, String)>>,
}

impl FakeInbox {
    pub(crate) fn new(clock: Arc<dyn Clock>, trouble: Option<Trouble>) -> Self {
        Self {
            clock,
            trouble: Mutex::new(trouble),
            open: watch::Sender::new(true),
            rows: Mutex::default(),
            lots: Mutex::default(),
            done: Mutex::default(),
            dead: Mutex::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap()
    }

    fn trouble(&self) -> Option<Trouble> {
        *self.trouble.lock().unwrap()
    }

    fn at(seq: i64) -> usize {
        usize::try_from(seq).unwrap()
    }

    /// Ends the claims of a committed batch.
    fn finish(&self, batch: &Batch) -> Result<Outcome, StoreError> {
        let mut rows = self.rows();
        let done: Vec<_> = batch.inbox_done.iter().map(|claim| Self::at(claim.seq)).collect();
        let has_bad = done.iter().any(|place| &*rows[*place].delivery.id == BAD);
        match self.trouble() {
            Some(Trouble::IsRefused) if has_bad => return Err(StoreError::broken("refused")),
            Some(Trouble::AlwaysConflicts) if has_bad => return Err(StoreError::unavailable("write conflict")),
            Some(Trouble::StoreGone) => return Err(StoreError::unavailable("gone")),
            _ => {}
        }
        for place in done {
            rows[place].open = false;
            self.done.lock().unwrap().push(rows[place].delivery.id.to_string());
        }
        Ok(Outcome { committed: true, ..Outcome::default() })
    }
}

#[async_trait]
impl Inbox for FakeInbox {
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError> {
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
        let bytes = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        self.lots.lock().unwrap().push((deliveries.len(), bytes));
        match self.trouble().filter(|_| deliveries.iter().any(|delivery| &*delivery.id == BAD)) {
            Some(Trouble::IsRefused) => return Err(StoreError::broken("refused")),
            Some(Trouble::StoreGone) => return Err(StoreError::unavailable("gone")),
            _ => {}
        }
        let due = self.clock.monotonic();
        let kept = deliveries.iter().map(|delivery| Row { delivery: delivery.clone(), attempt: 0, due, open: true });
        self.rows().extend(kept);
        Ok(vec![Receipt::New; deliveries.len()])
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let ClaimRequest { limit, lease, .. } = *request;
        let now = self.clock.monotonic();
        let (mut held_up, mut claims) = (HashSet::new(), Vec::new());
        for (place, row) in self.rows().iter_mut().enumerate().filter(|(_, row)| row.open) {
            if row.due > now || held_up.contains(&row.delivery.order_key) {
                held_up.insert(row.delivery.order_key.clone());
            } else if claims.len() < usize::try_from(limit).unwrap() {
                row.attempt += 1;
                row.due = now + lease;
                let claim = ClaimRef { seq: i64::try_from(place).unwrap(), fence: row.attempt.into() };
                claims.push(Claim { claim, attempt: row.attempt, delivery: row.delivery.clone() });
            }
        }
        Ok(claims)
    }

    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let row = &mut self.rows()[Self::at(claim.seq)];
        match retry_at {
            Some(at) => row.due = self.clock.monotonic() + at.since(self.clock.now()),
            None => {
                row.open = false;
                self.dead.lock().unwrap().push((row.delivery.id.to_string(), why.to_owned()));
            }
        }
        Ok(())
    }

    async fn release_claims(&self, claims: &[ClaimRef], _: Timestamp) -> Result<(), StoreError> {
        for claim in claims {
            let row = &mut self.rows()[Self::at(claim.seq)];
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
struct Handler(Trouble);

#[async_trait]
impl InboxHandler for Handler {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let is_bad = |claim: &Claim| &*claim.delivery.id == BAD;
        match self.0 {
            Trouble::CannotBePlanned if claims.iter().any(is_bad) => return Err(StoreError::broken("unreadable")),
            Trouble::Panics if claims.iter().any(is_bad) => panic!("out of bounds"),
            Trouble::Kills if claims.iter().any(is_bad) => std::future::pending().await,
            _ => {}
        }
        let verdict = |claim| match self.0 {
            Trouble::Fails if is_bad(claim) => DeliveryOutcome::Failed("not now".to_owned()),
            _ => DeliveryOutcome::Done,
        };
        Ok(Plan { batch: Batch::default(), outcomes: claims.iter().map(verdict).collect() })
    }
}

/// A worker and its inbox.
pub(crate) struct Desk {
    pub(crate) clock: Arc<dyn Clock>,
    inbox: Arc<FakeInbox>,
    pub(crate) worker: InboxWorker,
}

impl Desk {
    /// An inbox that holds deliveries, each as (id, order key), one of them [`BAD`].
    pub(crate) fn new(trouble: Trouble, deliveries: &[(&str, &str)]) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_secs(1_772_000_000)));
        let inbox = Arc::new(FakeInbox::new(clock.clone(), Some(trouble)));
        for (id, order_key) in deliveries {
            let due = clock.monotonic();
            let delivery = delivery(id, order_key, Bytes::new());
            inbox.rows().push(Row { delivery, attempt: 0, due, open: true });
        }
        let records = CommitsBy(Box::new({
            let inbox = inbox.clone();
            move |batch| inbox.finish(batch)
        }));
        let (config, wake) = (WorkerConfig::default(), Arc::new(Notify::new()));
        let worker =
            InboxWorker::new(inbox.clone(), Arc::new(records), Arc::new(Handler(trouble)), clock.clone(), config, wake);
        Self { clock, inbox, worker }
    }

    pub(crate) async fn run_for(&self, time: Duration) {
        let stop = CancellationToken::new();
        tokio::join!(self.worker.run(stop.clone()), async {
            self.clock.sleep(time).await;
            stop.cancel();
        });
    }

    /// The store has no trouble any more.
    pub(crate) fn store_is_well(&self) {
        *self.inbox.trouble.lock().unwrap() = None;
    }

    /// The ids of what was finished, in that order.
    pub(crate) fn done(&self) -> Vec<String> {
        self.inbox.done.lock().unwrap().clone()
    }

    /// What was given up: id and reason.
    pub(crate) fn dead(&self) -> Vec<(String, String)> {
        self.inbox.dead.lock().unwrap().clone()
    }

    pub(crate) fn attempts(&self, id: &str) -> u32 {
        self.inbox.rows().iter().find(|row| &*row.delivery.id == id).unwrap().attempt
    }
}
