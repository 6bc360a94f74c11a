//! The stand-in of GHL, judged from outside: one behaviour of the provider's facts per test.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod calendars;
mod contacts;
mod control;
mod faults;
mod limits;
mod locations;
mod oauth;
mod opportunities;
mod search;
mod support;
mod webhooks;
