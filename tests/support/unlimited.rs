//! A limiter for tests that do not test limits.

use async_trait::async_trait;
use sidecar_core::rate_limit::{Decision, Feedback, LimiterError, Priority, RateLimiter, Scope, Usage};

/// Admits every call.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

#[async_trait]
impl RateLimiter for Unlimited {
    async fn try_acquire(&self, _: &[Scope], _: Priority) -> Result<Decision, LimiterError> {
        Ok(Decision::Go)
    }

    async fn observe(&self, _: &Feedback) -> Result<(), LimiterError> {
        Ok(())
    }

    async fn usage(&self, _: &Scope) -> Result<Usage, LimiterError> {
        Ok(Usage { used: 0, limit: u32::MAX, resets_in: None })
    }
}
