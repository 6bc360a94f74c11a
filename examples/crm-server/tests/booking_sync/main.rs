//! Booking sync: a whole server keeps Cal.com bookings and GHL appointments equal, against sandboxes of both providers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account_changes;
mod blocks;
mod harness;
mod interleavings;
mod lifecycle;
mod manual_blocks;
mod mapping;
mod races;
