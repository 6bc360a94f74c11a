//! Contacts: `record` is the stored contact, `contact_store` holds a location's contacts, `seed_data` creates them, `index` is what
//! searches see, `changes` writes; `search` and `legacy` list, the other handlers are here.
//! Invariant: every write goes through `changes`, so that it updates the index and emits a webhook.

pub(crate) mod changes;
pub(crate) mod contact_store;
mod filter;
mod index;
mod legacy;
pub(crate) mod record;
mod search;
pub(crate) mod seed_data;

use axum::Extension;
use axum::extract::{Path, State};
use bytes::Bytes;
use serde_json::{Map, Value, json};

pub(crate) use legacy::{duplicate, list};
pub(crate) use search::search;

use super::response::{self, ApiResult, trace_id};
use super::schema::{self, FieldType, required};
use super::state::RequestContext;
use crate::lock;
use record::ContactJson;

pub(crate) async fn create((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_create(&body)?;
    let location = state.authorized_location(&caller, location_id(&body))?;
    let contact = changes::create(&state, location, &body)?;
    response::created(&json!({"contact": ContactJson::without_nulls(&contact), "traceId": trace_id()}))
}

pub(crate) async fn upsert((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_upsert(&body)?;
    let location = state.authorized_location(&caller, location_id(&body))?;
    let (new, contact) = changes::upsert(&state, location, &body)?;
    response::ok(&json!({"new": new, "contact": ContactJson::without_nulls(&contact), "traceId": trace_id()}))
}

pub(crate) async fn get((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.contact_location(&caller, &id)?;
    let row = lock(&location.contact_store).get(&id).cloned().ok_or_else(|| changes::not_found(&id))?;
    response::ok(&json!({"contact": ContactJson::without_nulls(row.contact()), "traceId": trace_id()}))
}

pub(crate) async fn update(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_update(&body)?;
    let location = state.contact_location(&caller, &id)?;
    let contact = changes::update(&state, location, &id, &body)?;
    // `succeded` is the provider's typo.
    response::ok(&json!({"succeded": true, "contact": ContactJson::without_nulls(&contact), "traceId": trace_id()}))
}

pub(crate) async fn delete((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.contact_location(&caller, &id)?;
    changes::delete(&state, location, &id)?;
    response::ok(&json!({"succeded": true, "traceId": trace_id()}))
}

pub(crate) async fn add_tags(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let added = tags(&body)?;
    let location = state.contact_location(&caller, &id)?;
    let contact = changes::change(&state, location, &id, |contact| {
        let new: Vec<String> = added.into_iter().filter(|tag| !contact.tags.contains(tag)).collect();
        contact.tags.extend(new);
        Ok(())
    })?;
    response::created(&json!({"tags": contact.tags, "traceId": trace_id()}))
}

pub(crate) async fn remove_tags(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let removed = tags(&body)?;
    let location = state.contact_location(&caller, &id)?;
    let contact = changes::change(&state, location, &id, |contact| {
        contact.tags.retain(|tag| !removed.contains(tag));
        Ok(())
    })?;
    response::ok(&json!({"tags": contact.tags, "traceId": trace_id()}))
}

pub(crate) async fn appointments(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
) -> ApiResult {
    let location = state.contact_location(&caller, &id)?;
    let events: Vec<Value> =
        lock(&location.appointment_store).for_contact(&id).map(|event| event.to_json(&location.profile)).collect();
    response::ok(&json!({"events": events, "traceId": trace_id()}))
}

fn tags(body: &[u8]) -> Result<Vec<String>, super::response::ApiError> {
    let body = schema::body(body, &[required("tags", FieldType::TextList)])?;
    Ok(changes::tags(&body["tags"]))
}

fn location_id(body: &Map<String, Value>) -> &str {
    body.get("locationId").and_then(Value::as_str).unwrap_or_default()
}
