//! Operations: health, metrics, dead letters, and the rate limits that all clients share.
//!
//! Invariant: an organization sees and redrives only its own dead letters; metrics and health name no organization.

pub mod dead_letters;
pub mod health;
pub mod metrics;
pub mod metrics_route;
pub mod rate_limits;
