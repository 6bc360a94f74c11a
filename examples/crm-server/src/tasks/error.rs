use std::time::Duration;

use serde::Deserialize;
use sidecar_core::{
    Error, ErrorKind, StoreError,
    queue::outbox::{Task, TaskOutcome},
    sync::SyncError,
};

use crate::app::App;

/// How long a task is snoozed until its integration is connected again.
const RECONNECT_SNOOZE: Duration = Duration::from_secs(300);
/// How long a task is snoozed when a rate limit or a lease does not say when it ends.
const CONTENTION_SNOOZE: Duration = Duration::from_secs(10);
/// How soon, and how often, a task is retried while its connection is being made: the claim is stored before the tokens.
const NOT_READY_RETRY_AFTER: Duration = Duration::from_secs(1);
const MAX_NOT_READY_ATTEMPTS: u32 = 5;

/// Why a task was not executed.
#[derive(Debug)]
pub(crate) enum TaskError {
    /// The provider or its client failed.
    Provider(Error),
    /// The store failed.
    Store(StoreError),
    /// The connection that the task needs is being made.
    NotReady(String),
    /// Another worker holds the lease that the task needs.
    Contended(String),
    /// A retry cannot succeed.
    Permanent(String),
}

impl TaskError {
    /// Returns the outcome of the task: snoozed, retried, failed or discarded.
    pub(crate) fn outcome(self, app: &App, task: &Task) -> TaskOutcome {
        let now = app.clock.now();
        match self {
            Self::Permanent(why) => TaskOutcome::Discard(why),
            Self::NotReady(why) if task.attempt <= MAX_NOT_READY_ATTEMPTS => {
                TaskOutcome::RetryAt(now + NOT_READY_RETRY_AFTER, why)
            }
            Self::NotReady(why) => TaskOutcome::Discard(why),
            Self::Contended(why) => TaskOutcome::Snooze(now + CONTENTION_SNOOZE, why),
            Self::Store(error) if error.is_retryable() => {
                TaskOutcome::Snooze(now + CONTENTION_SNOOZE, error.to_string())
            }
            Self::Store(error) => TaskOutcome::Failed(error.to_string()),
            Self::Provider(error) => match error.kind() {
                ErrorKind::Auth => TaskOutcome::Snooze(now + RECONNECT_SNOOZE, error.to_string()),
                _ if app.ghl.is_off_error(&error) => TaskOutcome::Snooze(now + RECONNECT_SNOOZE, error.to_string()),
                // The provider would reject the same request again.
                ErrorKind::InvalidInput | ErrorKind::Rejected => TaskOutcome::Discard(error.to_string()),
                ErrorKind::RateLimited => {
                    TaskOutcome::Snooze(now + error.retry_after().unwrap_or(CONTENTION_SNOOZE), error.to_string())
                }
                _ => TaskOutcome::Failed(error.to_string()),
            },
        }
    }
}

impl From<TaskError> for SyncError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Provider(error) => error.into(),
            TaskError::Store(error) => error.into(),
            TaskError::NotReady(why) | TaskError::Contended(why) => Error::new(ErrorKind::Conflict, why).into(),
            TaskError::Permanent(why) => Error::new(ErrorKind::Forbidden, why).into(),
        }
    }
}

impl From<Error> for TaskError {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Decodes the payload of a task.
pub(crate) fn payload<T: for<'de> Deserialize<'de>>(task: &Task) -> Result<T, TaskError> {
    T::deserialize(&task.payload)
        .map_err(|error| TaskError::Permanent(format!("the task's payload cannot be read: {error}")))
}
