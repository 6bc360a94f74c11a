//! The stand-in of Cal.com, judged from outside by the real client: one behaviour of the provider's facts per test.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod authentication;
mod bookings;
mod control;
mod malformed_input;
mod schedules;
mod slots;
mod support;
mod webhooks;
