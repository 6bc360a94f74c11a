//! Records: the copies of a provider's things that the store keeps, and the rule by which a change meets what is there.
//!
//! [`resolve`] is a pure function, so that both databases, the tests and a reader see the same rule. Invariant: a change
//! that is older than what is stored never wins, and what cannot be ordered is not guessed but fetched again.

mod resolve;

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use resolve::{Resolution, resolve};

use crate::{id::OrganizationId, time::Timestamp};

/// Two provider times nearer than this are not ordered by guess: the provider's clocks differ by about 2 s.
pub const SKEW: Duration = Duration::from_secs(5);

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
