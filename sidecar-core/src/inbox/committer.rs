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

/// The most deliveries that share one commit.
const BATCH: usize = 512;
/// The most body bytes that share one commit.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How many deliveries may wait for their commit before further ones are refused.
const QUEUE: usize = 4_096;
/// How many KiB of bodies may wait.
const QUEUE_KIB: usize = 64 * 1024;
/// How many claimed deliveries may wait for the worker of this process: about what it works on in half a second.
const HANDED: usize = 4_096;
/// How long a delivery that is handed over is held for it. Short: when its process ends before it is worked on, or never learns
/// that it was kept, it has to wait for so long.
const HANDED_LEASE: Duration = Duration::from_secs(6);

/// A store that took so long to say that it is out of reach: whoever queued meanwhile would wait as long again, and is told
/// at once.
const SLOW: Duration = Duration::from_secs(1);

/// Why a delivery is not kept. The sender must not be told otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PutError {
    /// Too many deliveries wait for the database: ask the sender to come again.
    #[error("too many deliveries wait to be stored")]
    Overloaded,
    /// The database did not take it.
    #[error("the delivery could not be stored")]
    Store(#[from] StoreError),
    /// The committer is stopping.
    #[error("the server is stopping")]
    Stopping,
}

struct Waiting {
    delivery: NewDelivery,
    answer: oneshot::Sender<Result<Receipt, StoreError>>,
    /// Given back when it is answered.
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    fn refuse(self, error: &StoreError) {
        // A sender that went away has nobody to tell.
        let _ = self.answer.send(Err(error.clone()));
    }
}

/// Claimed deliveries on their way to the worker of the same process. When it is dropped, deliveries are kept for whoever
/// claims them.
#[derive(Debug)]
pub struct LocalClaims(pub(super) mpsc::Receiver<Handed>);

/// A claimed delivery, and the monotonic time at which its lease ends.
pub(super) type Handed = (Claim, Duration);

/// The other end.
#[derive(Debug, Clone)]
struct HandOver {
    to: mpsc::Sender<Handed>,
    clock: Arc<dyn Clock>,
}

/// Shares one durable commit among the deliveries that arrive while the previous one is under way.
///
/// No timer: when one delivery comes alone, it is committed at once. Cheap to clone; the task behind it ends with the
/// last clone, after what was accepted is committed.
#[derive(Clone, Debug)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    local_claims: Arc<Mutex<Option<HandOver>>>,
}

impl Committer {
    /// Starts the committing task on the current tokio runtime. `wake` is notified when there is something to claim.
    pub fn new(inbox: Arc<dyn Inbox>, wake: Arc<Notify>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let local_claims = Arc::default();
        tokio::spawn(commit_all(Desk { inbox, wake, local_claims: Arc::clone(&local_claims) }, receiver));
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_KIB)), local_claims }
    }

    /// From now on hands deliveries to a worker of this process, claimed for 6 s with the same commit that keeps them: it need
    /// not look for them. More than it can hold are left to be claimed, as without it.
    pub fn local_claims(&self, clock: Arc<dyn Clock>) -> LocalClaims {
        let (to, handed) = mpsc::channel(HANDED);
        *self.local_claims.lock().unwrap_or_else(PoisonError::into_inner) = Some(HandOver { to, clock });
        LocalClaims(handed)
    }

    /// Keeps a delivery. When it returns, the delivery survives a crash.
    ///
    /// # Errors
    /// [`PutError`]: it is not known to be kept, and must not be acknowledged.
    pub async fn put(&self, delivery: NewDelivery) -> Result<Receipt, PutError> {
        let (answer, committed) = oneshot::channel();
        let kib = u32::try_from(delivery.body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| PutError::Overloaded)?;
        self.queue.try_send(Waiting { delivery, answer, _room: room }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => PutError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => PutError::Stopping,
        })?;
        match committed.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(PutError::Stopping),
        }
    }
}

/// Where deliveries go.
struct Desk {
    inbox: Arc<dyn Inbox>,
    wake: Arc<Notify>,
    local_claims: Arc<Mutex<Option<HandOver>>>,
}

impl Desk {
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError> {
        let local_claims = self.local_claims.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Whoever takes part in the hand-over has its place before anything is claimed for it.
        let places =
            local_claims.as_ref().and_then(|desk| Some((desk, desk.to.try_reserve_many(deliveries.len()).ok()?)));
        let Some((HandOver { clock, .. }, mut places)) = places else {
            let receipts = self.inbox.put(deliveries).await?;
            self.wake.notify_one();
            return Ok(receipts);
        };
        let until = clock.monotonic() + HANDED_LEASE;
        let kept = self.inbox.put_and_claim(deliveries, HANDED_LEASE, clock.now()).await?;
        if kept.iter().any(|kept| kept.receipt == Receipt::New && kept.claim.is_none()) {
            self.wake.notify_one();
        }
        for (kept, delivery) in kept.iter().zip(deliveries) {
            if let (Some(claim), Some(place)) = (&kept.claim, places.next()) {
                place.send((Claim { claim: claim.clone(), attempt: 1, delivery: delivery.clone() }, until));
            }
        }
        Ok(kept.into_iter().map(|kept| kept.receipt).collect())
    }
}

async fn commit_all(desk: Desk, mut queue: mpsc::Receiver<Waiting>) {
    let clock = SystemClock::new();
    let mut waiting = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        let mut rest = waiting.split_off(0);
        while !rest.is_empty() {
            let later = rest.split_off(fitting(&rest));
            let began = clock.monotonic();
            let lot = commit(&desk, std::mem::replace(&mut rest, later)).await;
            if let Err(error) = lot
                && clock.monotonic() - began >= SLOW
            {
                rest.extend((0..queue.len()).map_while(|_| queue.try_recv().ok()));
                rest.drain(..).for_each(|waiting| waiting.refuse(&error));
            }
        }
    }
}

/// How many of them fit into one commit; at least one.
fn fitting(waiting: &[Waiting]) -> usize {
    let mut bytes = 0_usize;
    let fits = waiting.iter().take_while(|w| {
        bytes = bytes.saturating_add(w.delivery.body.len());
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

/// Commits a lot. When the store refuses it for good, its halves are tried, so that one delivery that cannot be stored does
/// not take the others with it.
///
/// # Errors
/// The store is out of reach; all of the lot are told.
async fn commit(desk: &Desk, mut lot: Vec<Waiting>) -> Result<(), StoreError> {
    let deliveries: Vec<_> = lot.iter().map(|waiting| waiting.delivery.clone()).collect();
    match desk.put(&deliveries).await {
        Ok(receipts) => {
            for (waiting, receipt) in lot.into_iter().zip(receipts) {
                // A sender that went away will deliver again and be told that it is a duplicate.
                let _ = waiting.answer.send(Ok(receipt));
            }
            Ok(())
        }
        Err(error) if !error.is_retryable() && lot.len() > 1 => {
            let second = lot.split_off(lot.len() / 2);
            Box::pin(commit(desk, lot)).await.and(Box::pin(commit(desk, second)).await)
        }
        Err(error) => {
            tracing::error!(%error, deliveries = lot.len(), "deliveries could not be stored");
            lot.into_iter().for_each(|waiting| waiting.refuse(&error));
            if error.is_retryable() { Err(error) } else { Ok(()) }
        }
    }
}
