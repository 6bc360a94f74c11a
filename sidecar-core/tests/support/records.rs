//! A record store whose `commit` is a closure.

use std::fmt;

use async_trait::async_trait;
use sidecar_core::{
    OrganizationId, StoreError,
    commit::{Batch, Outcome, Records},
    record::{Listing, Record, RecordKey},
};

type Commit = dyn Fn(&Batch) -> Result<Outcome, StoreError> + Send + Sync;

/// Commits with a closure and stores no records.
pub(crate) struct CommitFn(pub(crate) Box<Commit>);

impl fmt::Debug for CommitFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitFn")
    }
}

#[async_trait]
impl Records for CommitFn {
    async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError> {
        (self.0)(&batch)
    }
    async fn record(&self, _: &RecordKey) -> Result<Option<Record>, StoreError> {
        Ok(None)
    }
    async fn list(&self, _: &OrganizationId, _: &str, _: &Listing) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }
    async fn count(&self, _: &OrganizationId, _: &str, _: Option<&str>) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn applied(&self, _: &str) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }
}
