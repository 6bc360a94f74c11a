//! Cal.com: client access, connections and settings, webhooks and their effects, bookings and availability, health.
//!
//! The client is the `calcom-client` crate. Invariant: a call uses the credentials and the address of its own organization, and an
//! address that an organization sets never leads into a private network.

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

/// The provider's name in the inbox and in the event log.
pub const SOURCE: &str = "calcom";
