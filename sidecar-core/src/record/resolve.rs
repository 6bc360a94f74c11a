use std::sync::Arc;

use serde_json::Value;

use super::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Origin, Record, SKEW};

/// The result of applying a change to the stored record.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// Replace the stored record with this one.
    Write(Box<Record>, ChangeOutcome),
    /// Keep the stored record: it has the same content, or it is newer.
    Keep(ChangeOutcome),
    /// The change cannot be ordered: keep the stored record and refetch it by id.
    Refetch,
}

/// Applies `change` to the stored record `current`. The rule:
///
/// - Webhooks are ordered by the time of the event. Two webhooks of the same time with different content cannot be ordered.
/// - Fetched states are ordered by the record's update time. A response without an update time has the time of our own clock, so a
///   listed state that differs and is older by no more than [`SKEW`] cannot be ordered.
/// - A webhook and a listed state within [`SKEW`] of each other cannot be ordered unless their content is the same. A listed state
///   that is older than a webhook and differs cannot be ordered either, because a webhook may carry only some of the fields.
/// - A read by id always wins, unless the record changed during the read into a state that the read does not contain.
/// - Only a read by id restores a deleted record.
pub fn resolve(current: Option<&Record>, change: &Change) -> Resolution {
    let Some(current) = current else { return write(None, change) };
    match change.origin {
        ChangeOrigin::Read { revision } => by_read(current, change, revision),
        _ if current.deleted => over_tombstone(current, change),
        ChangeOrigin::Webhook => by_webhook(current, change),
        ChangeOrigin::Listed => by_listing(current, change),
    }
}

fn by_read(current: &Record, change: &Change, revision: u64) -> Resolution {
    if repeats(current, change) && current.version == change.version && current.origin == Origin::Fetched {
        return Resolution::Keep(ChangeOutcome::Unchanged);
    }
    if current.deleted && change.mutation == Mutation::Delete {
        return Resolution::Keep(ChangeOutcome::Unchanged);
    }
    if current.revision == revision {
        return write(Some(current), change);
    }
    // The record changed while the read was under way.
    match (current.origin, &change.mutation) {
        (Origin::Fetched, Mutation::Put(_)) if !current.deleted && change.version < current.version => {
            Resolution::Keep(ChangeOutcome::Stale)
        }
        (Origin::Fetched, Mutation::Put(_)) if !current.deleted && change.version > current.version => {
            write(Some(current), change)
        }
        _ if !current.deleted && loses_nothing(current, change) => {
            write(Some(current), &Change { version: change.version.max(current.version), ..change.clone() })
        }
        _ => Resolution::Refetch,
    }
}

/// Returns whether a read that is older than the stored record can be written without loss: it contains all that webhooks have
/// stored since, or it is the response to a write and contradicts no stored field. A record of our own that another process
/// changed is neither.
fn loses_nothing(current: &Record, change: &Change) -> bool {
    let fits = |(field, value): (&String, &Value)| current.doc.get(field).is_none_or(|stored| is_same(stored, value));
    match &change.mutation {
        Mutation::Put(_) => current.origin == Origin::Webhook && contains(current, change),
        Mutation::Patch(doc) => doc.iter().all(fits),
        Mutation::Delete => false,
    }
}

/// Times do not show whether a deleted record was restored: a tombstone that a read wrote has the time of our own clock.
fn over_tombstone(current: &Record, change: &Change) -> Resolution {
    match (&change.mutation, change.origin) {
        (Mutation::Delete, _) => Resolution::Keep(ChangeOutcome::Unchanged),
        (_, ChangeOrigin::Webhook) if change.version + SKEW < current.version => Resolution::Keep(ChangeOutcome::Stale),
        _ => Resolution::Refetch,
    }
}

fn by_webhook(current: &Record, change: &Change) -> Resolution {
    let certain = match current.origin {
        Origin::Webhook => change.version != current.version,
        Origin::Fetched => change.version.distance(current.version) > SKEW,
    };
    let newer = change.version > current.version;
    match &change.mutation {
        Mutation::Delete if certain && newer => write(Some(current), change),
        Mutation::Delete => Resolution::Refetch,
        _ if certain && newer => write(Some(current), change),
        _ if certain => Resolution::Keep(ChangeOutcome::Stale),
        mutation if agrees(current, mutation) => Resolution::Keep(ChangeOutcome::Unchanged),
        _ => Resolution::Refetch,
    }
}

fn by_listing(current: &Record, change: &Change) -> Resolution {
    let newer = change.version > current.version;
    let near = change.version.distance(current.version) <= SKEW;
    match current.origin {
        Origin::Fetched if change.version == current.version || repeats(current, change) => {
            Resolution::Keep(ChangeOutcome::Unchanged)
        }
        Origin::Fetched if newer => write(Some(current), change),
        Origin::Fetched if near => Resolution::Refetch,
        Origin::Fetched => Resolution::Keep(ChangeOutcome::Stale),
        Origin::Webhook if newer && !near => write(Some(current), change),
        Origin::Webhook if contains(current, change) => write(Some(current), change),
        Origin::Webhook => Resolution::Refetch,
    }
}

/// Returns whether the stored record has all fields of a webhook. An empty field equals a missing one.
fn agrees(current: &Record, mutation: &Mutation) -> bool {
    let known = |(field, value): (&String, &Value)| match current.doc.get(field) {
        Some(stored) => is_same(stored, value),
        None => is_empty(value),
    };
    match mutation {
        Mutation::Delete => current.deleted,
        Mutation::Put(doc) | Mutation::Patch(doc) => !current.deleted && doc.iter().all(known),
    }
}

/// Returns whether a listed state has all stored fields, so that replacing the document loses nothing. An empty value equals a
/// missing field: webhooks send empty values where listings omit the field.
fn contains(current: &Record, change: &Change) -> bool {
    let Mutation::Put(doc) = &change.mutation else { return false };
    current.doc.iter().all(|(field, value)| is_empty(value) || doc.get(field) == Some(value))
}

/// Returns whether the values are equal. All empty values are equal.
fn is_same(stored: &Value, value: &Value) -> bool {
    stored == value || (is_empty(stored) && is_empty(value))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns whether a fetched document equals the stored one. The version does not show this, because a record without an update
/// time has the time of the listing.
fn repeats(current: &Record, change: &Change) -> bool {
    matches!(&change.mutation, Mutation::Put(doc) if !current.deleted && *doc == current.doc)
}

fn write(current: Option<&Record>, change: &Change) -> Resolution {
    let deleted = change.mutation == Mutation::Delete;
    let doc = match &change.mutation {
        Mutation::Put(doc) => Arc::clone(doc),
        Mutation::Patch(patch) => patched(current.map(|record| &*record.doc), patch),
        Mutation::Delete => Arc::default(),
    };
    let written = match current {
        _ if deleted => ChangeOutcome::Deleted,
        None => ChangeOutcome::Inserted,
        Some(_) => ChangeOutcome::Updated,
    };
    let record = Record {
        key: change.key.clone(),
        location: change.location.clone().or_else(|| current?.location.clone()),
        version: change.version,
        origin: if change.origin == ChangeOrigin::Webhook { Origin::Webhook } else { Origin::Fetched },
        position: change.position.or_else(|| Some(current?.position)).unwrap_or(change.version),
        search: search_text(change.searchable, &doc),
        doc,
        revision: current.map_or(0, |record| record.revision) + 1,
        deleted,
    };
    Resolution::Write(Box::new(record), written)
}

/// Returns the stored document overwritten with the fields of the patch. `null` is stored as `null`, so that a cleared field
/// differs from one that was never received.
fn patched(stored: Option<&Doc>, patch: &Arc<Doc>) -> Arc<Doc> {
    let Some(stored) = stored.filter(|stored| !stored.is_empty()) else { return Arc::clone(patch) };
    let mut doc = stored.clone();
    doc.extend(patch.iter().map(|(field, value)| (field.clone(), value.clone())));
    doc.into()
}

/// Returns the text of the searchable fields in lower case.
fn search_text(fields: &[&str], doc: &Doc) -> String {
    let mut text = String::new();
    for value in fields.iter().filter_map(|field| doc.get(*field)?.as_str()) {
        if !text.is_empty() {
            text.push(' ');
        }
        // No database stores NUL in a text safely.
        text.extend(value.chars().filter(|char| *char != '\0').flat_map(char::to_lowercase));
    }
    text
}
