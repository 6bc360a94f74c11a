//! Leases: exclusive rights across processes that expire by themselves.
//!
//! [`LeaseStore`] is the port, [`LeaseGuard`] acquires a lease, renews it while work runs, and releases it. Invariant: a former
//! holder cannot renew or release the lease of its successor, because its fence is older.

mod guard;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use guard::{LeaseGuard, LeaseLost};

use crate::error::StoreError;

/// A right that expires after its TTL unless its holder renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The leased resource, such as `token:org_1/ghl:company:c_1`.
    pub key: Arc<str>,
    /// The holder; unique per attempt, not per process.
    pub holder: Arc<str>,
    /// Increases with every change of holder, so that a former holder can be told from the current one.
    pub fence: u64,
}

/// Stores leases. Expiry is judged by the store's clock, so that processes with skewed clocks agree.
#[async_trait]
pub trait LeaseStore: Send + Sync + fmt::Debug {
    /// Acquires the lease for `ttl` when it is free or expired; `None` while another holder has it.
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError>;

    /// Extends a lease to `ttl` from now; `false` when it is no longer held under this fence.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError>;

    /// Releases a lease. Does nothing when it is no longer held under this fence.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;
}
