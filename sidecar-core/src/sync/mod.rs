//! Sync: copying a provider's listings into the store, so that it can stop anywhere and go on.
//!
//! Here live the [`Source`] a provider's crate implements, the engine that runs a pass, and the checkpoints. Invariant: a
//! page and the cursor behind it are committed together; a record is removed only after a whole pass and a read by id.

mod checkpoint;
mod engine;

use std::{fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use checkpoint::{CheckpointWrite, Checkpoints, Mode, Phase, Progress, SyncHealth, SyncStatus};
pub use engine::{Engine, EngineConfig, SyncError, SyncObserver, SyncReport, SyncRun};

use crate::{error::Result, id::OrganizationId, outbox::NewTask, page::Page, record::Change, time::Timestamp};

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

/// What a source gives in one go.
#[derive(Clone, Debug)]
pub struct SourcePage<C> {
    /// The changes, as listed, and where the next page starts.
    pub page: Page<Change, C>,
    /// What the page vouches for. Only passes in [`Mode::Full`] use it.
    pub range: Option<KeyRange>,
}

/// A provider's listing that can be copied. One value is one pass: it knows its mode and where an incremental one starts.
pub trait Source: Send + Sync {
    /// Where a page starts. Kept in the checkpoint.
    type Cursor: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static;

    /// One page: in a full pass ordered by a position that never changes; in an incremental one, what changed.
    fn page(&self, at: Option<Self::Cursor>) -> impl Future<Output = Result<SourcePage<Self::Cursor>>> + Send;

    /// Reads one record by id, for one that the listing lacks. The answer's effect is
    /// [`Mutation::Delete`](crate::record::Mutation::Delete) when the provider no longer has it. `revision` goes into the
    /// change's [`ChangeOrigin::Read`](crate::record::ChangeOrigin::Read).
    fn read(&self, id: &str, revision: u64) -> impl Future<Output = Result<Change>> + Send;

    /// What is to be done once the pass ended well. It is written with its end, so that nothing comes between the two.
    fn on_complete(&self) -> Vec<NewTask> {
        Vec::new()
    }
}
