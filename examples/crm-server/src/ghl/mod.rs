//! GHL: client access, connecting, webhooks, their effects, tasks and health.
//!
//! The client is the `ghl-client` crate. Invariant: nothing is done for a location or company before its owner is known.

pub mod access;
pub mod connect;
#[cfg(feature = "failpoints")]
mod crash;
pub mod events;
pub(crate) mod health;
pub mod installations;
pub mod tasks;
pub mod webhook;
