//! A failing provider behind the fault proxy: the errors that callers get and the requests that the provider receives.
//!
//! `broken_connections`: every fault on every hop. `recovery`: every request fails until the outage ends. `retry_after`: the
//! provider names the wait. Invariant: a request that may have taken effect is not sent again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken_connections;
mod recovery;
mod retry_after;
