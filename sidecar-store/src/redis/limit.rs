use std::{fmt, sync::Arc, sync::atomic::Ordering::Relaxed};

use async_trait::async_trait;
use sidecar_core::{
    rate_limit::{Decision, Feedback, LimiterError, Priority, RateLimiter, Scope, Usage},
    time::Clock,
};

use super::{
    PREFIX, RedisUrlError,
    fallback::{Fallback, clash},
    link::Link,
    question::{Answer, Desk, Figures, Known},
};

/// Limits that processes share in one Redis, exact over all of them.
///
/// A decision is one script in Redis, and takes a round trip. When Redis cannot be reached, does not answer twice for
/// half a second, or answers with an error, calls wait for a second; then this process goes on by itself with its equal
/// part of each quota ([`RedisLimiter::set_processes`] says how many there are), and looks for Redis every half second. Every call is counted here too, with what Redis and the
/// provider said of the others' calls, so that no window is overrun at the loss; and once Redis is back, which may have
/// forgotten everything, the local part stays in force beside it until the window is full again. Losing Redis fails no
/// call.
///
/// Needs a tokio runtime that lives as long as it does.
pub struct RedisLimiter(Arc<Fallback>);

/// How a [`RedisLimiter`] fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterStatus {
    /// Redis is lost: the local part of each quota holds.
    pub degraded: bool,
    /// Calls that were let go without Redis so far.
    pub fallbacks: u64,
    /// How often Redis was lost so far.
    pub losses: u64,
}

impl RedisLimiter {
    /// With keys that begin with [`PREFIX`]. Nothing is sent: that Redis cannot be reached shows in
    /// [`RedisLimiter::check`] and with the first call.
    ///
    /// # Errors
    /// [`RedisUrlError`] when the address cannot be used.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Self::with_prefix(url, PREFIX, clock)
    }

    /// With a prefix of your own, without braces. Limiters share their counters when Redis and prefix are the same.
    ///
    /// # Errors
    /// As [`RedisLimiter::new`].
    pub fn with_prefix(url: &str, prefix: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Ok(Self(Arc::new(Fallback::new(Link::open(url)?, Desk::new(prefix), clock))))
    }

    /// Says how many processes share the quotas, this one included: each keeps to its equal part while Redis is lost.
    /// 1 until it is said.
    pub fn set_processes(&self, count: u32) {
        self.0.local.set_processes(count);
    }

    /// How it fares.
    pub fn status(&self) -> LimiterStatus {
        LimiterStatus {
            degraded: self.0.is_lost(),
            fallbacks: self.0.fallbacks.load(Relaxed),
            losses: self.0.losses.load(Relaxed),
        }
    }

    /// Whether Redis answers now, and counts for us. Takes a second or two at most.
    pub async fn check(&self) -> bool {
        self.0.ask(&self.0.desk.look(&[], |_| Known::default()), &[]).await.is_some()
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("status", &self.status()).finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn try_acquire(&self, scopes: &[Scope], lane: Priority) -> Result<Decision, LimiterError> {
        // Finds scopes that make no sense together before Redis takes them.
        self.0.local.peek(scopes, lane)?;
        if scopes.is_empty() {
            return Ok(Decision::Go);
        }
        match self.0.shared(scopes, lane).await? {
            Some(decision) => Ok(decision),
            None => self.0.alone(scopes, lane).await,
        }
    }

    async fn observe(&self, feedback: &Feedback) -> Result<(), LimiterError> {
        let inner = &self.0;
        inner.local.observe(feedback).await?;
        let scopes = std::slice::from_ref(&feedback.scope);
        match inner.ask(&inner.desk.observe(feedback, |scope| inner.known(scope)), scopes).await {
            Some(Answer::Clash(_)) => Err(clash(&feedback.scope)),
            _ => Ok(()),
        }
    }

    async fn usage(&self, scope: &Scope) -> Result<Usage, LimiterError> {
        let (inner, scopes) = (&self.0, std::slice::from_ref(scope));
        let local = inner.local.usage(scope).await?;
        match inner.ask(&inner.desk.look(scopes, |scope| inner.known(scope)), scopes).await {
            Some(Answer::Clash(_)) => Err(clash(scope)),
            Some(Answer::Figures { scopes, .. }) => Ok(scopes.first().map_or(local, Figures::usage)),
            None => Ok(local),
        }
    }
}
