//! Contacts: records and people, what searches see, changes, and the operations on them.
//! Invariant: every change goes through `changes`, so that none is without its webhook and its index entry.

pub(crate) mod changes;
pub(crate) mod directory;
mod filter;
mod index;
mod legacy;
pub(crate) mod people;
pub(crate) mod record;
mod search;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use bytes::Bytes;
use serde_json::{Map, Value, json};

pub(crate) use legacy::{duplicate, list};
pub(crate) use search::search;

use super::error::trace_id;
use super::reply::{self, Answer};
use super::shape::{self, Kind, required};
use super::state::World;
use super::tokens::Caller;
use crate::lock;
use record::View;

type Asked = (State<Arc<World>>, Extension<Caller>);

pub(crate) async fn create((State(world), Extension(caller)): Asked, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    changes::check_create(&body)?;
    let site = world.site(&caller, location(&body))?;
    let contact = changes::create(&world, site, &body)?;
    reply::created(&json!({"contact": View::by_id(&contact), "traceId": trace_id()}))
}

pub(crate) async fn upsert((State(world), Extension(caller)): Asked, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    changes::check_upsert(&body)?;
    let site = world.site(&caller, location(&body))?;
    let (new, contact) = changes::upsert(&world, site, &body)?;
    reply::ok(&json!({"new": new, "contact": View::by_id(&contact), "traceId": trace_id()}))
}

pub(crate) async fn get((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_contact(&caller, &id)?;
    let row = lock(&site.directory).get(&id).cloned().ok_or_else(|| changes::unknown(&id))?;
    reply::ok(&json!({"contact": View::by_id(row.contact()), "traceId": trace_id()}))
}

pub(crate) async fn update((State(world), Extension(caller)): Asked, Path(id): Path<String>, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    changes::check_update(&body)?;
    let site = world.site_of_contact(&caller, &id)?;
    let contact = changes::update(&world, site, &id, &body)?;
    // The typo is the provider's.
    reply::ok(&json!({"succeded": true, "contact": View::by_id(&contact), "traceId": trace_id()}))
}

pub(crate) async fn delete((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_contact(&caller, &id)?;
    changes::delete(&world, site, &id)?;
    reply::ok(&json!({"succeded": true, "traceId": trace_id()}))
}

pub(crate) async fn add_tags((State(world), Extension(caller)): Asked, Path(id): Path<String>, body: Bytes) -> Answer {
    let added = tags(&body)?;
    let site = world.site_of_contact(&caller, &id)?;
    let contact = changes::change(&world, site, &id, |contact| {
        let new: Vec<String> = added.into_iter().filter(|tag| !contact.tags.contains(tag)).collect();
        contact.tags.extend(new);
        Ok(())
    })?;
    reply::created(&json!({"tags": contact.tags, "traceId": trace_id()}))
}

pub(crate) async fn remove_tags(
    (State(world), Extension(caller)): Asked,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let removed = tags(&body)?;
    let site = world.site_of_contact(&caller, &id)?;
    let contact = changes::change(&world, site, &id, |contact| {
        contact.tags.retain(|tag| !removed.contains(tag));
        Ok(())
    })?;
    reply::ok(&json!({"tags": contact.tags, "traceId": trace_id()}))
}

pub(crate) async fn appointments((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_contact(&caller, &id)?;
    let events: Vec<Value> = lock(&site.agenda).of_contact(&id).map(|event| event.read(&site.place)).collect();
    reply::ok(&json!({"events": events, "traceId": trace_id()}))
}

fn tags(body: &[u8]) -> Result<Vec<String>, super::error::ApiError> {
    let body = shape::body(body, &[required("tags", Kind::TextList)])?;
    Ok(changes::tags(&body["tags"]))
}

fn location(body: &Map<String, Value>) -> &str {
    body.get("locationId").and_then(Value::as_str).unwrap_or_default()
}
