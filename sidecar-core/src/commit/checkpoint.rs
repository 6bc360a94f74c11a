use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{id::OrganizationId, time::Timestamp};

/// Names one thing that is kept in step: a source of an organization, in one location or over all.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncKey {
    /// The tenant.
    pub organization: OrganizationId,
    /// The source, such as `GHL_CONTACTS`.
    pub source: Arc<str>,
    /// The provider's location; empty where the source spans all.
    pub location: Arc<str>,
}

impl SyncKey {
    /// A source of an organization in one location; `location` is empty where the source spans all.
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

/// What a pass copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything; what is missing is removed.
    Full,
    /// What changed since the last pass; nothing is removed.
    Incremental,
}

/// Where a pass stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Pages are being copied.
    Listing,
    /// What the listing lacked is being read by id.
    Confirming,
}

/// A pass under way, kept so that any process can go on with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Full or incremental.
    pub mode: Mode,
    /// Where it stands.
    pub phase: Phase,
    /// The next page's cursor; `None` before the first page.
    pub cursor: Option<Value>,
    /// When the pass began.
    pub started_at: Timestamp,
    /// The newest version seen so far in this pass: where the next incremental one begins.
    pub newest: Option<Timestamp>,
    /// Pages committed so far.
    pub pages: u64,
    /// Changes looked at so far.
    pub seen: u64,
}

/// Part of a [`Batch`](crate::commit::Batch): what a source's row becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckpointWrite {
    /// A pass goes on from here.
    Progress(SyncKey, Progress),
    /// A run succeeded at `at`; the next is due at `next_run_at`. Its progress and its missing records are removed. A full run
    /// satisfies the requests made before it started ([`Checkpoints::restart`](crate::sync::Checkpoints::restart)); a later request
    /// stays open and due.
    Finished {
        /// Which source.
        key: SyncKey,
        /// Full or incremental.
        mode: Mode,
        /// When.
        at: Timestamp,
        /// Where the next incremental pass begins.
        watermark: Option<Timestamp>,
        /// When it is due again.
        next_run_at: Timestamp,
    },
}

/// A stretch of a listing in which a page is all there is: records of `kind` (in `location`) whose (position, id) lies
/// after `after` and not after `up_to`. An open end reaches as far as there are records.
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

/// A stretch in which a batch's changes are all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedRange {
    /// The synced source.
    pub sync: SyncKey,
    /// The stretch.
    pub range: KeyRange,
    /// Records of this version or later are left alone: they may have come after the listing was made.
    pub older_than: Timestamp,
}
