use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{id::OrganizationId, time::Timestamp};

/// The identity of a sync: a source of an organization, in one location or in all of them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncKey {
    /// The tenant.
    pub organization: OrganizationId,
    /// The source, such as `GHL_CONTACTS`.
    pub source: Arc<str>,
    /// The provider's location; empty if the source spans all locations.
    pub location: Arc<str>,
}

impl SyncKey {
    /// Returns the key of a source of an organization in one location; `location` is empty if the source spans all locations.
    pub fn new(
        organization: impl Into<OrganizationId>,
        source: impl Into<Arc<str>>,
        location: impl Into<Arc<str>>,
    ) -> Self {
        Self { organization: organization.into(), source: source.into(), location: location.into() }
    }
}

impl fmt::Display for SyncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.organization, self.source, self.location)
    }
}

impl fmt::Debug for SyncKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncKey({self})")
    }
}

/// What a sync run lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All records. Stored records that are missing from the listing are looked up and deleted.
    Full,
    /// The records that changed since the last run. Nothing is deleted.
    Incremental,
}

/// The phase of a sync run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Pages are listed and stored.
    Listing,
    /// Records that the listing lacked are looked up by id.
    Confirming,
}

/// The progress of a run, stored so that any process can continue it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Full or incremental.
    pub mode: Mode,
    /// The current phase.
    pub phase: Phase,
    /// The cursor of the next page; `None` before the first page.
    pub cursor: Option<Value>,
    /// When the run started.
    pub started_at: Timestamp,
    /// The newest version listed so far: the start of the next incremental run.
    pub newest: Option<Timestamp>,
    /// Pages committed so far.
    pub pages: u64,
    /// Rows listed so far.
    pub seen: u64,
}

/// The write to the checkpoint of a sync, part of a [`Batch`](crate::commit::Batch).
#[derive(Clone, Debug, PartialEq)]
pub enum CheckpointWrite {
    /// A run has come this far.
    Progress(SyncKey, Progress),
    /// A run succeeded at `at`; the next is due at `next_run_at`. Its progress and its missing records are removed. A full run
    /// satisfies the requests made before it started ([`Checkpoints::restart`](crate::sync::Checkpoints::restart)); a later request
    /// stays open and due.
    Finished {
        /// The sync.
        key: SyncKey,
        /// Full or incremental.
        mode: Mode,
        /// When the run ended.
        at: Timestamp,
        /// The start of the next incremental run.
        watermark: Option<Timestamp>,
        /// When the next run is due.
        next_run_at: Timestamp,
    },
}

/// A range of a listing that a page covers completely: the records of `kind` (in `location`) whose (position, id) is after `after`
/// and not after `up_to`. `None` is an open end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The kind of record.
    pub kind: &'static str,
    /// Only records of this location.
    pub location: Option<Arc<str>>,
    /// Exclusive start.
    pub after: Option<(Timestamp, Arc<str>)>,
    /// Inclusive end.
    pub up_to: Option<(Timestamp, Arc<str>)>,
}

/// A range that the changes of a batch cover completely: stored records of it that the batch lacks are marked as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedRange {
    /// The synced source.
    pub sync: SyncKey,
    /// The range.
    pub range: KeyRange,
    /// Records of this version or later are not marked: they may have been created after the listing.
    pub older_than: Timestamp,
}
