//! Commits: the only way to write to the store, and all that one transaction can hold.
//!
//! The queues and the sync use this module; it uses records. Invariant: a [`Batch`] is written whole or not at all.

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

/// The most changes of a batch, so that the commit of a webhook never waits long for the commit of a page.
pub const MAX_CHANGES: usize = 500;

/// An entry of the append-only event log: the outcome of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLogEntry {
    /// The tenant; `None` if the delivery belongs to none.
    pub organization: Option<OrganizationId>,
    /// The sender, such as `ghl`.
    pub source: Cow<'static, str>,
    /// The sender's delivery id.
    pub delivery: Arc<str>,
    /// The event's kind, as sent.
    pub kind: Arc<str>,
    /// The entity that the event names, if any.
    pub entity: Option<Arc<str>>,
    /// The outcome: `applied`, `no_change`, `unknown`, ….
    pub outcome: Cow<'static, str>,
}

/// The contents of one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Changes, applied in this order; at most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// The claimed deliveries that this batch finishes. If one is no longer held, nothing of the batch is written.
    pub inbox_done: Vec<ClaimRef>,
    /// The claimed tasks that this batch finishes. If one is no longer held, nothing of the batch is written.
    pub outbox_done: Vec<TaskRef>,
    /// Entries of the event log.
    pub event_log: Vec<EventLogEntry>,
    /// New tasks, which have effects on other systems.
    pub outbox: Vec<NewTask>,
    /// The progress of a sync.
    pub checkpoint: Option<CheckpointWrite>,
    /// The range of a full run that `changes` covers completely. Stored records of it that are missing are marked.
    pub scanned: Option<ScannedRange>,
    /// Set by a reconciler for its own changes: [`TriggeredRecords`] attaches no tasks to them.
    pub skip_triggers: bool,
}

/// The result of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `false` if a claim was lost to another worker and nothing was written.
    pub committed: bool,
    /// The outcome of each change, in order.
    pub changes: Vec<ChangeOutcome>,
    /// The number of stored records of the scanned range that the changes lack.
    pub missing: u64,
}

impl Outcome {
    /// Returns the number of changes with this outcome.
    pub fn count(&self, written: ChangeOutcome) -> usize {
        self.changes.iter().filter(|w| **w == written).count()
    }
}

/// The storage port of records, with the only method that writes.
#[async_trait]
pub trait Records: Send + Sync + fmt::Debug {
    /// Writes the batch in one transaction, with a number of statements that does not depend on its size. When claims of the batch
    /// were lost, nothing is written.
    ///
    /// # Errors
    /// [`StoreError`]; it is not retryable if the batch can never be stored, such as one with an invalid [`RecordKey`].
    async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError>;

    /// Returns a record, which may be a tombstone.
    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError>;

    /// Returns live records of a kind, ordered by position and id.
    async fn list(
        &self,
        organization: &OrganizationId,
        kind: &str,
        listing: &Listing,
    ) -> Result<Vec<Record>, StoreError>;

    /// Returns the number of live records of a kind, in one location or in all of them.
    async fn count(&self, organization: &OrganizationId, kind: &str, location: Option<&str>)
    -> Result<u64, StoreError>;

    /// Returns the numbers of event log entries of a source and of the distinct deliveries among them.
    async fn applied(&self, source: &str) -> Result<(u64, u64), StoreError>;
}
