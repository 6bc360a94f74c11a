//! Syncing listings of the providers into the store: which sources exist, when they are due, and one run of a source.
//!
//! Invariant: a source runs in one process at a time, guarded by its lease in the store.

pub mod routes;
pub mod run;
pub mod schedule;
pub mod sources;
