//! Tests of the Cal.com sandbox with the real client: one documented behaviour of the provider per test.

#![expect(clippy::unwrap_used, reason = "a test fails on the first error")]

mod authentication;
mod bookings;
mod control;
mod malformed_input;
#[path = "../common/receiver.rs"]
mod receiver;
mod schedules;
mod slots;
mod support;
mod webhooks;
