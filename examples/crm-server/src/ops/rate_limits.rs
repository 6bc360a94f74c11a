//! How many calls providers take: shared with the other processes over Redis, or this process's own.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Clock,
    rate_limit::{LocalLimiter, RateLimiter},
};
use sidecar_store::redis::{RedisLimiter, RedisUrlError};

/// The limits of every client. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Limits {
    /// Without `REDIS_URL`.
    Own(Arc<LocalLimiter>),
    /// With it.
    Shared(Arc<RedisLimiter>),
}

impl Limits {
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`RedisUrlError`] when the address cannot be used.
    pub fn new(redis: Option<&SecretString>, clock: &Arc<dyn Clock>) -> Result<Self, RedisUrlError> {
        let clock = Arc::clone(clock);
        Ok(match redis {
            Some(url) => Self::Shared(Arc::new(RedisLimiter::new(url.expose_secret(), clock)?)),
            None => Self::Own(Arc::new(LocalLimiter::new(clock))),
        })
    }

    /// As clients take it.
    pub fn port(&self) -> Arc<dyn RateLimiter> {
        match self {
            Self::Own(limiter) => Arc::clone(limiter) as _,
            Self::Shared(limiter) => Arc::clone(limiter) as _,
        }
    }

    /// The limiter in Redis; none without `REDIS_URL`.
    pub fn shared(&self) -> Option<&RedisLimiter> {
        match self {
            Self::Own(_) => None,
            Self::Shared(limiter) => Some(limiter),
        }
    }

    /// Says how many processes share the quotas, this one included.
    pub fn set_processes(&self, count: u32) {
        match self {
            Self::Own(limiter) => limiter.set_processes(count),
            Self::Shared(limiter) => limiter.set_processes(count),
        }
    }
}
