//! What a failure means for trying again.

use std::{fmt, sync::Arc};

use http::StatusCode;

use crate::error::{Error, ErrorKind, SendState};

/// A value that makes a provider carry out a repeated request once (`Idempotency-Key`). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// A key of the caller's own, such as the id of the job that makes the call: the same after a restart.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// A fresh random key (UUID v4): protects the attempts of one call.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The key as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

/// What happens when a request is carried out twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// Nothing: reads, deletes, writes of a whole state.
    Safe,
    /// The provider notices by this key.
    WithKey(IdempotencyKey),
    /// A second effect. Repeated only if the first surely had none.
    OnlyIfNotSent,
}

/// A failure, as far as [`classify`] looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptFailure {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The answer's status, if there was one.
    pub status: Option<StatusCode>,
    /// Whether the provider may have acted.
    pub sent: SendState,
    /// The provider said that a limit is used up for long (a day): waiting within the call cannot help.
    pub exhausted: bool,
}

/// Not `exhausted`: that is the provider crate's to tell.
impl From<&Error> for AttemptFailure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind(), status: error.status(), sent: error.send_state(), exhausted: false }
    }
}

/// Whether trying again can help and is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// No.
    No,
    /// Yes, after a short wait.
    Transient,
    /// Yes, when the limit allows it; the request was refused and had no effect.
    Throttled,
}

/// What a failure means for trying again.
///
/// A 429 is always repeatable, because the request was not carried out, unless the limit is used up for long.
/// Server trouble (500, 502, 503, 504 and 520–524, which Cloudflare answers for an origin that fails), a broken
/// connection and an attempt that took too long are repeatable if the request was not sent or may be carried out twice.
/// Everything else is not.
pub fn classify(failure: impl Into<AttemptFailure>, replay: &Replay) -> Retryable {
    let failure = failure.into();
    let refused_by_limit =
        failure.kind == ErrorKind::RateLimited || failure.status == Some(StatusCode::TOO_MANY_REQUESTS);
    if refused_by_limit {
        return if failure.exhausted { Retryable::No } else { Retryable::Throttled };
    }
    let harmless = failure.sent == SendState::NotSent || !matches!(replay, Replay::OnlyIfNotSent);
    if harmless && is_passing(&failure) { Retryable::Transient } else { Retryable::No }
}

fn is_passing(failure: &AttemptFailure) -> bool {
    match (failure.kind, failure.status) {
        (ErrorKind::Transport, _) => true,
        // An open circuit: nothing was sent.
        (ErrorKind::Server, None) => true,
        (ErrorKind::Server, Some(status)) => matches!(status.as_u16(), 500 | 502..=504 | 520..=524),
        // The token or claim store was busy before anything was sent.
        (ErrorKind::Store, None) => failure.sent == SendState::NotSent,
        _ => false,
    }
}
