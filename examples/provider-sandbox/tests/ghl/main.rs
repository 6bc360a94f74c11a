//! Tests of the GHL sandbox: one documented behaviour of the provider per test.

#![expect(clippy::unwrap_used, reason = "a test fails on the first error")]

mod calendars;
mod contacts;
mod control;
mod faults;
mod limits;
mod locations;
mod oauth;
mod opportunities;
#[path = "../common/receiver.rs"]
mod receiver;
mod search;
mod support;
mod webhooks;
