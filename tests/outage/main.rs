//! A provider that fails, behind a proxy that spoils connections: what callers see, and what the provider is spared.
//!
//! `broken`: every kind of broken connection on every hop. `outage`: everything fails, until it works again.
//! `retry_after`: the provider names the wait.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
mod outage;
mod retry_after;
