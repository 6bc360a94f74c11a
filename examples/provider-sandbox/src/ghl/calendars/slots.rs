//! Free slots: half hours of the open hours that nothing takes.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value, json};

use super::agenda::{Agenda, Calendar, OPEN, SLOT_MS, is_working_day};
use super::site_of_calendar;
use crate::clock::{DAY_MS, rfc3339_at};
use crate::ghl::error::{ApiError, trace_id};
use crate::ghl::place::Place;
use crate::ghl::reply::{self, Answer};
use crate::ghl::shape::Params;
use crate::ghl::state::World;
use crate::ghl::tokens::Caller;
use crate::lock;

/// Longest span that may be asked for.
const MAX_SPAN_MS: i64 = 31 * DAY_MS;

/// `GET /calendars/{id}/free-slots`: date → `{slots}`, beside a `traceId` string.
pub(crate) async fn free_slots(
    State(world): State<Arc<World>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let params = Params::parse(
        query.unwrap_or_default().as_bytes(),
        &["startDate*", "endDate*", "timezone", "userId", "userIds"],
    )?;
    let site = site_of_calendar(&world, &caller, &id)?;
    let (start_ms, end_ms) = (params.number("startDate")?.unwrap_or(0), params.number("endDate")?.unwrap_or(0));
    if end_ms < start_ms || end_ms - start_ms > MAX_SPAN_MS {
        return Err(ApiError::bad_request("Date range cannot be more than 31 days"));
    }
    let agenda = lock(&site.agenda);
    let calendar =
        agenda.calendar(&id).ok_or_else(|| ApiError::bad_request(format!("Calendar with id {id} not found")))?;
    let from_ms = start_ms.max(world.clock.now_ms());
    let mut days = days(&agenda, calendar, &site.place, from_ms, end_ms);
    days.insert("traceId".to_owned(), json!(trace_id()));
    reply::ok(&days)
}

fn days(agenda: &Agenda, calendar: &Calendar, place: &Place, from_ms: i64, end_ms: i64) -> Map<String, Value> {
    let offset_ms = i64::from(place.offset_hours) * 3_600_000;
    let mut days = Map::new();
    for day in (from_ms + offset_ms).div_euclid(DAY_MS)..=(end_ms + offset_ms).div_euclid(DAY_MS) {
        let midnight = day * DAY_MS - offset_ms;
        let slots: Vec<String> = (OPEN.start * 2..OPEN.end * 2)
            .map(|half| midnight + half * SLOT_MS)
            .filter(|start| is_working_day(day) && *start >= from_ms && *start < end_ms)
            .filter(|start| agenda.is_free(calendar, *start, start + SLOT_MS, None))
            .map(|start| rfc3339_at(start, place.offset_hours))
            .collect();
        if let (Some(first), false) = (slots.first(), slots.is_empty()) {
            days.insert(first[..10].to_owned(), json!({"slots": slots}));
        }
    }
    days
}
