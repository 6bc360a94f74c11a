//! Real processes that compete for resources and are killed.
//!
//! Token refresh: `refresh`, `refresh_faults`. Webhooks: `webhooks`, `duplicates`, `dead_letters`. Database: `database_restarts`,
//! `database_faults`, `backup`. Others: `sync`, `limits`, `booking_sync`. Harness: `database`, `server` (crm-server on it),
//! `webhook_sender`, `workload` (the deliveries of a run and their expected effects).
//! Invariant: a kill is SIGKILL or an abort at a failpoint, and each test checks that its kills hit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod booking_sync;
mod database;
mod database_faults;
mod database_restarts;
mod dead_letters;
mod duplicates;
mod limits;
mod refresh;
mod refresh_faults;
mod server;
mod sync;
mod webhook_sender;
mod webhooks;
mod workload;
