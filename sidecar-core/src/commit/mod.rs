//! Commits: the one verb that writes to the store, and everything that one transaction can hold.
//!
//! Records lie below this module; queues and sync lie above it. Invariant: a [`Batch`] is written whole or not at all.

mod checkpoint;
mod task;
mod trigger;

use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;

pub use checkpoint::{CheckpointWrite, KeyRange, Mode, Phase, Progress, ScannedRange, SyncKey};
pub use task::{ClaimRef, Dedup, NewTask, TaskRef};
pub use trigger::{Trigger, TriggerCondition, TriggeredRecords};

use crate::{
    error::StoreError,
    id::OrganizationId,
    record::{Change, ChangeOutcome, Listing, Record, RecordKey},
};

/// The most changes a batch may hold, so that an acknowledgement never waits long behind a page.
pub const MAX_CHANGES: usize = 500;

/// One line of the append-only history: this delivery had its effect, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLogEntry {
    /// The tenant; `None` while none is known for the delivery.
    pub organization: Option<OrganizationId>,
    /// The sender, such as `ghl`.
    pub source: Cow<'static, str>,
    /// The sender's delivery id.
    pub delivery: Arc<str>,
    /// The event's kind, as sent.
    pub kind: Arc<str>,
    /// The entity it spoke of, when known.
    pub entity: Option<Arc<str>>,
    /// What became of it: `applied`, `older`, `unknown`, ….
    pub outcome: Cow<'static, str>,
}

/// Everything that is written together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Changes, applied in this order; at most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// The claimed deliveries that this batch finishes. If one is no longer held, nothing of the batch is written.
    pub inbox_done: Vec<ClaimRef>,
    /// The claimed tasks that this batch finishes. If one is no longer held, nothing of the batch is written.
    pub outbox_done: Vec<TaskRef>,
    /// History lines.
    pub event_log: Vec<EventLogEntry>,
    /// Effects on other systems.
    pub outbox: Vec<NewTask>,
    /// How far a sync has come.
    pub checkpoint: Option<CheckpointWrite>,
    /// The stretch of a full pass that `changes` is all there is in; stored records of it that are missing are remembered.
    pub scanned: Option<ScannedRange>,
    /// Set by a reconciler for the changes that it made itself: [`TriggeredRecords`] attaches nothing to them.
    pub skip_triggers: bool,
}

/// What a commit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `false`: a claim was lost to another worker and nothing was written.
    pub committed: bool,
    /// What became of each change, in order.
    pub changes: Vec<ChangeOutcome>,
    /// How many stored records of the covered stretch were not among the changes.
    pub missing: u64,
}

impl Outcome {
    /// How many changes ended so.
    pub fn count(&self, written: ChangeOutcome) -> usize {
        self.changes.iter().filter(|w| **w == written).count()
    }
}

/// Where records are kept, and the one verb that writes.
#[async_trait]
pub trait Records: Send + Sync + fmt::Debug {
    /// Writes the batch in one transaction and a fixed number of statements, whatever its size.
    async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError>;

    /// One record, tombstones included.
    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError>;

    /// Live records of a kind, ordered by position and id.
    async fn list(
        &self,
        organization: &OrganizationId,
        kind: &str,
        listing: &Listing,
    ) -> Result<Vec<Record>, StoreError>;

    /// How many live records of a kind there are, in one location or all.
    async fn count(&self, organization: &OrganizationId, kind: &str, location: Option<&str>)
    -> Result<u64, StoreError>;

    /// How often each delivery of a source stands in the history, as (all lines, distinct deliveries).
    async fn applied(&self, source: &str) -> Result<(u64, u64), StoreError>;
}
