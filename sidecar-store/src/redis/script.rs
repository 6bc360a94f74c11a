//! Calls of `limit.lua` and their replies.

use std::time::Duration;

use redis::{Script, ScriptInvocation};
use sidecar_core::rate_limit::{Feedback, Priority, Quota, Scope, Usage};

use super::connection::RedisFailure;

/// Maximum span and wait. Longer ones are cut to it, so that the numbers of the script stay exact.
const MAX_SPAN: Duration = Duration::from_secs(366 * 86_400);
/// Minimum rate of a token bucket, as in `LocalLimiter`: one call per day.
const MIN_CALLS_PER_SECOND: f64 = 1.0 / 86_400.0;
/// The numbers per scope in a reply.
const NUMBERS_PER_SCOPE: usize = 5;

/// The script and the prefix of its keys.
#[derive(Debug)]
pub(super) struct LimitScript {
    script: Script,
    /// The braces are the hash tag.
    key_prefix: String,
}

/// The count of a fixed window in this process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LocalWindow {
    pub(super) used: u32,
    pub(super) resets_in: Duration,
}

/// The reply of the script.
#[derive(Debug)]
pub(super) enum ScriptReply {
    /// Redis already counts the scope with this index by another kind of quota.
    KindMismatch(usize),
    Scopes {
        /// Zero if the call may start. An `acquire` has counted it then.
        wait: Duration,
        /// The time since Redis started to count.
        age: Duration,
        scopes: Vec<ScopeState>,
    },
}

/// The state of a scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScopeState {
    pub(super) limit: u32,
    pub(super) used: u32,
    /// The time until a fixed window resets.
    pub(super) resets_in: Option<Duration>,
    /// The time that the server blocked the scope for.
    pub(super) blocked_for: Option<Duration>,
    /// The time until no call counts any more.
    pub(super) idle_in: Option<Duration>,
}

impl LimitScript {
    pub(super) fn new(prefix: &str) -> Self {
        Self { script: Script::new(include_str!("limit.lua")), key_prefix: format!("{{{prefix}limit}}:") }
    }

    /// Counts a call in every scope, or in none.
    pub(super) fn acquire(
        &self,
        scopes: &[Scope],
        priority: Priority,
        local_window: impl Fn(&Scope) -> LocalWindow,
    ) -> ScriptInvocation<'_> {
        self.script_call("acquire", scopes, priority, local_window)
    }

    /// Reads the state of scopes.
    pub(super) fn inspect(
        &self,
        scopes: &[Scope],
        local_window: impl Fn(&Scope) -> LocalWindow,
    ) -> ScriptInvocation<'_> {
        self.script_call("inspect", scopes, Priority::Interactive, local_window)
    }

    /// Applies the feedback of a server.
    pub(super) fn observe(
        &self,
        feedback: &Feedback,
        local_window: impl Fn(&Scope) -> LocalWindow,
    ) -> ScriptInvocation<'_> {
        let scope = std::slice::from_ref(&feedback.scope);
        let mut call = self.script_call("observe", scope, Priority::Interactive, local_window);
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let time = |time: Option<Duration>| time.map(|time| millis(time).to_string()).unwrap_or_default();
        call.arg(number(feedback.limit)).arg(number(feedback.remaining));
        call.arg(time(feedback.reset_after)).arg(time(feedback.retry_after)).arg(time(feedback.took));
        call
    }

    fn script_call(
        &self,
        operation: &str,
        scopes: &[Scope],
        priority: Priority,
        local_window: impl Fn(&Scope) -> LocalWindow,
    ) -> ScriptInvocation<'_> {
        let mut call = self.script.key(format!("{}counting_since", self.key_prefix));
        call.arg(operation).arg(if priority == Priority::Background { "background" } else { "interactive" });
        for scope in scopes {
            let (kind, first, second) = match scope.quota() {
                Quota::SlidingWindow { limit, span } => ("sliding_window", f64::from(limit), millis(span)),
                Quota::FixedWindow { limit, span } => ("fixed_window", f64::from(limit), millis(span)),
                Quota::TokenBucket { per_second, burst } => {
                    ("token_bucket", period_millis(per_second), f64::from(burst.max(1)))
                }
            };
            let local = if kind == "fixed_window" { local_window(scope) } else { LocalWindow::default() };
            call.key(format!("{}{}", self.key_prefix, scope.key()));
            call.arg(kind).arg(first.to_string()).arg(second.to_string());
            call.arg(local.used).arg(millis(local.resets_in).to_string());
        }
        call
    }
}

impl ScriptReply {
    pub(super) fn parse(numbers: &[i64], scopes: usize) -> Result<Self, RedisFailure> {
        match numbers {
            [mismatch] if *mismatch < 0 => {
                let index = usize::try_from(mismatch.unsigned_abs() - 1).ok().filter(|index| *index < scopes);
                index.map(Self::KindMismatch).ok_or(RedisFailure::UnexpectedReply)
            }
            [wait, age, numbers @ ..] if numbers.len() == scopes * NUMBERS_PER_SCOPE => {
                let scopes = numbers.chunks_exact(NUMBERS_PER_SCOPE).filter_map(ScopeState::parse).collect();
                Ok(Self::Scopes { wait: micros(*wait), age: micros(*age), scopes })
            }
            _ => Err(RedisFailure::UnexpectedReply),
        }
    }
}

impl ScopeState {
    pub(super) fn usage(&self) -> Usage {
        Usage { used: self.used, limit: self.limit, resets_in: self.idle_in }
    }

    fn parse(numbers: &[i64]) -> Option<Self> {
        let [limit, used, resets_in, blocked_for, idle_in] = *numbers else { return None };
        let count = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        let time = |number: i64| Some(micros(number)).filter(|time| !time.is_zero());
        Some(Self {
            limit: count(limit),
            used: count(used),
            resets_in: time(resets_in),
            blocked_for: time(blocked_for),
            idle_in: time(idle_in),
        })
    }
}

fn millis(time: Duration) -> f64 {
    time.min(MAX_SPAN).as_secs_f64() * 1_000.0
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Returns the milliseconds between two calls.
fn period_millis(per_second: f64) -> f64 {
    1_000.0 / if per_second.is_finite() { per_second.max(MIN_CALLS_PER_SECOND) } else { MIN_CALLS_PER_SECOND }
}
