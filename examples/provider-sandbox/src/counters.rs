//! Counts of the calls to each operation of a provider.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;

use crate::lock;

/// Calls to one operation and the statuses of their responses.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperationCount {
    /// Requests that reached the operation.
    pub calls: u64,
    /// Responses by HTTP status; 0 if the connection was reset without a response.
    pub by_status: BTreeMap<u16, u64>,
}

/// The counts of all operations, by `METHOD /template`.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<BTreeMap<&'static str, OperationCount>>);

impl Counters {
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
