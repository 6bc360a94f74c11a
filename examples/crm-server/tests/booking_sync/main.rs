//! Synchronizes Cal.com's bookings with GHL's appointments by a whole server between sandboxes of both.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account_changes;
mod blocks;
mod harness;
mod interleavings;
mod lifecycle;
mod manual_blocks;
mod mapping;
mod races;
