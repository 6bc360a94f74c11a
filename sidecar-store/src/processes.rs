use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{StoreError, process::ProcessRegistry};

use crate::{
    SqlStore,
    inbox::saturating_u32,
    leases::ttl_micros,
    sql::processes as sql,
    tx::{exec, fetch},
};

#[async_trait]
impl ProcessRegistry for SqlStore {
    async fn heartbeat(&self, process: &str, ttl: Duration) -> Result<u32, StoreError> {
        let mut tx = self.pool.begin().await?;
        exec!(tx, sql::DELETE_EXPIRED)?;
        exec!(tx, sql::HEARTBEAT, process, ttl_micros(ttl))?;
        let (alive,): (i64,) = fetch!(fetch_one, tx, sql::COUNT)?;
        tx.commit().await?;
        Ok(saturating_u32(alive))
    }

    async fn deregister(&self, process: &str) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::DEREGISTER, process)?;
        Ok(())
    }
}
