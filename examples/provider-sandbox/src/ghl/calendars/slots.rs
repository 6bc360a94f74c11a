//! Free slots: the half hours within the open hours that no event occupies.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value, json};

use super::appointment_store::{AppointmentStore, Calendar, OPEN_HOURS, SLOT_MS, is_working_day};
use crate::clock::{DAY_MS, rfc3339_at};
use crate::ghl::locations::profile::LocationProfile;
use crate::ghl::response::{self, ApiError, ApiResult, trace_id};
use crate::ghl::schema::Params;
use crate::ghl::state::RequestContext;
use crate::lock;

/// Longest queried range, in milliseconds.
const MAX_RANGE_MS: i64 = 31 * DAY_MS;

/// `GET /calendars/{id}/free-slots`: `{slots}` by date, next to a `traceId` string.
pub(crate) async fn free_slots(
    (State(state), Extension(caller)): RequestContext,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let params = Params::parse(
        query.unwrap_or_default().as_bytes(),
        &["startDate*", "endDate*", "timezone", "userId", "userIds"],
    )?;
    let location = state.calendar_location(&caller, &id)?;
    let (start_ms, end_ms) = (params.number("startDate")?.unwrap_or(0), params.number("endDate")?.unwrap_or(0));
    if end_ms < start_ms || end_ms - start_ms > MAX_RANGE_MS {
        return Err(ApiError::bad_request("Date range cannot be more than 31 days"));
    }
    let appointment_store = lock(&location.appointment_store);
    let calendar = appointment_store
        .calendar(&id)
        .ok_or_else(|| ApiError::bad_request(format!("Calendar with id {id} not found")))?;
    let from_ms = start_ms.max(state.clock.now_ms());
    let mut days = days(&appointment_store, calendar, &location.profile, from_ms, end_ms);
    days.insert("traceId".to_owned(), json!(trace_id()));
    response::ok(&days)
}

fn days(
    appointment_store: &AppointmentStore,
    calendar: &Calendar,
    profile: &LocationProfile,
    from_ms: i64,
    end_ms: i64,
) -> Map<String, Value> {
    let offset_ms = i64::from(profile.offset_hours) * 3_600_000;
    let mut days = Map::new();
    for day in (from_ms + offset_ms).div_euclid(DAY_MS)..=(end_ms + offset_ms).div_euclid(DAY_MS) {
        let midnight = day * DAY_MS - offset_ms;
        let slots: Vec<String> = (OPEN_HOURS.start * 2..OPEN_HOURS.end * 2)
            .map(|half| midnight + half * SLOT_MS)
            .filter(|start| is_working_day(day) && *start >= from_ms && *start < end_ms)
            .filter(|start| appointment_store.is_free(calendar, *start, start + SLOT_MS, None))
            .map(|start| rfc3339_at(start, profile.offset_hours))
            .collect();
        if let (Some(first), false) = (slots.first(), slots.is_empty()) {
            days.insert(first[..10].to_owned(), json!({"slots": slots}));
        }
    }
    days
}
