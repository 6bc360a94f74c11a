use std::sync::Arc;

use serde::Serialize;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    record::{Doc, Origin, Record, RecordKey},
};

use crate::{
    error::Result,
    json::{parse_error, to_json},
};

/// organization, kind, id, location, version, origin, position, search, doc, revision, deleted.
pub(super) type Row = (String, String, String, Option<String>, i64, String, i64, String, String, i64, i64);

#[derive(Serialize)]
pub(super) struct RecordParam<'a> {
    organization: &'a str,
    kind: &'a str,
    id: &'a str,
    location: Option<&'a str>,
    version: i64,
    origin: Origin,
    position: i64,
    search: &'a str,
    /// JSON text, because the database never parses it.
    doc: String,
    revision: u64,
    deleted: u8,
    previous_revision: u64,
}

#[derive(Serialize)]
pub(super) struct KeyParam<'a> {
    organization: &'a str,
    kind: &'a str,
    id: &'a str,
    /// Set if the batch only lists the record: the document is not read if this version is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed_version: Option<i64>,
}

impl<'a> KeyParam<'a> {
    pub(super) fn new(key: &'a RecordKey, listed_version: Option<Timestamp>) -> Self {
        let listed_version = listed_version.map(Timestamp::as_micros);
        Self { organization: key.organization.as_str(), kind: &key.kind, id: &key.id, listed_version }
    }
}

impl<'a> RecordParam<'a> {
    pub(super) fn new(record: &'a Record, previous_revision: u64) -> Result<Self> {
        Ok(Self {
            previous_revision,
            organization: record.key.organization.as_str(),
            kind: &record.key.kind,
            id: &record.key.id,
            location: record.location.as_deref(),
            version: record.version.as_micros(),
            origin: record.origin,
            position: record.position.as_micros(),
            search: &record.search,
            doc: to_json(&*record.doc)?,
            revision: record.revision,
            deleted: record.deleted.into(),
        })
    }
}

pub(super) fn record_from_row(row: Row) -> Result<Record> {
    let (organization, kind, id, location, version, origin, position, search, doc, revision, deleted) = row;
    let key = RecordKey { organization: OrganizationId::from(organization), kind: kind.into(), id: id.into() };
    Ok(Record {
        key,
        location: location.map(Arc::from),
        version: Timestamp::from_micros(version),
        origin: match &*origin {
            "webhook" => Origin::Webhook,
            "fetched" => Origin::Fetched,
            _ => return Err(StoreError::broken("a record has an unknown origin")),
        },
        position: Timestamp::from_micros(position),
        search,
        doc: serde_json::from_str::<Doc>(&doc).map_err(parse_error("the document of a record"))?.into(),
        revision: revision.cast_unsigned(),
        deleted: deleted != 0,
    })
}
