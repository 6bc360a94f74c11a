use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Progress, SyncKey};
use crate::{error::StoreError, id::OrganizationId, record::RecordKey, time::Timestamp};

/// How the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncHealth {
    /// The last run succeeded, or none has run yet.
    Healthy,
    /// The last run failed.
    Error,
}

/// The stored state of a sync.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncStatus {
    /// The sync.
    pub key: SyncKey,
    /// The progress of the current run, if one is running or interrupted.
    pub progress: Option<Progress>,
    /// The start of the next incremental run: the newest version that the last successful run listed.
    pub watermark: Option<Timestamp>,
    /// When a full run last succeeded.
    pub last_full_at: Option<Timestamp>,
    /// When a run last succeeded.
    pub last_sync_at: Option<Timestamp>,
    /// How the last run ended.
    pub health: SyncHealth,
    /// The failures since the last successful run.
    pub error_count: u32,
    /// The last failure.
    pub last_error: Option<String>,
    /// When the next run is due; `None` while the sync is stopped.
    pub next_run_at: Option<Timestamp>,
    /// Whether the next run must be full.
    pub full_requested: bool,
    /// Whether the next full run may delete any share of the stored records. Each of them is still looked up first.
    pub force_requested: bool,
}

/// The storage port of the states of syncs. Progress is part of a [`Batch`](crate::commit::Batch).
#[async_trait]
pub trait Checkpoints: Send + Sync + fmt::Debug {
    /// Creates a sync, due at `now`, or makes an existing one due, even if it is stopped. `full` requests a full run; a run that has
    /// already started does not satisfy the request. The first run of a sync is always full.
    async fn schedule(&self, key: &SyncKey, now: Timestamp, full: bool) -> Result<(), StoreError>;

    /// Requests a full run of an existing sync that may delete any share of the stored records. The request lasts until a full run
    /// that starts after it succeeds.
    async fn force(&self, key: &SyncKey) -> Result<(), StoreError>;

    /// Returns at most `limit` syncs that are due, the longest overdue first. A run needs the lease of its sync.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<SyncStatus>, StoreError>;

    /// Returns the state of a sync.
    async fn status(&self, key: &SyncKey) -> Result<Option<SyncStatus>, StoreError>;

    /// Returns the states of all syncs of an organization.
    async fn statuses(&self, organization: &OrganizationId) -> Result<Vec<SyncStatus>, StoreError>;

    /// Stores the failure of a run, keeps its progress, and makes the sync due at `retry_at`.
    async fn failed(&self, key: &SyncKey, why: &str, retry_at: Timestamp) -> Result<(), StoreError>;

    /// Deletes the progress of the current run and its missing records, so that the next run starts from the first page. That run
    /// satisfies all earlier requests for a full run.
    async fn restart(&self, key: &SyncKey) -> Result<(), StoreError>;

    /// Stops the syncs of an organization, in one location or in all of them. Their states stay stored.
    async fn stop(&self, organization: &OrganizationId, location: Option<&str>) -> Result<(), StoreError>;

    /// Returns at most `limit` records that the current run found missing and has not looked up yet, with their stored revisions. A
    /// committed change of a record, or its deletion, removes it from the result.
    async fn missing(&self, key: &SyncKey, limit: u32) -> Result<Vec<(RecordKey, u64)>, StoreError>;

    /// Returns the time until the next sync is due; `None` if none is scheduled.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError>;
}
