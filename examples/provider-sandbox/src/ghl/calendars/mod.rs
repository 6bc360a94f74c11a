//! Calendars: the agenda of a location, its changes, and the operations on events.
//! Invariant: events are asked for by epoch milliseconds and one of calendar, user and group, never by dates.

pub(crate) mod agenda;
pub(crate) mod changes;
mod slots;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) use slots::free_slots;

use super::error::{ApiError, trace_id};
use super::reply::{self, Answer};
use super::shape::{self, Params};
use super::state::{Site, World};
use super::tokens::Caller;
use crate::lock;

type Asked = (State<Arc<World>>, Extension<Caller>);

pub(crate) async fn list((State(world), Extension(caller)): Asked, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), &["locationId*", "groupId", "showDrafted"])?;
    let site = world.site(&caller, params.text("locationId"))?;
    let here = params.get("groupId").is_none_or(|id| id == site.place.group_id);
    let calendars: Vec<Value> =
        lock(&site.agenda).calendars.iter().filter(|_| here).map(|calendar| calendar.read(&site.place)).collect();
    reply::ok(&json!({"calendars": calendars, "traceId": trace_id()}))
}

pub(crate) async fn get((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = site_of_calendar(&world, &caller, &id)?;
    let calendar = lock(&site.agenda).calendar(&id).map(|calendar| calendar.read(&site.place));
    reply::ok(&json!({"calendar": calendar, "traceId": trace_id()}))
}

/// The window and selector of an events query.
struct Span<'a> {
    site: &'a Site,
    start_ms: i64,
    end_ms: i64,
    params: &'a Params,
}

const SPAN: &[&str] = &["locationId*", "startTime*", "endTime*", "calendarId", "userId", "groupId"];

impl<'a> Span<'a> {
    fn read(world: &'a World, caller: &Caller, params: &'a Params) -> Result<Self, ApiError> {
        let site = world.site(caller, params.text("locationId"))?;
        if ["calendarId", "userId", "groupId"].iter().all(|name| params.get(name).is_none()) {
            return Err(ApiError::unprocessable(vec!["Either of calendarId, userId or groupId is required".into()]));
        }
        let (start_ms, end_ms) = (params.number("startTime")?.unwrap_or(0), params.number("endTime")?.unwrap_or(0));
        if end_ms < start_ms {
            return Err(ApiError::unprocessable(vec!["endTime must be after startTime".into()]));
        }
        Ok(Self { site, start_ms, end_ms, params })
    }

    fn takes(&self, calendar: Option<&str>, user: Option<&str>, start_ms: i64, end_ms: i64) -> bool {
        let fits = |name, held: Option<&str>| self.params.get(name).is_none_or(|wanted| Some(wanted) == held);
        start_ms <= self.end_ms
            && self.start_ms < end_ms
            && fits("calendarId", calendar)
            && fits("userId", user)
            && fits("groupId", Some(&self.site.place.group_id))
    }
}

pub(crate) async fn events((State(world), Extension(caller)): Asked, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), SPAN)?;
    let span = Span::read(&world, &caller, &params)?;
    let events: Vec<Value> = lock(&span.site.agenda)
        .appointments
        .values()
        .filter(|event| {
            span.takes(Some(&event.calendar_id), Some(&event.assigned_user_id), event.start_ms, event.end_ms)
        })
        .map(|event| event.read(&span.site.place))
        .collect();
    reply::ok(&json!({"events": events, "traceId": trace_id()}))
}

pub(crate) async fn blocked_slots((State(world), Extension(caller)): Asked, RawQuery(query): RawQuery) -> Answer {
    let params = Params::parse(query.unwrap_or_default().as_bytes(), SPAN)?;
    let span = Span::read(&world, &caller, &params)?;
    let events: Vec<Value> = lock(&span.site.agenda)
        .blocks
        .values()
        .filter(|block| {
            span.takes(block.calendar_id.as_deref(), block.user_id.as_deref(), block.start_ms, block.end_ms)
        })
        .map(|block| block.read(&span.site.place))
        .collect();
    reply::ok(&json!({"events": events, "traceId": trace_id()}))
}

pub(crate) async fn create_appointment((State(world), Extension(caller)): Asked, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    changes::check_create(&body)?;
    let site = world.site(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let appointment = changes::create(&world, site, &body)?;
    reply::ok(&appointment.written(&site.place))
}

pub(crate) async fn get_appointment((State(world), Extension(caller)): Asked, Path(id): Path<String>) -> Answer {
    let site = world.site_of_event(&caller, &id)?;
    let event = lock(&site.agenda).appointments.get(&id).map(|event| event.read(&site.place));
    let event = event.ok_or_else(|| changes::missing_event(&id))?;
    reply::ok(&json!({"event": event, "traceId": trace_id()}))
}

pub(crate) async fn update_appointment(
    (State(world), Extension(caller)): Asked,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let body = shape::object(&body)?;
    changes::check_update(&body)?;
    let site = world.site_of_event(&caller, &id)?;
    let appointment = changes::update(&world, site, &id, &body)?;
    reply::ok(&appointment.written(&site.place))
}

pub(crate) async fn delete_event(
    (State(world), Extension(caller)): Asked,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    shape::body(&body, &[])?;
    let site = world.site_of_event(&caller, &id)?;
    changes::delete(&world, site, &id)?;
    // 201 for a delete is what the provider answers.
    reply::created(&json!({"succeeded": true, "traceId": trace_id()}))
}

pub(crate) async fn create_block((State(world), Extension(caller)): Asked, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    changes::check_block(&body)?;
    let site = world.site(&caller, body["locationId"].as_str().unwrap_or_default())?;
    let block = changes::block(&world, site, &body)?;
    reply::created(&block.read(&site.place))
}

fn site_of_calendar<'a>(world: &'a World, caller: &Caller, id: &str) -> Result<&'a Site, ApiError> {
    let home = world.sites.iter().find(|site| lock(&site.agenda).calendar(id).is_some());
    let site = home.ok_or_else(|| ApiError::bad_request(format!("Calendar with id {id} not found")))?;
    world.site(caller, &site.place.id)
}
