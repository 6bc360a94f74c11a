//! Tests of the public API against scripted responses: every operation, errors, limits, OAuth, blocked times and webhooks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod availability;
mod blocked;
mod bookings;
mod builder;
mod cases;
mod errors;
mod limits;
mod oauth;
mod requirements;
mod responses;
mod support;
mod sync;
mod webhook_events;
mod webhooks;
mod wire;
