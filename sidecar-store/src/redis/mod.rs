//! Limits and leases that processes share over Redis (5 or later; 7 is what the tests run).
//!
//! Here live [`RedisLimiter`] and [`RedisLeases`], and the Lua that both need to do several things at once. The rules of
//! limits are those of [`sidecar_core::rate_limit::LocalLimiter`]; what waits for a limit is the pipeline.
//!
//! One server, or a primary with replicas behind one address: this is no client of a Redis cluster. All keys of one
//! limiter share a hash tag all the same, so that a proxy in front of a cluster finds them in one slot. Time is Redis's
//! own; it must not be set back, or what was counted counts that much longer.
//!
//! Invariant: Redis is a convenience. While it is lost no call fails for it, and no limit is overrun.

mod fallback;
mod lease;
mod limit;
mod link;
mod question;

pub use lease::RedisLeases;
pub use limit::{LimiterStatus, RedisLimiter};

/// What keys begin with unless another prefix is given.
pub const PREFIX: &str = "sidecar:";

/// The address names no Redis that this crate can speak to. Never holds the address, which may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisUrlError {
    /// It cannot be read.
    #[error("the Redis URL cannot be read: give redis://host:6379, or redis://user:password@host:6379/0")]
    Unreadable,
    /// It asks for TLS.
    #[error("this build speaks to Redis without TLS: give redis://…, over a network of your own or a tunnel")]
    Tls,
}
