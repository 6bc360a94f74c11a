use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use redis::ScriptInvocation;
use sidecar_core::{
    rate_limit::{Decision, Feedback, LimiterError, LocalLimiter, Priority, Quota, RateLimiter, Scope},
    time::{Clock, timeout},
};
use tokio::sync::Semaphore;

use super::{
    connection::{Connection, Connector, RedisFailure},
    script::{LimitScript, LocalWindow, ScopeState, ScriptReply},
};

/// Limits a call to Redis. The limiter retries once on a new connection.
const REPLY_TIMEOUT: Duration = Duration::from_millis(500);
/// Delays local decisions after Redis went down. A restarted Redis is often back by then, and the last calls of the other
/// processes, which Redis no longer reports, have reached the provider.
const FALLBACK_DELAY: Duration = Duration::from_secs(1);
/// Delay before a call is retried whose connection was lost while Redis stayed up.
const RETRY_DELAY: Duration = Duration::from_millis(10);
/// Maximum number of concurrent calls to Redis.
const MAX_IN_FLIGHT: u32 = 32;
/// Interval of reconnects after Redis became unreachable.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(500);
/// Interval of reconnects after Redis returned an error. Such errors seldom resolve themselves, and each outage is logged.
const RECONNECT_INTERVAL_AFTER_ERROR: Duration = Duration::from_secs(4);
/// Extends the local share beyond a window after Redis is back, because processes reconnect at different times.
const RECOVERY_MARGIN: Duration = Duration::from_secs(5);
/// Used as the window of a token bucket.
const TOKEN_BUCKET_SPAN: Duration = Duration::from_secs(10);

/// Decides with Redis while it is up, and with the local limiter while it is down.
pub(super) struct FallbackLimiter {
    connector: Connector,
    pub(super) script: LimitScript,
    clock: Arc<dyn Clock>,
    /// Counts every call of this process, and decides while Redis is down.
    pub(super) local: LocalLimiter,
    state: Mutex<State>,
    /// Limits the concurrent calls to Redis, so that a local queue does not look like a slow Redis. A call that also checks the
    /// local limiter takes all permits, which makes both checks atomic within this process.
    permits: Semaphore,
    /// The number of acquire calls in flight.
    acquiring: AtomicU32,
    pub(super) fallbacks: AtomicU64,
    pub(super) outages: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Set while Redis is down.
    down_since: Option<Duration>,
    /// The generation of the last connection with a completed handshake.
    handshaken: u64,
    /// The last time at which calls may have been made that Redis does not know. `None` if there were none.
    unsynced_until: Option<Duration>,
}

impl FallbackLimiter {
    pub(super) fn new(connector: Connector, script: LimitScript, clock: Arc<dyn Clock>) -> Self {
        Self {
            connector,
            script,
            local: LocalLimiter::new(Arc::clone(&clock)),
            clock,
            state: Mutex::default(),
            permits: Semaphore::new(MAX_IN_FLIGHT as usize),
            acquiring: AtomicU32::new(0),
            fallbacks: AtomicU64::new(0),
            outages: AtomicU64::new(0),
        }
    }

    /// Decides with Redis, and with the local share of restricted scopes. `None` if Redis is down.
    pub(super) async fn acquire_shared(
        self: &Arc<Self>,
        scopes: &[Scope],
        priority: Priority,
    ) -> Result<Option<Decision>, LimiterError> {
        let acquire = self.script.acquire(scopes, priority, |scope| self.local_window(scope));
        for last in [false, true] {
            let Some(connection) = self.ready_connection().await else { return Ok(None) };
            let restricted = self.restricted_scopes(scopes);
            let permit = self.permits.acquire_many(if restricted.is_empty() { 1 } else { MAX_IN_FLIGHT }).await;
            if permit.is_err() || self.is_down() {
                return Ok(None);
            }
            match self.local.peek(&restricted, priority)? {
                Duration::ZERO => {}
                wait => return Ok(Some(Decision::Wait(wait))),
            }
            let acquiring = Acquiring::start(&self.acquiring);
            match self.run_once(&connection, &acquire, scopes.len()).await {
                Ok(ScriptReply::KindMismatch(index)) => return Err(kind_mismatch(&scopes[index])),
                Ok(ScriptReply::Scopes { wait, scopes: states, .. }) => {
                    if wait.is_zero() {
                        self.local.record(scopes, priority)?;
                    }
                    self.update_local(scopes, &states, &restricted, acquiring.others()).await?;
                    return Ok(Some(if wait.is_zero() { Decision::Go } else { Decision::Wait(wait) }));
                }
                Err(failure) => self.handle_failure(&connection, &failure, last),
            }
        }
        Ok(None)
    }

    /// Decides with the local share only.
    pub(super) async fn acquire_local(&self, scopes: &[Scope], priority: Priority) -> Result<Decision, LimiterError> {
        let now = self.clock.monotonic();
        // If Redis is back already, the caller retries with Redis.
        let delay =
            self.state().down_since.map_or(RETRY_DELAY, |down_since| (down_since + FALLBACK_DELAY).saturating_sub(now));
        if delay > Duration::ZERO {
            return Ok(Decision::Wait(delay));
        }
        let decision = self.local.try_acquire(scopes, priority).await?;
        if decision == Decision::Go {
            self.fallbacks.fetch_add(1, Relaxed);
        }
        Ok(decision)
    }

    /// Runs the script for these scopes. `None` if Redis is down.
    pub(super) async fn run(self: &Arc<Self>, call: &ScriptInvocation<'_>, scopes: &[Scope]) -> Option<ScriptReply> {
        for last in [false, true] {
            let connection = self.ready_connection().await?;
            let _permit = self.permits.acquire().await.ok().filter(|_| !self.is_down())?;
            match self.run_once(&connection, call, scopes.len()).await {
                Ok(reply) => return Some(reply),
                Err(failure) => self.handle_failure(&connection, &failure, last),
            }
        }
        None
    }

    /// Discards the connection after the first failure, and marks Redis as down after the second. An idle connection may have been
    /// closed and this process may be slow, while a process that falls back by mistake exceeds the quotas.
    fn handle_failure(self: &Arc<Self>, connection: &Connection, failure: &RedisFailure, last: bool) {
        match failure {
            RedisFailure::Disconnected(_) | RedisFailure::Timeout(_) if !last => {
                self.connector.discard(connection.generation)
            }
            _ => self.mark_down(connection.generation, failure),
        }
    }

    /// Returns a connection with a completed handshake. `None` if Redis is down.
    async fn ready_connection(self: &Arc<Self>) -> Option<Connection> {
        if self.is_down() {
            return None;
        }
        match self.connect().await {
            Ok(connection) => Some(connection).filter(|_| !self.is_down()),
            Err(failure) => {
                self.mark_down(u64::MAX, &failure);
                None
            }
        }
    }

    async fn connect(&self) -> Result<Connection, RedisFailure> {
        let connection = timeout(&*self.clock, REPLY_TIMEOUT, self.connector.connection()).await;
        let connection = connection.unwrap_or(Err(RedisFailure::Timeout(REPLY_TIMEOUT)))?;
        if self.state().handshaken < connection.generation {
            self.handshake(&connection).await?;
        }
        Ok(connection)
    }

    /// Reads how long Redis has been counting, and checks that it accepts writes.
    async fn handshake(&self, connection: &Connection) -> Result<(), RedisFailure> {
        self.run_once(connection, &self.script.inspect(&[], |_| LocalWindow::default()), 0).await?;
        let mut state = self.state();
        state.handshaken = state.handshaken.max(connection.generation);
        Ok(())
    }

    /// Runs the script once on this connection.
    async fn run_once(
        &self,
        connection: &Connection,
        call: &ScriptInvocation<'_>,
        scopes: usize,
    ) -> Result<ScriptReply, RedisFailure> {
        let numbers = timeout(&*self.clock, REPLY_TIMEOUT, self.connector.run_on(connection, call)).await;
        let numbers: Vec<i64> = numbers.unwrap_or(Err(RedisFailure::Timeout(REPLY_TIMEOUT)))?;
        let reply = ScriptReply::parse(&numbers, scopes)?;
        if let ScriptReply::Scopes { age, .. } = &reply {
            let counting_since = self.clock.monotonic().checked_sub(*age);
            let mut state = self.state();
            state.unsynced_until = state.unsynced_until.max(counting_since);
        }
        Ok(reply)
    }

    /// Returns the scopes in which Redis may not know every call that still counts. The local share restricts them.
    fn restricted_scopes(&self, scopes: &[Scope]) -> Vec<Scope> {
        let Some(unsynced_until) = self.state().unsynced_until else { return Vec::new() };
        let elapsed = self.clock.monotonic().saturating_sub(unsynced_until);
        let is_restricted = |scope: &&Scope| match scope.quota() {
            Quota::SlidingWindow { span, .. } => elapsed < span.saturating_add(RECOVERY_MARGIN),
            Quota::TokenBucket { .. } => elapsed < TOKEN_BUCKET_SPAN + RECOVERY_MARGIN,
            // Every call sends Redis the local count of a fixed window.
            Quota::FixedWindow { .. } => false,
        };
        scopes.iter().filter(is_restricted).cloned().collect()
    }

    /// Copies the counts and the provider feedback that Redis has from all processes to the local limiter. Redis may have counted
    /// `in_flight` calls that the local limiter records later. Skips the calls of other processes in `restricted` scopes:
    /// every process keeps to its share there, and the calls would count from now on instead of from their start.
    async fn update_local(
        &self,
        scopes: &[Scope],
        states: &[ScopeState],
        restricted: &[Scope],
        in_flight: u32,
    ) -> Result<(), LimiterError> {
        for (scope, state) in scopes.iter().zip(states) {
            let mut feedback = Feedback::new(scope.clone());
            if !matches!(scope.quota(), Quota::TokenBucket { .. }) {
                feedback.limit = Some(state.limit);
            }
            if feedback.limit.is_some() && !restricted.contains(scope) {
                feedback.remaining = Some(state.limit.saturating_sub(state.used.saturating_sub(in_flight)));
            }
            feedback.reset_after = state.resets_in;
            feedback.retry_after = state.blocked_for;
            self.local.observe(&feedback).await?;
        }
        Ok(())
    }

    /// Returns the local count of a fixed window, for a Redis that has lost its data.
    pub(super) fn local_window(&self, scope: &Scope) -> LocalWindow {
        // The local limiter never waits.
        match self.local.usage(scope).now_or_never() {
            Some(Ok(usage)) => LocalWindow { used: usage.used, resets_in: usage.resets_in.unwrap_or_default() },
            _ => LocalWindow::default(),
        }
    }

    /// Falls back to the local share until Redis is back. Does nothing if Redis is down already or there is a newer connection.
    fn mark_down(self: &Arc<Self>, generation: u64, failure: &RedisFailure) {
        self.connector.discard(generation);
        {
            let mut state = self.state();
            if state.down_since.is_some() || state.handshaken > generation {
                return;
            }
            state.down_since = Some(self.clock.monotonic());
        }
        self.outages.fetch_add(1, Relaxed);
        tracing::error!(%failure, "Redis is down: this process uses its local share of the limits until Redis is back");
        let interval = if matches!(failure, RedisFailure::Disconnected(_) | RedisFailure::Timeout(_)) {
            RECONNECT_INTERVAL
        } else {
            RECONNECT_INTERVAL_AFTER_ERROR
        };
        tokio::spawn(reconnect_until_up(Arc::downgrade(self), Arc::clone(&self.clock), interval));
    }

    async fn try_recover(&self) -> bool {
        let handshake = async {
            let connection = self.connect().await?;
            self.handshake(&connection).await
        };
        if handshake.await.is_err() {
            self.connector.discard(u64::MAX);
            return false;
        }
        let mut state = self.state();
        state.unsynced_until = Some(self.clock.monotonic());
        state.down_since = None;
        true
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().down_since.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an acquire call while it is in flight.
struct Acquiring<'a>(&'a AtomicU32);

impl<'a> Acquiring<'a> {
    fn start(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }

    /// Returns the number of other calls in flight.
    fn others(&self) -> u32 {
        self.0.load(Relaxed).saturating_sub(1)
    }
}

impl Drop for Acquiring<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Tries to reconnect until Redis is back or the limiter is dropped.
async fn reconnect_until_up(limiter: Weak<FallbackLimiter>, clock: Arc<dyn Clock>, interval: Duration) {
    loop {
        clock.sleep(interval).await;
        let Some(limiter) = limiter.upgrade() else { return };
        if limiter.try_recover().await {
            tracing::warn!("Redis is up again: processes share the limits");
            return;
        }
    }
}

/// Returns the error of a scope whose key Redis counts by another kind of quota.
pub(super) fn kind_mismatch(scope: &Scope) -> LimiterError {
    LimiterError::new(format!(
        "Redis already counts the scope `{}` by another kind of quota (sliding window, fixed window, token bucket): use another key",
        scope.key()
    ))
}
