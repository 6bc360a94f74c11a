//! The background work against the sandbox provider: deliveries, tasks, sync runs and backfills.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backfill;
mod deliveries;
mod harness;
mod installations;
mod syncs;
