//! Why a task is not carried out, and what becomes of it then.

use std::time::Duration;

use serde::Deserialize;
use sidecar_core::{
    Error, ErrorKind, StoreError,
    queue::outbox::{Task, TaskOutcome},
    sync::SyncError,
};

use crate::{app::App, calcom};

/// How long a task waits for somebody to connect again.
const RECONNECT_WAIT: Duration = Duration::from_secs(300);
/// How long a task waits for a limit that does not say when it ends.
const LIMIT_WAIT: Duration = Duration::from_secs(10);
/// How long a task waits for what is being connected at this moment, and how often: the claim is there before the tokens.
const MOMENT: Duration = Duration::from_secs(1);
const MOMENTS: u32 = 5;

/// Why a task is not carried out.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The provider, or its client.
    Provider(Error),
    /// The store.
    Store(StoreError),
    /// What it needs is being connected at this moment.
    NotYet(String),
    /// Somebody else is working on the same thing.
    Busy(String),
    /// Trying again cannot help.
    Never(String),
}

impl Trouble {
    /// What becomes of the task.
    pub(crate) fn outcome(self, app: &App, task: &Task) -> TaskOutcome {
        let now = app.clock.now();
        match self {
            Self::Never(why) => TaskOutcome::Discard(why),
            Self::NotYet(why) if task.attempt <= MOMENTS => TaskOutcome::RetryAt(now + MOMENT, why),
            Self::NotYet(why) => TaskOutcome::Discard(why),
            Self::Busy(why) => TaskOutcome::Snooze(now + LIMIT_WAIT, why),
            Self::Store(error) if error.is_retryable() => TaskOutcome::Snooze(now + LIMIT_WAIT, error.to_string()),
            Self::Store(error) => TaskOutcome::Failed(error.to_string()),
            Self::Provider(error) => match error.kind() {
                ErrorKind::Auth => TaskOutcome::Snooze(now + RECONNECT_WAIT, error.to_string()),
                ErrorKind::InvalidInput if !app.ghl.is_on() && error.provider() != calcom::SOURCE => {
                    TaskOutcome::Snooze(now + RECONNECT_WAIT, error.to_string())
                }
                // Sent again it would be refused again.
                ErrorKind::InvalidInput | ErrorKind::Rejected => TaskOutcome::Discard(error.to_string()),
                ErrorKind::RateLimited => {
                    TaskOutcome::Snooze(now + error.retry_after().unwrap_or(LIMIT_WAIT), error.to_string())
                }
                _ => TaskOutcome::Failed(error.to_string()),
            },
        }
    }
}

impl From<Trouble> for SyncError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Provider(error) => error.into(),
            Trouble::Store(error) => error.into(),
            Trouble::NotYet(why) | Trouble::Busy(why) => Error::new(ErrorKind::Conflict, why).into(),
            Trouble::Never(why) => Error::new(ErrorKind::Forbidden, why).into(),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a task carries.
pub(crate) fn payload<T: for<'de> Deserialize<'de>>(task: &Task) -> Result<T, Trouble> {
    T::deserialize(&task.payload).map_err(|error| Trouble::Never(format!("the task's payload cannot be read: {error}")))
}
