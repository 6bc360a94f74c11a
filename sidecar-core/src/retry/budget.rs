//! A shared purse that retries are paid from, so that an outage is not answered with a storm.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::Retryable;

/// What a retry after a passing failure costs. The figures are those of the AWS SDKs' standard mode (14 and 5 of 500).
const TRANSIENT_COST: u32 = 14;
/// What a retry after a refusal by limit costs: less, since the provider is well.
const THROTTLED_COST: u32 = 5;

/// Tokens for retries, shared by clones. When most calls fail, they run out and failures are passed on at once.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<TokenPool>);

#[derive(Debug)]
struct TokenPool {
    max: u32,
    tokens: AtomicU32,
}

impl RetryBudget {
    /// A full purse of `max` tokens; 500 pay for 35 retries after failures or 100 after refusals by limit.
    pub fn new(max: u32) -> Self {
        Self(Arc::new(TokenPool { max, tokens: AtomicU32::new(max) }))
    }

    /// Pays for a retry; `false` when there is not enough left, or the failure is not to be retried.
    #[must_use = "a retry that was not paid for must not be made"]
    pub fn try_spend(&self, class: Retryable) -> bool {
        let cost = match class {
            Retryable::No => return false,
            Retryable::Transient => TRANSIENT_COST,
            Retryable::Throttled => THROTTLED_COST,
        };
        self.change(|tokens| tokens.checked_sub(cost))
    }

    /// A call succeeded: one token comes back.
    pub fn on_success(&self) {
        self.change(|tokens| (tokens < self.0.max).then(|| tokens + 1));
    }

    /// What is left.
    pub fn left(&self) -> u32 {
        self.0.tokens.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.0.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

impl Default for RetryBudget {
    /// 500 tokens.
    fn default() -> Self {
        Self::new(500)
    }
}
