//! Rate limits and leases that processes share over Redis (5 or later; the tests run 7).
//!
//! [`RedisLimiter`] and [`RedisLeases`] run Lua scripts, because each operation must be atomic. The limits follow the rules of
//! [`sidecar_core::rate_limit::LocalLimiter`]; the HTTP pipeline waits for them.
//!
//! Supports one server, or a primary with replicas behind one address, but not the Redis cluster protocol. All keys of a
//! limiter share a hash tag, so a proxy in front of a cluster finds them in one slot. The scripts use the Redis clock. If it is
//! set back, calls count longer by that time.
//!
//! Invariant: a Redis outage fails no call and exceeds no limit.

mod connection;
mod fallback;
mod lease;
mod limit;
mod script;

pub use lease::RedisLeases;
pub use limit::{LimiterStatus, RedisLimiter};

/// The default prefix of every key.
pub const PREFIX: &str = "sidecar:";

/// Why a Redis URL is rejected. Never contains the URL, because it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisUrlError {
    /// The URL is not valid.
    #[error("the Redis URL is not valid: use redis://host:6379 or redis://user:password@host:6379/0")]
    Invalid,
    /// The URL requires TLS.
    #[error("this build does not support TLS to Redis: use redis://… over a private network or a tunnel")]
    TlsUnsupported,
}
