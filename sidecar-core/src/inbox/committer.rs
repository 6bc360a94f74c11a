use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Inbox, NewDelivery, Receipt};
use crate::error::StoreError;

/// The most deliveries that share one commit.
const BATCH: usize = 512;
/// The most body bytes that share one commit.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How many deliveries may wait for their commit before further ones are refused.
const QUEUE: usize = 4_096;
/// How many KiB of bodies may wait.
const QUEUE_KIB: usize = 64 * 1024;

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
    room: OwnedSemaphorePermit,
}

/// Shares one durable commit among the deliveries that arrive while the previous one is under way.
///
/// No timer: when one delivery comes alone, it is committed at once. Cheap to clone; the task behind it ends with the
/// last clone, after what was accepted is committed.
#[derive(Clone, Debug)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl Committer {
    /// Starts the committing task on the current tokio runtime.
    pub fn new(inbox: Arc<dyn Inbox>) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(commit_all(inbox, receiver));
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_KIB)) }
    }

    /// Keeps a delivery. When it returns, the delivery survives a crash.
    ///
    /// # Errors
    /// [`PutError`]: it is not known to be kept, and must not be acknowledged.
    pub async fn put(&self, delivery: NewDelivery) -> Result<Receipt, PutError> {
        let (answer, committed) = oneshot::channel();
        let kib = u32::try_from(delivery.body.len() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(kib).map_err(|_| PutError::Overloaded)?;
        self.queue.try_send(Waiting { delivery, answer, room }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => PutError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => PutError::Stopping,
        })?;
        match committed.await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(PutError::Stopping),
        }
    }
}

async fn commit_all(inbox: Arc<dyn Inbox>, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        let mut rest = waiting.split_off(0);
        while !rest.is_empty() {
            let later = rest.split_off(fitting(&rest));
            commit(&*inbox, std::mem::replace(&mut rest, later)).await;
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
async fn commit(inbox: &dyn Inbox, mut waiting: Vec<Waiting>) {
    let (deliveries, answers): (Vec<_>, Vec<_>) = waiting.drain(..).map(|w| (w.delivery, (w.answer, w.room))).unzip();
    match inbox.put(&deliveries).await {
        Ok(receipts) => {
            for ((answer, _), receipt) in answers.into_iter().zip(receipts) {
                // A sender that went away will deliver again and be told that it is a duplicate.
                let _ = answer.send(Ok(receipt));
            }
        }
        Err(error) if !error.is_retryable() && deliveries.len() > 1 => {
            let together = deliveries.into_iter().zip(answers);
            waiting.extend(together.map(|(delivery, (answer, room))| Waiting { delivery, answer, room }));
            let second = waiting.split_off(waiting.len() / 2);
            Box::pin(commit(inbox, waiting)).await;
            Box::pin(commit(inbox, second)).await;
        }
        Err(error) => {
            tracing::error!(%error, deliveries = deliveries.len(), "deliveries could not be stored");
            for (answer, _) in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
