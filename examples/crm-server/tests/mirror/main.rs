//! Cal.com's bookings and GHL's appointments, kept the same by a whole server between the stand-ins of both.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod blocks;
mod by_hand;
mod house;
mod interleavings;
mod life;
mod mapping;
mod races;
