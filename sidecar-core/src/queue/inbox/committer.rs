use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Claim, Inbox, NewDelivery, Receipt};
use crate::{
    error::StoreError,
    time::{Clock, SystemClock},
};

/// The most deliveries in one commit.
const MAX_BATCH_ROWS: usize = 512;
/// The most body bytes in one commit.
const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// The most deliveries that may wait for their commit; further ones are rejected as overload.
const MAX_QUEUED_ROWS: usize = 4_096;
/// The most KiB of bodies that may wait.
const MAX_QUEUED_KIB: usize = 64 * 1024;
/// The most locally claimed deliveries that may wait for the worker of this process: about half a second of its work.
const MAX_LOCAL_CLAIMS: usize = 4_096;
/// Lease for locally claimed deliveries; also the redelivery delay when this process crashes.
const LOCAL_CLAIM_LEASE: Duration = Duration::from_secs(6);

/// When the store takes longer than this to fail, the deliveries queued by then fail with it instead of waiting as long again.
const SLOW_FAILURE: Duration = Duration::from_secs(1);

/// Why a delivery was not stored. The sender must not get a success response.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// Too many deliveries wait for the database: ask the sender to retry.
    #[error("too many deliveries are waiting to be stored; retry later")]
    Overloaded,
    /// The store failed.
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
    /// The committer is shutting down.
    #[error("the server is shutting down")]
    Stopping,
}

struct Waiting {
    delivery: NewDelivery,
    reply: oneshot::Sender<Result<Receipt, StoreError>>,
    /// Returned to the semaphore with the reply.
    _permit: OwnedSemaphorePermit,
}

impl Waiting {
    fn fail(self, error: &StoreError) {
        // The receiver is gone when the sender disconnected.
        let _ = self.reply.send(Err(error.clone()));
    }
}

/// The receiving end of the deliveries that a [`Committer`] claimed for the worker of the same process. When it is dropped,
/// deliveries are stored without a claim.
#[derive(Debug)]
pub struct LocalClaims(pub(super) mpsc::Receiver<LocalClaim>);

/// A claimed delivery, and the monotonic time at which its lease ends.
pub(super) type LocalClaim = (Claim, Duration);

/// The sending end of [`LocalClaims`].
#[derive(Debug, Clone)]
struct LocalQueue {
    sender: mpsc::Sender<LocalClaim>,
    clock: Arc<dyn Clock>,
}

/// Shares one durable commit among the deliveries that arrive while the previous one is under way.
///
/// No timer: when one delivery comes alone, it is committed at once. Cheap to clone; the task behind it ends with the
/// last clone, after what was accepted is committed.
#[derive(Clone, Debug)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    capacity: Arc<Semaphore>,
    local_queue: Arc<Mutex<Option<LocalQueue>>>,
}

impl Committer {
    /// Starts the committing task on the current tokio runtime. `wake` is notified when there is something to claim.
    pub fn new(inbox: Arc<dyn Inbox>, wake: Arc<Notify>) -> Self {
        let (queue, receiver) = mpsc::channel(MAX_QUEUED_ROWS);
        let local_queue = Arc::default();
        tokio::spawn(commit_all(Batcher { inbox, wake, local_queue: Arc::clone(&local_queue) }, receiver));
        Self { queue, capacity: Arc::new(Semaphore::new(MAX_QUEUED_KIB)), local_queue }
    }

    /// Returns the queue that passes deliveries to a worker of this process, claimed for 6 s by the commit that stores them: the
    /// worker need not poll for them. Deliveries beyond its capacity are stored unclaimed.
    pub fn local_claims(&self, clock: Arc<dyn Clock>) -> LocalClaims {
        let (sender, receiver) = mpsc::channel(MAX_LOCAL_CLAIMS);
        *self.local_queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(LocalQueue { sender, clock });
        LocalClaims(receiver)
    }

    /// Stores a delivery. When it returns `Ok`, the delivery survives a crash.
    ///
    /// # Errors
    /// [`PutError`]: the delivery may not be stored and must not be acknowledged.
    pub async fn put(&self, delivery: NewDelivery) -> Result<Receipt, PutError> {
        let (reply, committed) = oneshot::channel();
        let kib = u32::try_from(delivery.body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.capacity).try_acquire_many_owned(kib).map_err(|_| PutError::Overloaded)?;
        self.queue.try_send(Waiting { delivery, reply, _permit: permit }).map_err(|full| match full {
            mpsc::error::TrySendError::Full(_) => PutError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => PutError::Stopping,
        })?;
        match committed.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(PutError::Stopping),
        }
    }
}

/// Stores batches of deliveries.
struct Batcher {
    inbox: Arc<dyn Inbox>,
    wake: Arc<Notify>,
    local_queue: Arc<Mutex<Option<LocalQueue>>>,
}

impl Batcher {
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError> {
        let local_queue = self.local_queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Reserve the places first: a delivery that was claimed but could not be queued would wait for its lease.
        let reserved =
            local_queue.as_ref().and_then(|queue| Some((queue, queue.sender.try_reserve_many(deliveries.len()).ok()?)));
        let Some((LocalQueue { clock, .. }, mut places)) = reserved else {
            let receipts = self.inbox.put(deliveries).await?;
            self.wake.notify_one();
            return Ok(receipts);
        };
        let until = clock.monotonic() + LOCAL_CLAIM_LEASE;
        let enqueued = self.inbox.put_and_claim(deliveries, LOCAL_CLAIM_LEASE, clock.now()).await?;
        if enqueued.iter().any(|row| row.receipt == Receipt::New && row.claim.is_none()) {
            self.wake.notify_one();
        }
        for (row, delivery) in enqueued.iter().zip(deliveries) {
            if let (Some(claim), Some(place)) = (&row.claim, places.next()) {
                place.send((Claim { claim: claim.clone(), attempt: 1, delivery: delivery.clone() }, until));
            }
        }
        Ok(enqueued.into_iter().map(|row| row.receipt).collect())
    }
}

async fn commit_all(batcher: Batcher, mut queue: mpsc::Receiver<Waiting>) {
    let clock = SystemClock::new();
    let mut waiting = Vec::with_capacity(MAX_BATCH_ROWS);
    while queue.recv_many(&mut waiting, MAX_BATCH_ROWS).await > 0 {
        let mut rest = waiting.split_off(0);
        while !rest.is_empty() {
            let later = rest.split_off(fitting(&rest));
            let started = clock.monotonic();
            let outcome = commit(&batcher, std::mem::replace(&mut rest, later)).await;
            if let Err(error) = outcome
                && clock.monotonic() - started >= SLOW_FAILURE
            {
                rest.extend((0..queue.len()).map_while(|_| queue.try_recv().ok()));
                rest.drain(..).for_each(|waiting| waiting.fail(&error));
            }
        }
    }
}

/// Returns how many of the deliveries fit into one commit; at least one.
fn fitting(waiting: &[Waiting]) -> usize {
    let mut bytes = 0_usize;
    let fits = waiting.iter().take_while(|w| {
        bytes = bytes.saturating_add(w.delivery.body.len());
        bytes <= MAX_BATCH_BYTES
    });
    fits.count().max(1)
}

/// Commits a batch. When the store rejects it permanently, each half is tried alone, so that one delivery that cannot be stored
/// does not fail the others.
///
/// # Errors
/// The store is out of reach; every delivery of the batch got the error.
async fn commit(batcher: &Batcher, mut batch: Vec<Waiting>) -> Result<(), StoreError> {
    let deliveries: Vec<_> = batch.iter().map(|waiting| waiting.delivery.clone()).collect();
    match batcher.put(&deliveries).await {
        Ok(receipts) => {
            for (waiting, receipt) in batch.into_iter().zip(receipts) {
                // A sender that disconnected delivers again and gets `Duplicate`.
                let _ = waiting.reply.send(Ok(receipt));
            }
            Ok(())
        }
        Err(error) if !error.is_retryable() && batch.len() > 1 => {
            let second = batch.split_off(batch.len() / 2);
            Box::pin(commit(batcher, batch)).await.and(Box::pin(commit(batcher, second)).await)
        }
        Err(error) => {
            tracing::error!(%error, deliveries = batch.len(), "could not store deliveries");
            batch.into_iter().for_each(|waiting| waiting.fail(&error));
            if error.is_retryable() { Err(error) } else { Ok(()) }
        }
    }
}
