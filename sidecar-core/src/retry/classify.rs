//! Decides whether a failure may be retried.

use std::{fmt, sync::Arc};

use http::StatusCode;

use crate::error::{Error, ErrorKind, SendState};

/// A value by which a provider executes a repeated request only once (`Idempotency-Key`). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// Returns the caller's key, such as the id of the job that makes the call, which is the same after a restart.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// Returns a random key (UUID v4), which protects the attempts of one call.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// Returns the key as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

/// The effect of executing a request twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// None: reads, deletes, writes of a whole state.
    Safe,
    /// None, because the provider recognizes this key.
    WithKey(IdempotencyKey),
    /// A second effect. Repeated only if the first attempt certainly had none.
    OnlyIfNotSent,
}

/// The properties of a failure that [`classify`] uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptFailure {
    /// The kind of the error.
    pub kind: ErrorKind,
    /// The status of the response, if there was one.
    pub status: Option<StatusCode>,
    /// Whether the request may have taken effect.
    pub sent: SendState,
    /// Whether a long limit (a day) is used up: waiting within the call cannot help.
    pub exhausted: bool,
}

/// Not `exhausted`: only the provider's crate knows that.
impl From<&Error> for AttemptFailure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind(), status: error.status(), sent: error.send_state(), exhausted: false }
    }
}

/// Whether a retry can succeed and is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// No.
    No,
    /// Yes, after a short wait.
    Transient,
    /// Yes, when the limit allows it; the request was rejected and had no effect.
    Throttled,
}

/// Decides whether a failure may be retried.
///
/// A 429 always may, because the request was not executed, unless a long limit is used up. A server error (500, 502, 503, 504 and
/// 520–524, which Cloudflare returns for a failing origin), a broken connection and a timeout may if the request was not sent or is
/// safe to repeat. Nothing else may.
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
        // The circuit is open: nothing was sent.
        (ErrorKind::Server, None) => true,
        (ErrorKind::Server, Some(status)) => matches!(status.as_u16(), 500 | 502..=504 | 520..=524),
        // The store of tokens was busy before anything was sent.
        (ErrorKind::Store, None) => failure.sent == SendState::NotSent,
        _ => false,
    }
}
