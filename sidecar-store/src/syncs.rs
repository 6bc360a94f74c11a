use std::time::Duration;

use async_trait::async_trait;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    record::RecordKey,
    sync::{Checkpoints, Progress, SyncHealth, SyncKey, SyncStatus},
};

use crate::{
    SqlStore,
    error::Result,
    inbox::saturating_u32,
    json::parse_error,
    sql::syncs as sql,
    tx::{exec, fetch},
};

/// organization, source, location, progress, watermark, `last_full_at`, `last_sync_at`, `error_count`, `last_error`,
/// `next_run_at`, `full_requested`, `full_running`.
type Row = (
    String,
    String,
    String,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    Option<String>,
    Option<i64>,
    i64,
    i64,
);

#[async_trait]
impl Checkpoints for SqlStore {
    async fn schedule(&self, key: &SyncKey, now: Timestamp, full: bool) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        let full = i64::from(full);
        exec!(conn, sql::SCHEDULE, key.organization.as_str(), &*key.source, &*key.location, now.as_micros(), full)?;
        Ok(())
    }

    async fn force(&self, key: &SyncKey) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::FORCE, key.organization.as_str(), &*key.source, &*key.location)?;
        Ok(())
    }

    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<SyncStatus>, StoreError> {
        let mut conn = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, conn, sql::DUE, now.as_micros(), i64::from(limit))?;
        rows.into_iter().map(status_from_row).collect()
    }

    async fn status(&self, key: &SyncKey) -> Result<Option<SyncStatus>, StoreError> {
        let mut conn = self.pool.read().await?;
        let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
        let row: Option<Row> = fetch!(fetch_optional, conn, sql::GET, organization, source, location)?;
        row.map(status_from_row).transpose()
    }

    async fn statuses(&self, organization: &OrganizationId) -> Result<Vec<SyncStatus>, StoreError> {
        let mut conn = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(fetch_all, conn, sql::LIST_BY_ORGANIZATION, organization.as_str())?;
        rows.into_iter().map(status_from_row).collect()
    }

    async fn failed(&self, key: &SyncKey, why: &str, retry_at: Timestamp) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
        exec!(conn, sql::RECORD_FAILURE, organization, source, location, why, retry_at.as_micros())?;
        Ok(())
    }

    async fn restart(&self, key: &SyncKey) -> Result<(), StoreError> {
        let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
        let mut tx = self.pool.begin().await?;
        exec!(tx, sql::RESTART, organization, source, location)?;
        exec!(tx, sql::CLEAR_MISSING, organization, source, location)?;
        tx.commit().await
    }

    async fn stop(&self, organization: &OrganizationId, location: Option<&str>) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        match location {
            Some(location) => exec!(conn, sql::STOP_LOCATION, organization.as_str(), location)?,
            None => exec!(conn, sql::STOP, organization.as_str())?,
        };
        Ok(())
    }

    async fn missing(&self, key: &SyncKey, limit: u32) -> Result<Vec<(RecordKey, u64)>, StoreError> {
        let mut conn = self.pool.read().await?;
        let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
        let rows: Vec<(String, String, i64)> =
            fetch!(fetch_all, conn, sql::LIST_MISSING, organization, source, location, i64::from(limit))?;
        let found = rows.into_iter().map(|(kind, id, revision)| {
            let record = RecordKey { organization: key.organization.clone(), kind: kind.into(), id: id.into() };
            (record, revision.cast_unsigned())
        });
        Ok(found.collect())
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let mut conn = self.pool.read().await?;
        let next: Option<(i64,)> = fetch!(fetch_optional, conn, sql::NEXT_DUE)?;
        Ok(next.map(|(at,)| Timestamp::from_micros(at).since(now)))
    }
}

fn status_from_row(row: Row) -> Result<SyncStatus> {
    let (
        organization,
        source,
        location,
        progress,
        watermark,
        full_at,
        sync_at,
        errors,
        error,
        next,
        requested,
        running,
    ) = row;
    let progress: Option<Progress> =
        progress.map(|text| serde_json::from_str(&text).map_err(parse_error("the progress of a sync"))).transpose()?;
    Ok(SyncStatus {
        key: SyncKey::new(organization, source, location),
        progress,
        watermark: watermark.map(Timestamp::from_micros),
        last_full_at: full_at.map(Timestamp::from_micros),
        last_sync_at: sync_at.map(Timestamp::from_micros),
        health: if errors == 0 { SyncHealth::Healthy } else { SyncHealth::Error },
        error_count: saturating_u32(errors),
        last_error: error,
        next_run_at: next.map(Timestamp::from_micros),
        full_requested: requested.max(running) > 0,
        force_requested: requested.max(running) == 2,
    })
}
