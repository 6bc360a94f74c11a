//! Retries: whether a failed call is made again, when, and when everybody should stop trying.
//!
//! Here live pure decisions ([`classify()`], [`next`]) and two small shared counters ([`RetryBudget`], [`Breaker`]);
//! sleeping and sending live in the pipeline.
//!
//! Invariant: a call that the provider may have carried out is repeated only if repeating it is harmless.

mod breaker;
mod budget;
mod classify;

use std::time::Duration;

pub use breaker::{Breaker, CircuitOpen, Permit};
pub use budget::RetryBudget;
pub use classify::{AttemptFailure, IdempotencyKey, Replay, Retryable, classify};

/// How often and how patiently a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one.
    pub base: Duration,
    /// The longest wait of our own. A provider may ask for more.
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

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again after this wait.
    RetryAfter(Duration),
    /// Give the failure to the caller.
    Stop(StopReason),
}

/// Why a failed call is not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It would fail again, or might be carried out twice.
    NotRetryable,
    /// The policy's attempts are spent.
    Attempts,
    /// The wait would end after the call's deadline.
    Deadline,
    /// The shared [`RetryBudget`] is spent: too much fails already.
    Budget,
}

/// Decides what follows the failure of attempt number `attempt` (the first is 1).
///
/// The wait is drawn evenly from nothing to `base · 2^(attempt - 1)` ("full jitter", so that callers who failed
/// together do not return together), at most `cap`; `retry_after` wins when it is longer. `remaining` is the time to
/// the call's deadline, `random01` a random number from 0 to 1. The shared budget is the caller's to ask.
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
