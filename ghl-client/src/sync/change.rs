//! From a document to a change: which fields are its id, its version and its place.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Value, json};
use sidecar_core::{
    Error, ErrorKind, Id, OrganizationId, Result, Timestamp,
    record::{Change, ChangeOrigin, Doc, Mutation, RecordKey},
};

use crate::model::{Appointment, Contact, LocationId, field_time};

/// The kind of a contact's record.
pub const CONTACT: &str = "contact";
/// The kind of a location's record.
pub const LOCATION: &str = "location";
/// The kind of an appointment's record.
pub const APPOINTMENT: &str = "appointment";
/// The kind of an opportunity's record.
pub const OPPORTUNITY: &str = "opportunity";
/// The kind of a pipeline's record.
pub const PIPELINE: &str = "pipeline";

/// The task that reads a contact by id.
pub const READ_CONTACT: &str = "ghl.read_contact";
/// The task that reads a location by id.
pub const READ_LOCATION: &str = "ghl.read_location";
/// The task that reads an appointment by id.
pub const READ_APPOINTMENT: &str = "ghl.read_appointment";
/// The task that reads an opportunity by id.
pub const READ_OPPORTUNITY: &str = "ghl.read_opportunity";
/// The task that reads a pipeline by id.
pub const READ_PIPELINE: &str = "ghl.read_pipeline";

/// The fields that the changes of one kind of record share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) reread: &'static str,
    /// The fields a person searches by.
    searchable: &'static [&'static str],
    /// The field with the sort position in listings; `None` if all records have the same position.
    position: Option<&'static str>,
    /// The field that says when it last changed.
    updated: &'static str,
}

const DATE_UPDATED: &str = "dateUpdated";

pub(super) const CONTACTS: Kind = Kind {
    name: CONTACT,
    reread: READ_CONTACT,
    searchable: &["firstName", "lastName", "name", "contactName", "email", "phone", "companyName"],
    position: Some("dateAdded"),
    updated: DATE_UPDATED,
};
pub(super) const LOCATIONS: Kind = Kind {
    name: LOCATION,
    reread: READ_LOCATION,
    searchable: &["name", "email", "city"],
    position: None,
    updated: DATE_UPDATED,
};
pub(super) const APPOINTMENTS: Kind = Kind {
    name: APPOINTMENT,
    reread: READ_APPOINTMENT,
    searchable: &["title", "address"],
    position: Some("startTime"),
    updated: DATE_UPDATED,
};
pub(super) const OPPORTUNITIES: Kind = Kind {
    name: OPPORTUNITY,
    reread: READ_OPPORTUNITY,
    searchable: &["name"],
    position: Some("createdAt"),
    updated: "updatedAt",
};
/// Pipelines do not say when they changed: a listing is as new as its request.
pub(super) const PIPELINES: Kind =
    Kind { name: PIPELINE, reread: READ_PIPELINE, searchable: &["name"], position: None, updated: "updatedAt" };

impl Kind {
    pub(super) fn key(self, organization: &OrganizationId, id: &str) -> RecordKey {
        RecordKey { organization: organization.clone(), kind: Cow::Borrowed(self.name), id: id.into() }
    }

    /// Returns the sort position in listings. Records without one come first.
    pub(super) fn position(self, document: &Doc) -> Timestamp {
        self.position.and_then(|field| field_time(document.get(field))).unwrap_or(Timestamp::EPOCH)
    }

    /// A change of the record `id`.
    pub(super) fn change(
        self,
        key: RecordKey,
        location: Option<Arc<str>>,
        version: Timestamp,
        origin: ChangeOrigin,
        effect: Mutation,
    ) -> Change {
        let position = match &effect {
            Mutation::Put(document) => Some(self.position(document)),
            // A webhook that does not carry the place leaves it as it is.
            Mutation::Patch(document) => match self.position {
                Some(field) => field_time(document.get(field)),
                None => Some(Timestamp::EPOCH),
            },
            Mutation::Delete => None,
        };
        let reread = Some(Cow::Borrowed(self.reread));
        Change {
            key,
            location,
            version,
            origin,
            position,
            mutation: effect,
            searchable: self.searchable,
            refetch_task: reread,
            on_change: None,
        }
    }

    /// The change that a fetched document makes. Its version is its update time; a document that has none counts as of
    /// `asked_at`, when the request for it began.
    pub(super) fn fetched(
        self,
        organization: &OrganizationId,
        location: Option<Arc<str>>,
        document: Doc,
        asked_at: Timestamp,
        origin: ChangeOrigin,
    ) -> Result<Change> {
        let id = id_of(&document)?;
        let version = field_time(document.get(self.updated)).unwrap_or(asked_at);
        Ok(self.change(self.key(organization, &id), location, version, origin, Mutation::Put(document.into())))
    }

    fn written<K>(
        self,
        organization: &OrganizationId,
        location: &LocationId,
        id: &Id<K>,
        answer: Value,
        asked_at: Timestamp,
        revision: u64,
    ) -> Change {
        let document = if let Value::Object(document) = answer { document } else { Doc::new() };
        let version = field_time(document.get(self.updated)).unwrap_or(asked_at);
        let origin = ChangeOrigin::Read { revision };
        self.change(
            self.key(organization, id.as_str()),
            Some(location.as_str().into()),
            version,
            origin,
            Mutation::Patch(document.into()),
        )
    }

    /// The outcome of a read by id: the document, or a delete when the provider no longer has it.
    pub(super) fn read(
        self,
        organization: &OrganizationId,
        id: &str,
        location: Option<Arc<str>>,
        read: Result<Doc>,
        asked_at: Timestamp,
        revision: u64,
    ) -> Result<Change> {
        let origin = ChangeOrigin::Read { revision };
        match read {
            Ok(document) if document.get("deleted").and_then(Value::as_bool) != Some(true) => {
                self.fetched(organization, location, document, asked_at, origin)
            }
            Ok(_) => Ok(self.change(self.key(organization, id), location, asked_at, origin, Mutation::Delete)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Ok(self.change(self.key(organization, id), location, asked_at, origin, Mutation::Delete))
            }
            Err(error) => Err(error),
        }
    }
}

/// The change that a contact makes which the provider answered to a create, change or upsert, when the stored record's
/// revision was `revision` before the request left (0: none was stored): an answer does not tell what happened while it was on its
/// way. It carries the fields of the answer; others stay as they are.
pub fn written_contact(
    organization: &OrganizationId,
    location: &LocationId,
    contact: &Contact,
    asked_at: Timestamp,
    revision: u64,
) -> Change {
    CONTACTS.written(organization, location, &contact.id, json!(contact), asked_at, revision)
}

/// As [`written_contact`], for an appointment.
pub fn written_appointment(
    organization: &OrganizationId,
    location: &LocationId,
    appointment: &Appointment,
    asked_at: Timestamp,
    revision: u64,
) -> Change {
    APPOINTMENTS.written(organization, location, &appointment.id, json!(appointment), asked_at, revision)
}

/// The document's id.
pub(super) fn id_of(document: &Doc) -> Result<Arc<str>> {
    let id = document.get("id").or_else(|| document.get("_id")).and_then(Value::as_str);
    id.filter(|id| !id.is_empty())
        .map(Arc::from)
        .ok_or_else(|| Error::new(ErrorKind::Decode, "a row of the listing has no id").at("ghl", "sync"))
}
