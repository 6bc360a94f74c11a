use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{
    StoreError,
    lease::{Lease, LeaseStore},
};

use crate::{
    SqlStore,
    sql::leases as sql,
    tx::{exec, write_returning},
};

/// A century. Prevents an overflow when the database adds the TTL to its clock.
const MAX_TTL: Duration = Duration::from_secs(3_155_760_000);

pub(crate) fn ttl_micros(ttl: Duration) -> i64 {
    i64::try_from(ttl.min(MAX_TTL).as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl LeaseStore for SqlStore {
    async fn try_acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let mut conn = self.pool.write().await?;
        let acquired: Option<(i64,)> = write_returning!(conn, sql::ACQUIRE, key, holder, ttl_micros(ttl))?;
        Ok(acquired.map(|(fence,)| Lease { key: key.into(), holder: holder.into(), fence: fence.cast_unsigned() }))
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        let mut conn = self.pool.write().await?;
        let fence = lease.fence.cast_signed();
        Ok(exec!(conn, sql::RENEW, &*lease.key, &*lease.holder, fence, ttl_micros(ttl))? == 1)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::RELEASE, &*lease.key, &*lease.holder, lease.fence.cast_signed())?;
        Ok(())
    }
}
