use std::sync::Arc;

use serde_json::Value;

use super::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Origin, Record, SKEW};

/// What a change does to what is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// Write this in place of it.
    Write(Box<Record>, ChangeOutcome),
    /// Leave it: known already, or something newer is stored.
    Keep(ChangeOutcome),
    /// Order cannot be told: leave it and read the record by id.
    Refetch,
}

/// Meets `change` with what is stored. The rule:
///
/// - among webhooks the event's time orders; two of one time that disagree are not ordered;
/// - among fetched states the record's update time orders; but an answer that tells none counts as of our own clock, so that a listed
///   state that seems older by no more than [`SKEW`] and says something else is not ordered;
/// - a webhook and a listed state nearer than [`SKEW`] are not ordered unless they say the same; nor is a listed state that
///   seems older than a webhook and says something else, for the webhook may have told only a part;
/// - a read by id settles it, unless the record changed while it was under way, into something that it does not tell;
/// - a deleted record comes back only by a read.
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
        _ if !current.deleted && leaves_out_nothing(current, change) => {
            write(Some(current), &Change { version: change.version.max(current.version), ..change.clone() })
        }
        _ => Resolution::Refetch,
    }
}

/// Whether a read that is older than what is stored may be written all the same: it has everything that a webhook told since, or
/// is the answer to a write and contradicts nothing. A note of our own that somebody else changed is neither.
fn leaves_out_nothing(current: &Record, change: &Change) -> bool {
    let fits = |(field, value): (&String, &Value)| current.doc.get(field).is_none_or(|stored| is_same(stored, value));
    match &change.mutation {
        Mutation::Put(_) => current.origin == Origin::Webhook && contains(current, change),
        Mutation::Patch(doc) => doc.iter().all(fits),
        Mutation::Delete => false,
    }
}

/// Clocks cannot tell whether a deleted record came back: a tombstone that a read made carries our own time.
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
        effect if agrees(current, effect) => Resolution::Keep(ChangeOutcome::Unchanged),
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

/// Whether a webhook's fields are all known already. A field that it calls empty is known where nothing is stored.
fn agrees(current: &Record, effect: &Mutation) -> bool {
    let known = |(field, value): (&String, &Value)| match current.doc.get(field) {
        Some(stored) => is_same(stored, value),
        None => is_empty(value),
    };
    match effect {
        Mutation::Delete => current.deleted,
        Mutation::Put(doc) | Mutation::Patch(doc) => !current.deleted && doc.iter().all(known),
    }
}

/// Whether a listed state says everything that is stored, so that nothing is lost by putting it in its place. Empty
/// values count as absent: webhooks write them where listings leave the field out.
fn contains(current: &Record, change: &Change) -> bool {
    let Mutation::Put(doc) = &change.mutation else { return false };
    current.doc.iter().all(|(field, value)| is_empty(value) || doc.get(field) == Some(value))
}

/// Whether both say the same; all empty values do.
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

/// Whether a fetched state says word for word what is stored. A record without an update time counts as of the listing's
/// own time, so that its version alone does not tell.
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

/// The stored document with the patch's fields over it; a field set to `null` stays as `null`, so that "cleared" and
/// "never told" remain different things.
fn patched(stored: Option<&Doc>, patch: &Arc<Doc>) -> Arc<Doc> {
    let Some(stored) = stored.filter(|stored| !stored.is_empty()) else { return Arc::clone(patch) };
    let mut doc = stored.clone();
    doc.extend(patch.iter().map(|(field, value)| (field.clone(), value.clone())));
    doc.into()
}

/// The text of the searchable fields, in lower case.
fn search_text(fields: &[&str], doc: &Doc) -> String {
    let mut text = String::new();
    for value in fields.iter().filter_map(|field| doc.get(*field)?.as_str()) {
        if !text.is_empty() {
            text.push(' ');
        }
        // A NUL is nothing that a person types, and no database's text holds it safely.
        text.extend(value.chars().filter(|char| *char != '\0').flat_map(char::to_lowercase));
    }
    text
}
