//! Cal.com: each organization's connection, its settings, its webhooks' way in, and what people ask of it.
//!
//! The client itself is the `calcom-client` crate. Invariant: a call of one organization uses its own credentials and address, and
//! no address that an organization names leads into a private network.

pub mod access;
pub mod availability;
pub(crate) mod booking_tag;
pub mod bookings;
pub mod calendar_feed;
pub mod connect;
pub mod connection;
pub mod connection_update;
pub mod events;
pub(crate) mod health;
pub mod settings;
pub mod webhook;

/// Where a delivery comes from, in the inbox and in the history.
pub const SOURCE: &str = "calcom";
