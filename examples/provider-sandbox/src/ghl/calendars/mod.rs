//! Calendars: `appointment_store` holds a location's calendars and events, `changes` writes them, `slots` lists free slots; the other
//! handlers are here.
//! Invariant: events are queried by epoch milliseconds and one of calendar, user and group, never by dates.

pub(crate) mod appointment_store;
pub(crate) mod changes;
mod slots;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use slots::free_slots;

use super::response::{self, ApiError, ApiResult, trace_id};
use super::schema::{self, Params};
use super::state::{GhlState, Location, RequestContext};
use super::tokens::Caller;
use crate::lock;

pub(crate) async fn list((State(state), Extension(caller)): RequestContext, RawQuery(query): RawQuery) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*", "groupId", "showDrafted"])?;
    let location = state.authorized_location(&caller, params.text("locationId"))?;
    let is_group = params.get("groupId").is_none_or(|id| id == location.profile.group_id);
    let calendars: Vec<Value> = lock(&location.appointment_store)
        .calendars
        .iter()
        .filter(|_| is_group)
        .map(|calendar| calendar.to_json(&location.profile))
        .collect();
    response::ok(&json!({"calendars": calendars, "traceId": trace_id()}))
}

pub(crate) async fn get((State(state), Extension(caller)): RequestContext, Path(id): Path<String>) -> ApiResult {
    let location = state.calendar_location(&caller, &id)?;
    let calendar = lock(&location.appointment_store).calendar(&id).map(|calendar| calendar.to_json(&location.profile));
    response::ok(&json!({"calendar": calendar, "traceId": trace_id()}))
}

/// The time range and the selectors of an events query.
struct EventQuery<'a> {
    location: &'a Location,
    start_ms: i64,
    end_ms: i64,
    params: &'a Params,
}

const EVENT_QUERY_PARAMS: &[&str] = &["locationId*", "startTime*", "endTime*", "calendarId", "userId", "groupId"];

impl<'a> EventQuery<'a> {
    fn parse(state: &'a GhlState, caller: &Caller, params: &'a Params) -> Result<Self, ApiError> {
        let location = state.authorized_location(caller, params.text("locationId"))?;
        if ["calendarId", "userId", "groupId"].iter().all(|name| params.get(name).is_none()) {
            return Err(ApiError::invalid("Either of calendarId, userId or groupId is required"));
        }
        let (start_ms, end_ms) = (params.number("startTime")?.unwrap_or(0), params.number("endTime")?.unwrap_or(0));
        if end_ms < start_ms {
            return Err(ApiError::invalid("endTime must be after startTime"));
        }
        Ok(Self { location, start_ms, end_ms, params })
    }

    fn matches(&self, calendar: Option<&str>, user: Option<&str>, start_ms: i64, end_ms: i64) -> bool {
        let selects = |name, value: Option<&str>| self.params.get(name).is_none_or(|expected| Some(expected) == value);
        start_ms <= self.end_ms
            && self.start_ms < end_ms
            && selects("calendarId", calendar)
            && selects("userId", user)
            && selects("groupId", Some(&self.location.profile.group_id))
    }
}

pub(crate) async fn events((State(state), Extension(caller)): RequestContext, RawQuery(query): RawQuery) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), EVENT_QUERY_PARAMS)?;
    let query = EventQuery::parse(&state, &caller, &params)?;
    let events: Vec<Value> = lock(&query.location.appointment_store)
        .appointments
        .values()
        .filter(|event| {
            query.matches(Some(&event.calendar_id), Some(&event.assigned_user_id), event.start_ms, event.end_ms)
        })
        .map(|event| event.to_json(&query.location.profile))
        .collect();
    response::ok(&json!({"events": events, "traceId": trace_id()}))
}

pub(crate) async fn blocked_slots(
    (State(state), Extension(caller)): RequestContext,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), EVENT_QUERY_PARAMS)?;
    let query = EventQuery::parse(&state, &caller, &params)?;
    let events: Vec<Value> = lock(&query.location.appointment_store)
        .blocks
        .values()
        .filter(|block| {
            query.matches(block.calendar_id.as_deref(), block.user_id.as_deref(), block.start_ms, block.end_ms)
        })
        .map(|block| block.to_json(&query.location.profile))
        .collect();
    response::ok(&json!({"events": events, "traceId": trace_id()}))
}

pub(crate) async fn create_appointment((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_create(&body)?;
    let location = state.authorized_location(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let appointment = changes::create(&state, location, &body)?;
    response::ok(&appointment.to_write_response(&location.profile))
}

pub(crate) async fn get_appointment(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
) -> ApiResult {
    let location = state.event_location(&caller, &id)?;
    let event = lock(&location.appointment_store).appointments.get(&id).map(|event| event.to_json(&location.profile));
    let event = event.ok_or_else(|| changes::event_not_found(&id))?;
    response::ok(&json!({"event": event, "traceId": trace_id()}))
}

pub(crate) async fn update_appointment(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_update(&body)?;
    let location = state.event_location(&caller, &id)?;
    let appointment = changes::update(&state, location, &id, &body)?;
    response::ok(&appointment.to_write_response(&location.profile))
}

pub(crate) async fn delete_event(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    body: Bytes,
) -> ApiResult {
    schema::body(&body, &[])?;
    let location = state.event_location(&caller, &id)?;
    changes::delete(&state, location, &id)?;
    // The provider responds to a delete with 201.
    response::created(&json!({"succeeded": true, "traceId": trace_id()}))
}

pub(crate) async fn create_block((State(state), Extension(caller)): RequestContext, body: Bytes) -> ApiResult {
    let body = schema::object(&body)?;
    changes::validate_block(&body)?;
    let location = state.authorized_location(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let block = changes::block(&state, location, &body)?;
    response::created(&block.to_json(&location.profile))
}
