use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{StoreError, process::ProcessRegistry};

use crate::{
    SqlStore,
    inbox::count,
    leases::micros,
    sql::processes as sql,
    tx::{exec, fetch},
};

#[async_trait]
impl ProcessRegistry for SqlStore {
    async fn heartbeat(&self, process: &str, ttl: Duration) -> Result<u32, StoreError> {
        let mut tx = self.pool.begin().await?;
        exec!(tx, sql::BURY)?;
        exec!(tx, sql::BEAT, process, micros(ttl))?;
        let (alive,): (i64,) = fetch!(fetch_one, tx, sql::COUNT)?;
        tx.commit().await?;
        Ok(count(alive))
    }

    async fn deregister(&self, process: &str) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        exec!(link, sql::LEAVE, process)?;
        Ok(())
    }
}
