use std::sync::Arc;

use serde::Serialize;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    record::{Doc, Origin, Record, RecordKey},
};

use crate::error::{Result, json, unreadable};

/// organization, kind, id, location, version, origin, position, search, doc, revision, deleted.
pub(super) type Row = (String, String, String, Option<String>, i64, String, i64, String, String, i64, i64);

#[derive(Serialize)]
pub(super) struct RowOut<'a> {
    organization: &'a str,
    kind: &'a str,
    id: &'a str,
    location: Option<&'a str>,
    version: i64,
    origin: Origin,
    position: i64,
    search: &'a str,
    /// As text: the database never looks into it, and so cannot stumble over what it holds.
    doc: String,
    revision: u64,
    deleted: u8,
    /// The revision that it follows.
    former: u64,
}

#[derive(Serialize)]
pub(super) struct KeyOut<'a> {
    organization: &'a str,
    kind: &'a str,
    id: &'a str,
    /// The version at which a fetched record is known without a look at its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    listed: Option<i64>,
}

impl<'a> KeyOut<'a> {
    pub(super) fn new(key: &'a RecordKey, listed: Option<Timestamp>) -> Self {
        let listed = listed.map(Timestamp::as_micros);
        Self { organization: key.organization.as_str(), kind: &key.kind, id: &key.id, listed }
    }
}

impl<'a> RowOut<'a> {
    pub(super) fn new(record: &'a Record, former: u64) -> Result<Self> {
        Ok(Self {
            former,
            organization: record.key.organization.as_str(),
            kind: &record.key.kind,
            id: &record.key.id,
            location: record.location.as_deref(),
            version: record.version.as_micros(),
            origin: record.origin,
            position: record.position.as_micros(),
            search: &record.search,
            doc: json(&*record.doc)?,
            revision: record.revision,
            deleted: record.deleted.into(),
        })
    }
}

pub(super) fn record(row: Row) -> Result<Record> {
    let (organization, kind, id, location, version, origin, position, search, doc, revision, deleted) = row;
    let key = RecordKey { organization: OrganizationId::from(organization), kind: kind.into(), id: id.into() };
    Ok(Record {
        key,
        location: location.map(Arc::from),
        version: Timestamp::from_micros(version),
        origin: match &*origin {
            "webhook" => Origin::Webhook,
            "fetched" => Origin::Fetched,
            _ => return Err(StoreError::broken("a record has an origin that this build does not know")),
        },
        position: Timestamp::from_micros(position),
        search,
        doc: serde_json::from_str::<Doc>(&doc).map_err(unreadable("a record's document"))?.into(),
        revision: revision.cast_unsigned(),
        deleted: deleted != 0,
    })
}
