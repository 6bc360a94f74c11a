use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Progress, SyncKey};
use crate::{error::StoreError, id::OrganizationId, record::RecordKey, time::Timestamp};

/// How the last pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncHealth {
    /// The last pass ended well, or none has run yet.
    Healthy,
    /// The last pass failed.
    Error,
}

/// What is remembered of a source between passes.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncStatus {
    /// Which source.
    pub key: SyncKey,
    /// The pass under way, if any.
    pub progress: Option<Progress>,
    /// Where the next incremental pass begins: the newest version of the last finished pass.
    pub watermark: Option<Timestamp>,
    /// When a full pass last ended well.
    pub last_full_at: Option<Timestamp>,
    /// When a pass last ended well.
    pub last_sync_at: Option<Timestamp>,
    /// How it stands.
    pub health: SyncHealth,
    /// Failures since the last good pass.
    pub error_count: u32,
    /// The last failure.
    pub last_error: Option<String>,
    /// When it is due; `None`: stopped.
    pub next_run_at: Option<Timestamp>,
    /// Whether the next pass must be full.
    pub full_requested: bool,
    /// Whether that pass may remove any share of what is stored; each record is still confirmed by a read.
    pub force_requested: bool,
}

/// Where passes and their state are kept. Progress is written by [`Batch`](crate::commit::Batch).
#[async_trait]
pub trait Checkpoints: Send + Sync + fmt::Debug {
    /// Makes a source known and due at `now`, or due now again if it is known (also after a stop). `full` asks for a full
    /// pass, which begins after this wish: one under way does not answer it. A first pass is always full.
    async fn schedule(&self, key: &SyncKey, now: Timestamp, full: bool) -> Result<(), StoreError>;

    /// Asks for a full pass of a scheduled source that may remove any share of what is stored. The wish lasts until a full
    /// pass that began after it ended well.
    async fn force(&self, key: &SyncKey) -> Result<(), StoreError>;

    /// At most `limit` sources that are due, longest overdue first. Who runs one takes its lease.
    async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<SyncStatus>, StoreError>;

    /// One source's state.
    async fn status(&self, key: &SyncKey) -> Result<Option<SyncStatus>, StoreError>;

    /// The sources of an organization.
    async fn statuses(&self, organization: &OrganizationId) -> Result<Vec<SyncStatus>, StoreError>;

    /// A pass failed: counts it, remembers why, keeps the progress, and makes it due again at `retry_at`.
    async fn failed(&self, key: &SyncKey, why: &str, retry_at: Timestamp) -> Result<(), StoreError>;

    /// Forgets the pass under way with what it found missing, so that the next one starts anew. That one answers every wish for
    /// a full pass so far.
    async fn restart(&self, key: &SyncKey) -> Result<(), StoreError>;

    /// Stops the sources of an organization, in one location or all; they stay known.
    async fn stop(&self, organization: &OrganizationId, location: Option<&str>) -> Result<(), StoreError>;

    /// At most `limit` records that the pass found missing and nobody has confirmed yet, with their stored revision. A
    /// record stops being one when a change of it is committed, or when it is deleted.
    async fn missing(&self, key: &SyncKey, limit: u32) -> Result<Vec<(RecordKey, u64)>, StoreError>;

    /// How long until the next source is due; `None` when there is none.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Duration>, StoreError>;
}
