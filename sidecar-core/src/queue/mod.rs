//! Queues: the inbox of deliveries, the outbox of tasks, and the configuration that their workers share.
//!
//! A worker claims due rows under a lease, processes them, and commits the result with the finished claims. Invariant: a
//! claim that another worker took over makes the whole commit void, and organizations take turns.

mod claim;
mod config;
pub mod inbox;
pub mod outbox;

pub use claim::ClaimRequest;
pub use config::WorkerConfig;
