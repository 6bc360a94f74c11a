//! What runs beside the routes, against the stand-in of the provider: what deliveries change, what tasks do, what is copied.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod deliveries;
mod house;
mod installations;
mod look;
mod syncs;
