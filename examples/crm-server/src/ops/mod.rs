//! Operations: health, metrics, dead letters, and the shared rate limits.
//!
//! Invariant: nothing here changes what an integration does.

pub mod dead_letters;
pub mod health;
pub mod metrics;
pub mod rate_limits;
