//! Retries: whether a failed call is retried, when, and when all callers should stop.
//!
//! [`classify()`] and [`next`] are pure decisions; [`RetryBudget`] and [`Breaker`] are small shared counters. The pipeline sleeps and
//! sends.
//!
//! Invariant: a call that may have taken effect is repeated only if that is safe.

mod breaker;
mod budget;
mod classify;

use std::time::Duration;

pub use breaker::{Breaker, CircuitOpen, Permit};
pub use budget::RetryBudget;
pub use classify::{AttemptFailure, IdempotencyKey, Replay, Retryable, classify};

/// How often a call is tried, and how long it waits in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The maximum number of attempts, including the first.
    pub max_attempts: u32,
    /// The maximum wait before the second attempt; doubled for each further one.
    pub base: Duration,
    /// The maximum backoff. A provider may require a longer wait.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// 4 attempts, waits up to 200 ms, 400 ms, 800 ms.
    fn default() -> Self {
        Self { max_attempts: 4, base: Duration::from_millis(200), cap: Duration::from_secs(20) }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub const fn never() -> Self {
        Self { max_attempts: 1, base: Duration::ZERO, cap: Duration::ZERO }
    }
}

/// The decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Retry after this wait.
    RetryAfter(Duration),
    /// Return the failure to the caller.
    Stop(StopReason),
}

/// Why a failed call is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It would fail again, or might take effect twice.
    NotRetryable,
    /// The attempts of the policy are used up.
    Attempts,
    /// The wait would end after the call's deadline.
    Deadline,
    /// The shared [`RetryBudget`] is used up: too many calls fail.
    Budget,
}

/// Decides after the failure of attempt number `attempt` (the first is 1).
///
/// The wait is random between 0 and `base · 2^(attempt - 1)` ("full jitter", so that callers that failed together do not retry
/// together), at most `cap`; a longer `retry_after` takes precedence. `remaining` is the time until the call's deadline, `random01` a
/// random number from 0 to 1. The caller checks the shared budget.
pub fn next(
    policy: &RetryPolicy,
    attempt: u32,
    class: Retryable,
    retry_after: Option<Duration>,
    remaining: Option<Duration>,
    random01: f64,
) -> RetryDecision {
    if class == Retryable::No {
        return RetryDecision::Stop(StopReason::NotRetryable);
    }
    if attempt >= policy.max_attempts {
        return RetryDecision::Stop(StopReason::Attempts);
    }
    let ceiling = policy.base.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(policy.cap);
    let fraction = if random01.is_finite() { random01.clamp(0.0, 1.0) } else { 1.0 };
    let drawn = if fraction < 1.0 { ceiling.mul_f64(fraction) } else { ceiling };
    let wait = drawn.min(ceiling).max(retry_after.unwrap_or_default());
    match remaining {
        Some(remaining) if wait >= remaining => RetryDecision::Stop(StopReason::Deadline),
        _ => RetryDecision::RetryAfter(wait),
    }
}
