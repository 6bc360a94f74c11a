//! Queues: the inbox of deliveries, the outbox of tasks, and the configuration that their workers share.
//!
//! A worker claims due rows under a lease, processes them, and commits the result with the finished claims. Invariant: a
//! claim that another worker took over makes the whole commit void.

mod config;
pub mod inbox;
pub mod outbox;

pub use config::WorkerConfig;
