//! A shared budget of retries, so that an outage does not cause a storm of requests.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::Retryable;

/// The cost of a retry after a transient failure. The figures are those of the AWS SDKs' standard mode (14 and 5 of 500).
const TRANSIENT_COST: u32 = 14;
/// The cost of a retry after a rate limit: less, since the provider is up.
const THROTTLED_COST: u32 = 5;

/// Tokens for retries, shared by clones. When most calls fail, the tokens run out and failures are returned at once.
#[derive(Debug, Clone)]
pub struct RetryBudget(Arc<TokenPool>);

#[derive(Debug)]
struct TokenPool {
    max: u32,
    tokens: AtomicU32,
}

impl RetryBudget {
    /// Returns a full budget of `max` tokens; 500 are enough for 35 retries after failures or 100 after rate limits.
    pub fn new(max: u32) -> Self {
        Self(Arc::new(TokenPool { max, tokens: AtomicU32::new(max) }))
    }

    /// Pays for a retry; `false` if there are too few tokens, or if the failure must not be retried.
    #[must_use = "a retry that was not paid for must not be made"]
    pub fn try_spend(&self, class: Retryable) -> bool {
        let cost = match class {
            Retryable::No => return false,
            Retryable::Transient => TRANSIENT_COST,
            Retryable::Throttled => THROTTLED_COST,
        };
        self.change(|tokens| tokens.checked_sub(cost))
    }

    /// Returns one token after a successful call.
    pub fn on_success(&self) {
        self.change(|tokens| (tokens < self.0.max).then(|| tokens + 1));
    }

    /// Returns the remaining tokens.
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
