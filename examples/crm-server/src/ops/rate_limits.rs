//! The providers' rate limits: shared with other processes over Redis, or local to this process.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Clock,
    rate_limit::{LocalLimiter, RateLimiter},
};
use sidecar_store::redis::{RedisLimiter, RedisUrlError};

/// The rate limits of every client. Cheap to clone.
#[derive(Debug, Clone)]
pub enum RateLimits {
    /// Without `REDIS_URL`: this process alone.
    Local(Arc<LocalLimiter>),
    /// With `REDIS_URL`: all processes together.
    Shared(Arc<RedisLimiter>),
}

impl RateLimits {
    /// Returns the limits; nothing is sent yet.
    ///
    /// # Errors
    /// [`RedisUrlError`] when the address is not valid.
    pub fn new(redis: Option<&SecretString>, clock: &Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let clock = Arc::clone(clock);
        Ok(match redis {
            Some(url) => Self::Shared(Arc::new(RedisLimiter::new(url.expose_secret(), clock)?)),
            None => Self::Local(Arc::new(LocalLimiter::new(clock))),
        })
    }

    /// Returns the limiter that clients use.
    pub fn limiter(&self) -> Arc<dyn RateLimiter> {
        match self {
            Self::Local(limiter) => Arc::clone(limiter) as _,
            Self::Shared(limiter) => Arc::clone(limiter) as _,
        }
    }

    /// Returns the limiter in Redis; `None` without `REDIS_URL`.
    pub fn shared(&self) -> Option<&RedisLimiter> {
        match self {
            Self::Local(_) => None,
            Self::Shared(limiter) => Some(limiter),
        }
    }

    /// Sets how many processes share the limits, this one included.
    pub fn set_processes(&self, count: u32) {
        match self {
            Self::Local(limiter) => limiter.set_processes(count),
            Self::Shared(limiter) => limiter.set_processes(count),
        }
    }
}
