use std::{fmt, sync::Arc, sync::atomic::Ordering::Relaxed};

use async_trait::async_trait;
use sidecar_core::{
    rate_limit::{Decision, Feedback, LimiterError, Priority, RateLimiter, Scope, Usage},
    time::Clock,
};

use super::{
    PREFIX, RedisUrlError,
    connection::Connector,
    fallback::{FallbackLimiter, kind_mismatch},
    script::{LimitScript, LocalWindow, ScopeState, ScriptReply},
};

/// A rate limiter that counts the calls of all processes in one Redis.
///
/// A decision is one script call, so one round trip. Redis counts as down if it is unreachable, does not reply twice within
/// half a second, or returns an error. Calls then wait for a second. After that the process falls back to its equal share of
/// each quota ([`RedisLimiter::set_processes`] sets the number of processes) and tries to reconnect every half second. The
/// process also counts every call locally, including the calls of others that Redis and the provider report, so an outage
/// exceeds no window. Redis may come back without its data, so the local share stays in force until a window has passed. An
/// outage fails no call.
///
/// Needs a tokio runtime that outlives the limiter.
pub struct RedisLimiter(Arc<FallbackLimiter>);

/// The status of a [`RedisLimiter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterStatus {
    /// Redis is down, and the local share of each quota applies.
    pub degraded: bool,
    /// The number of calls that were allowed without Redis.
    pub fallbacks: u64,
    /// The number of Redis outages.
    pub outages: u64,
}

impl RedisLimiter {
    /// Creates a limiter with the key prefix [`PREFIX`]. Connects on the first call or [`RedisLimiter::check`].
    ///
    /// # Errors
    /// [`RedisUrlError`] if the URL is rejected.
    pub fn new(url: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Self::with_prefix(url, PREFIX, clock)
    }

    /// Creates a limiter with another key prefix, which must not contain braces. Limiters with the same Redis and prefix share
    /// their counters.
    ///
    /// # Errors
    /// As [`RedisLimiter::new`].
    pub fn with_prefix(url: &str, prefix: &str, clock: Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        Ok(Self(Arc::new(FallbackLimiter::new(Connector::open(url)?, LimitScript::new(prefix), clock))))
    }

    /// Sets the number of processes that share the quotas, including this one. Each uses an equal share while Redis is down.
    /// Defaults to 1.
    pub fn set_processes(&self, count: u32) {
        self.0.local.set_processes(count);
    }

    /// Returns the current status.
    pub fn status(&self) -> LimiterStatus {
        LimiterStatus {
            degraded: self.0.is_down(),
            fallbacks: self.0.fallbacks.load(Relaxed),
            outages: self.0.outages.load(Relaxed),
        }
    }

    /// Returns `true` if Redis replies and accepts writes. Takes at most two seconds.
    pub async fn check(&self) -> bool {
        self.0.run(&self.0.script.inspect(&[], |_| LocalWindow::default()), &[]).await.is_some()
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimiter").field("status", &self.status()).finish_non_exhaustive()
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn try_acquire(&self, scopes: &[Scope], priority: Priority) -> Result<Decision, LimiterError> {
        // Rejects invalid combinations of scopes before Redis counts them.
        self.0.local.peek(scopes, priority)?;
        if scopes.is_empty() {
            return Ok(Decision::Go);
        }
        match self.0.acquire_shared(scopes, priority).await? {
            Some(decision) => Ok(decision),
            None => self.0.acquire_local(scopes, priority).await,
        }
    }

    async fn observe(&self, feedback: &Feedback) -> Result<(), LimiterError> {
        let inner = &self.0;
        inner.local.observe(feedback).await?;
        let scopes = std::slice::from_ref(&feedback.scope);
        match inner.run(&inner.script.observe(feedback, |scope| inner.local_window(scope)), scopes).await {
            Some(ScriptReply::KindMismatch(_)) => Err(kind_mismatch(&feedback.scope)),
            _ => Ok(()),
        }
    }

    async fn usage(&self, scope: &Scope) -> Result<Usage, LimiterError> {
        let (inner, scopes) = (&self.0, std::slice::from_ref(scope));
        let local = inner.local.usage(scope).await?;
        match inner.run(&inner.script.inspect(scopes, |scope| inner.local_window(scope)), scopes).await {
            Some(ScriptReply::KindMismatch(_)) => Err(kind_mismatch(scope)),
            Some(ScriptReply::Scopes { scopes, .. }) => Ok(scopes.first().map_or(local, ScopeState::usage)),
            None => Ok(local),
        }
    }
}
