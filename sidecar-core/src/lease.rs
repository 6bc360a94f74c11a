//! Leases: who may do a thing that only one process may do at a time.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::error::StoreError;

/// A right that ends by itself. Whoever holds it renews it in time or hands it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased, such as `token:org_1/ghl:company:c_1`.
    pub key: Arc<str>,
    /// Who holds it; unique per attempt, not per process.
    pub holder: Arc<str>,
    /// Grows with every change of holder, so that a former one is told from the present one.
    pub fence: u64,
}

/// Where leases are kept. Time is the store's own, so that processes with skewed clocks agree.
#[async_trait]
pub trait LeaseStore: Send + Sync + fmt::Debug {
    /// Takes the lease for `ttl` if nobody holds it, or if its holder let it run out; `None` while somebody does.
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError>;

    /// Prolongs a lease to `ttl` from now; `false` when it is no longer held under this fence.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError>;

    /// Hands it back. Nothing happens when it is no longer held under this fence.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;
}
