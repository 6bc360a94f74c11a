//! Limits: how many calls a provider allows, and the port that says when the next one may go.
//!
//! Here live scopes, lanes, the [`RateLimiter`] port and its in-process implementation [`LocalLimiter`]; waiting lives
//! in the pipeline (which knows the deadline), header names live in the provider's crate, a limiter shared by several
//! processes lives with the store.
//!
//! Invariant: several scopes are taken all or none, and what a server says of its counters only ever makes us
//! stricter (a changed quota, which replaces ours, aside).

pub mod headers;
mod local;
mod pace;
mod window;

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use local::LocalLimiter;

use crate::error::BoxError;

/// One thing that a provider counts, with its quota: `ghl:burst:loc_1`, 100 calls in 10 s. Cheap to clone.
///
/// Scopes with the same key share one counter; they must be of the same kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    key: Arc<str>,
    quota: Quota,
}

/// How many calls a scope allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quota {
    /// At most `limit` calls in any stretch of `span`, all at once if need be.
    SlidingWindow {
        /// How many calls.
        limit: u32,
        /// In how long a time.
        span: Duration,
    },
    /// At most `limit` calls until the counter starts anew: one `span` after the first call, or when the server says.
    FixedWindow {
        /// How many calls.
        limit: u32,
        /// How long a counter runs.
        span: Duration,
    },
    /// An even flow of calls, with a few at once.
    TokenBucket {
        /// Calls per second in the long run.
        per_second: f64,
        /// Calls at once after a pause.
        burst: u32,
    },
}

impl Scope {
    /// At most `limit` calls in any `span`. A limit of 0 lets nothing through.
    pub fn sliding_window(key: impl Into<Arc<str>>, limit: u32, span: Duration) -> Self {
        Self { key: key.into(), quota: Quota::SlidingWindow { limit, span } }
    }

    /// At most `limit` calls in a counter that starts anew every `span` (a day, usually). A limit of 0 lets nothing through.
    pub fn fixed_window(key: impl Into<Arc<str>>, limit: u32, span: Duration) -> Self {
        Self { key: key.into(), quota: Quota::FixedWindow { limit, span } }
    }

    /// `per_second` calls evenly, `burst` at once. Rates that are no positive number are taken as one call a day, a
    /// burst of 0 as 1.
    pub fn token_bucket(key: impl Into<Arc<str>>, per_second: f64, burst: u32) -> Self {
        Self { key: key.into(), quota: Quota::TokenBucket { per_second, burst } }
    }

    /// What is counted.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How much is allowed.
    pub fn quota(&self) -> Quota {
        self.quota
    }
}

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Priority {
    /// A person. May use all of a quota.
    #[default]
    Interactive,
    /// A sync or another job. Its calls come evenly and leave the last 5 % of a window and the last 10 % of a budget.
    Background,
}

/// Whether a call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a call that was told to wait took nothing and must ask again"]
pub enum Decision {
    /// Now; it is counted in every scope asked for.
    Go,
    /// Not yet, and nothing was taken: ask again after this time.
    Wait(Duration),
}

/// What an answer said of one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// The scope, as it was given to [`RateLimiter::try_acquire`].
    pub scope: Scope,
    /// The quota that the server holds; ours follows it, up and down.
    pub limit: Option<u32>,
    /// How many calls the server would still take.
    pub remaining: Option<u32>,
    /// When the server's counter starts anew (used for budgets).
    pub reset_after: Option<Duration>,
    /// The wait that the server asked for: the scope is closed until then.
    pub retry_after: Option<Duration>,
    /// How long ago the limiter was asked that let the answered call go. The server counted it at some moment since:
    /// after a slow answer it counts longer here.
    pub took: Option<Duration>,
}

impl Feedback {
    /// Nothing said yet; set the fields that the answer had.
    pub fn new(scope: Scope) -> Self {
        Self { scope, limit: None, remaining: None, reset_after: None, retry_after: None, took: None }
    }
}

/// How much of a scope is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Calls that count now, ours and those the server told us of. For a pace: calls that have to pass before `burst`
    /// calls may go at once again.
    pub used: u32,
    /// Calls that are allowed.
    pub limit: u32,
    /// When all of it is free again, if no further call is made; `None` when it is free now.
    pub resets_in: Option<Duration>,
}

/// Says when a call may go. Implementations are shared by every client that shares a quota.
#[async_trait]
pub trait RateLimiter: Send + Sync + fmt::Debug {
    /// Takes one call from every scope, or nothing from any.
    ///
    /// # Errors
    /// [`LimiterError`] when the limiter cannot answer or the scopes make no sense together.
    async fn try_acquire(&self, scopes: &[Scope], lane: Priority) -> Result<Decision, LimiterError>;

    /// Takes in what an answer said of a scope. Calls of ours that the answer did not count yet never make it stricter
    /// twice: the server's count is compared with all calls that were let go.
    ///
    /// # Errors
    /// As [`RateLimiter::try_acquire`].
    async fn observe(&self, feedback: &Feedback) -> Result<(), LimiterError>;

    /// How much of a scope is used.
    ///
    /// # Errors
    /// As [`RateLimiter::try_acquire`].
    async fn usage(&self, scope: &Scope) -> Result<Usage, LimiterError>;
}

/// The limiter could not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct LimiterError {
    message: Cow<'static, str>,
    #[source]
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl LimiterError {
    /// With a sentence that says what to do.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}
