use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{Inbox, NewDelivery, Receipt};
use crate::error::StoreError;

/// The most deliveries that share one commit.
const BATCH: usize = 512;
/// How many deliveries may wait for their commit before further ones are refused.
const QUEUE: usize = 4_096;

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
}

/// Shares one durable commit among the deliveries that arrive while the previous one is under way.
///
/// No timer: when one delivery comes alone, it is committed at once. Cheap to clone; the task behind it ends with the
/// last clone, after what was accepted is committed.
#[derive(Clone, Debug)]
pub struct Committer(mpsc::Sender<Waiting>);

impl Committer {
    /// Starts the committing task on the current tokio runtime.
    pub fn new(inbox: Arc<dyn Inbox>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(commit_all(inbox, receiver));
        Self(sender)
    }

    /// Keeps a delivery. When it returns, the delivery survives a crash.
    ///
    /// # Errors
    /// [`PutError`]: it is not known to be kept, and must not be acknowledged.
    pub async fn put(&self, delivery: NewDelivery) -> Result<Receipt, PutError> {
        let (answer, committed) = oneshot::channel();
        self.0.try_send(Waiting { delivery, answer }).map_err(|refused| match refused {
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
        let (deliveries, answers): (Vec<_>, Vec<_>) = waiting.drain(..).map(|w| (w.delivery, w.answer)).unzip();
        match inbox.put(&deliveries).await {
            Ok(receipts) => {
                for (answer, receipt) in answers.into_iter().zip(receipts) {
                    // A sender that went away will deliver again and be told that it is a duplicate.
                    let _ = answer.send(Ok(receipt));
                }
            }
            Err(error) => {
                tracing::error!(%error, deliveries = deliveries.len(), "deliveries could not be stored");
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}
