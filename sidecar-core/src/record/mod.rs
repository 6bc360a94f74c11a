//! Records: the stored copies of a provider's objects, and the rule by which a change is applied to a stored record.
//!
//! [`resolve`] is that rule, a pure function that both databases use. Invariant: a change that is older than the stored state never
//! wins, and a change that cannot be ordered leads to a refetch of the record by id.

mod key;
mod resolve;

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use key::{InvalidRecordId, MAX_RECORD_ID_BYTES, RecordKey};
pub use resolve::{Resolution, resolve};

use crate::time::Timestamp;

/// Two provider times that differ by no more than this are not ordered: the clocks of a provider differ by about 2 s.
pub const SKEW: Duration = Duration::from_secs(5);

/// A record's document.
pub type Doc = Map<String, Value>;

/// The source of a stored version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A webhook; the version is the time of the event.
    Webhook,
    /// A response of the provider; the version is the record's update time.
    Fetched,
}

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The organization, kind and id.
    pub key: RecordKey,
    /// The provider's location (sub-account), if it has one.
    pub location: Option<Arc<str>>,
    /// The provider's time of this state.
    pub version: Timestamp,
    /// The source of this version.
    pub origin: Origin,
    /// The sort position in listings: a contact's creation time, an appointment's start.
    pub position: Timestamp,
    /// The lower-case text that a search matches.
    pub search: String,
    /// The document with all fields that the provider sent.
    pub doc: Arc<Doc>,
    /// Incremented by every write of this record.
    pub revision: u64,
    /// Whether this is a tombstone: the provider deleted the record, and the document is empty.
    pub deleted: bool,
}

/// What a change does to the document. Documents are shared, not copied.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// Replaces the whole document.
    Put(Arc<Doc>),
    /// Overwrites the fields that a webhook carries; `null` clears a field.
    Patch(Arc<Doc>),
    /// Replaces the record with a tombstone.
    Delete,
}

/// The source of a change, which determines how it is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOrigin {
    /// A webhook.
    Webhook,
    /// A row of a listing.
    Listed,
    /// A response to a request for this one record. It wins over states from listings and webhooks that cannot be ordered, unless
    /// the record has changed since the request was sent.
    Read {
        /// The stored revision before the request was sent; 0 if no record was stored.
        revision: u64,
    },
}

/// A change to one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The record.
    pub key: RecordKey,
    /// The location of the record; `None` keeps the stored one.
    pub location: Option<Arc<str>>,
    /// The provider's time of the change.
    pub version: Timestamp,
    /// The source of the change.
    pub origin: ChangeOrigin,
    /// The sort position in listings; `None` keeps the stored one.
    pub position: Option<Timestamp>,
    /// What the change does to the document.
    pub mutation: Mutation,
    /// The fields of the document that a search matches.
    pub searchable: &'static [&'static str],
    /// The kind of task that refetches the record by id when the change cannot be ordered, such as `ghl.read_contact`. The payload
    /// is `{"kind", "id", "location"}`, and tasks for the same record coalesce.
    pub refetch_task: Option<Cow<'static, str>>,
    /// The kind of task to enqueue, in the same transaction, when this change modifies the record. The payload is the same, and
    /// tasks for the same record coalesce.
    pub on_change: Option<Cow<'static, str>>,
}

/// The outcome of one change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The record is new.
    Inserted,
    /// The stored record was updated.
    Updated,
    /// The record is now a tombstone.
    Deleted,
    /// The stored record has the same content.
    Unchanged,
    /// A newer state is stored.
    Stale,
    /// The change cannot be ordered. A refetch was enqueued, if [`Change::refetch_task`] is set.
    Ambiguous,
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Only records of this location.
    pub location: Option<Arc<str>>,
    /// The first position (inclusive).
    pub from: Option<Timestamp>,
    /// The end of the positions (exclusive).
    pub to: Option<Timestamp>,
    /// Only records whose search text contains this lower-case text.
    pub search: Option<String>,
    /// Only records after this one, in the order of the listing.
    pub after: Option<(Timestamp, Arc<str>)>,
    /// The maximum number of records.
    pub limit: u32,
    /// Whether the latest position comes first.
    pub newest_first: bool,
}
