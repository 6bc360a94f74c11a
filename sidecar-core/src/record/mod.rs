//! Records: the copies of a provider's things that the store keeps, and the rule by which a change meets what is there.
//!
//! [`resolve`] is a pure function, so that both databases, the tests and a reader see the same rule. Invariant: a change
//! that is older than what is stored never wins, and what cannot be ordered is not guessed but fetched again.

mod resolve;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use resolve::{Resolution, resolve};

use crate::{
    error::StoreError,
    id::OrganizationId,
    inbox::ClaimRef,
    outbox::{NewTask, TaskRef},
    sync::{CheckpointWrite, KeyRange, SyncKey},
    time::Timestamp,
};

/// Two provider times nearer than this are not ordered by guess: the provider's clocks differ by about 2 s.
pub const SKEW: Duration = Duration::from_secs(5);

/// The most changes a batch may hold, so that an acknowledgement never waits long behind a page.
pub const MAX_CHANGES: usize = 500;

/// A record's document.
pub type Doc = Map<String, Value>;

/// Names a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The tenant.
    pub organization: OrganizationId,
    /// What it is: `contact`, `location`, `appointment`.
    pub kind: Cow<'static, str>,
    /// The provider's id.
    pub id: Arc<str>,
}

/// How the store came to know a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A webhook; its version is the event's own time.
    Webhook,
    /// Read from the provider; its version is the record's update time.
    Fetched,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its name.
    pub key: RecordKey,
    /// The provider's location (sub-account), where it has one.
    pub location: Option<Arc<str>>,
    /// The provider's time of this state.
    pub version: Timestamp,
    /// How it was learnt.
    pub origin: Origin,
    /// Where it stands in listings: a contact's creation, an appointment's start.
    pub position: Timestamp,
    /// Lower-case text that the contacts search looks in.
    pub search: String,
    /// The document, with all fields the provider sent.
    pub doc: Arc<Doc>,
    /// Grows with every write of this record.
    pub revision: u64,
    /// Whether the provider deleted it; its document is empty then.
    pub deleted: bool,
}

/// What a change does. A document is shared, not copied, on its way from the change to the record.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// The whole document as fetched.
    Put(Arc<Doc>),
    /// Only the fields that a webhook carries; `null` clears a field.
    Patch(Arc<Doc>),
    /// It is gone.
    Delete,
}

/// Where a change comes from, which settles what it is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOrigin {
    /// A webhook.
    Webhook,
    /// A row of a listing.
    Listed,
    /// Read by id for this very record, when its stored revision was the given one (0: none was stored). It settles
    /// what listings and webhooks could not, unless the record changed meanwhile.
    Read {
        /// The revision before the read began.
        revision: u64,
    },
}

/// A change to one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which record.
    pub key: RecordKey,
    /// The location it belongs to; `None` keeps what is stored.
    pub location: Option<Arc<str>>,
    /// The provider's time of the change.
    pub version: Timestamp,
    /// Where it comes from.
    pub origin: ChangeOrigin,
    /// Its place in listings; `None` keeps what is stored.
    pub position: Option<Timestamp>,
    /// What it does.
    pub mutation: Mutation,
    /// The document's fields that a person searches by.
    pub searchable: &'static [&'static str],
    /// The kind of task that reads the record by id when order cannot be told, such as `ghl.read_contact`. The task's
    /// payload is `{"kind", "id", "location"}`; several wishes for one record become one task.
    pub refetch_task: Option<Cow<'static, str>>,
    /// The kind of task that carries the change on to other systems, written with it whenever it changes what is stored:
    /// with the same payload, one task for a record however often it changes before it is carried out.
    pub on_change: Option<Cow<'static, str>>,
}

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
}

/// A stretch in which a batch's changes are all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedRange {
    /// The pass.
    pub pass: SyncKey,
    /// The stretch.
    pub range: KeyRange,
    /// Records of this version or later are left alone: they may have come after the listing was made.
    pub older_than: Timestamp,
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

/// What became of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// A new record.
    Inserted,
    /// A newer state of a known record.
    Updated,
    /// The record is now a tombstone.
    Deleted,
    /// Known already.
    Unchanged,
    /// Something newer is stored.
    Stale,
    /// Order cannot be told; a read by id was ordered (where the change names how).
    Ambiguous,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Only this location.
    pub location: Option<Arc<str>>,
    /// Positions from here on (inclusive).
    pub from: Option<Timestamp>,
    /// Positions before this (exclusive).
    pub to: Option<Timestamp>,
    /// Only records whose search text holds this (lower case).
    pub search: Option<String>,
    /// After this row, in the listing's order.
    pub after: Option<(Timestamp, Arc<str>)>,
    /// At most this many rows.
    pub limit: u32,
    /// Latest position first.
    pub newest_first: bool,
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
