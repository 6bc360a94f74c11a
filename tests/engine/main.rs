//! The sync engine, the inbox and the outbox on real stores, against a fake provider.
//!
//! Each test checks what the store has at the end. Invariant: no process is killed here (`processes` does that); a run is
//! dropped at any of its awaits instead.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fake_provider;
mod inbox;
mod listing_faults;
mod outbox;
mod stale_polls;
mod sync_runs;
mod webhook_order;
