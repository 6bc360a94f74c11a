//! A provider that fails, behind a proxy that spoils connections: what callers see, and what the provider is spared.
//!
//! `broken`: every kind of broken connection on every hop.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
