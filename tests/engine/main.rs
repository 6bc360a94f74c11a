//! The sync engine and the rule of records on real stores, against a provider that a test makes up.
//!
//! `listing` is that provider; the tests ask what the store holds at the end. No process is killed here (that is
//! `processes`): a pass is dropped at any of its awaits instead.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod faults;
mod inbox;
mod listing;
mod newest;
mod order;
mod outbox;
mod passes;
