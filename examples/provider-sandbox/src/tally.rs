//! How often each operation of a provider was called, and how it was answered.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;

use crate::lock;

/// How often an operation was called and how it was answered (status 0: cut without an answer).
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperationCount {
    /// Requests that reached the operation.
    pub calls: u64,
    /// Answers by HTTP status.
    pub by_status: BTreeMap<u16, u64>,
}

/// The counts of every operation, by `METHOD /template`.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<&'static str, OperationCount>>);

impl Tally {
    pub(crate) fn count(&self, operation: &'static str, status: u16) {
        let mut operations = lock(&self.0);
        let count = operations.entry(operation).or_default();
        count.calls += 1;
        *count.by_status.entry(status).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<&'static str, OperationCount> {
        lock(&self.0).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
