use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{
    StoreError,
    lease::{Lease, LeaseStore},
};

use crate::{
    SqlStore,
    sql::leases as sql,
    tx::{exec, written},
};

/// A century: added to the database's clock it stays far from the end of its numbers.
const LONGEST: Duration = Duration::from_secs(3_155_760_000);

pub(crate) fn micros(ttl: Duration) -> i64 {
    i64::try_from(ttl.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl LeaseStore for SqlStore {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let mut link = self.pool.write().await?;
        let taken: Option<(i64,)> = written!(link, sql::TAKE, key, holder, micros(ttl))?;
        Ok(taken.map(|(fence,)| Lease { key: key.into(), holder: holder.into(), fence: fence.cast_unsigned() }))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let mut link = self.pool.write().await?;
        let fence = lease.fence.cast_signed();
        Ok(exec!(link, sql::RENEW, &*lease.key, &*lease.holder, fence, micros(ttl))? == 1)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        exec!(link, sql::RELEASE, &*lease.key, &*lease.holder, lease.fence.cast_signed())?;
        Ok(())
    }
}
