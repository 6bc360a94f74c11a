//! GHL: connecting an organization, taking its webhooks, and what follows from them.
//!
//! The client itself is the `ghl-client` crate; copying listings lives in `work`. Invariant: nothing is done for a location or
//! company before it is known whose it is.

pub mod access;
pub(crate) mod appointment_fields;
pub mod connect;
#[cfg(feature = "failpoints")]
mod crash;
pub mod events;
pub(crate) mod health;
pub mod installations;
pub mod tasks;
pub mod webhook;
