//! `GET /v2/slots`: free slots by date, in the requested time zone.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::availability::{Slot, SlotQuery, TimeRange};
use super::response::{self, ApiError, ApiResult};
use super::schema::{self, Query};
use super::state::CalcomState;
use crate::clock::{DAY_MS, parse_timestamp, rfc3339};
use crate::lock;

/// Longest queried range, in milliseconds.
const MAX_RANGE_MS: i64 = 366 * DAY_MS;

/// `GET /v2/slots`.
pub(crate) async fn list(State(state): State<Arc<CalcomState>>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Query::parse(query.as_deref());
    let range = parse_range(&query)?;
    let zone = schema::time_zone("timeZone", query.get("timeZone").unwrap_or("UTC"))?;
    let account = lock(&state.account);
    let event_type =
        account.find_event_type(query.number("eventTypeId")?, query.get("eventTypeSlug"), query.get("username"))?;
    let slot_query = SlotQuery {
        event_type,
        length_ms: event_type.length_ms("duration", query.number("duration")?)?,
        now_ms: state.clock.now_ms(),
        rescheduled_uid: query.get("bookingUidToReschedule"),
    };
    let with_ends = query.get("format") == Some("range");
    let mut days: Map<String, Value> = Map::new();
    for slot in account.slots(slot_query, range) {
        let start = local(slot.range.start_ms, &zone);
        let day = start.get(..10).unwrap_or_default().to_owned();
        let json = slot_json(&slot, &start, with_ends.then_some(&zone), event_type.seats());
        if let Value::Array(slots) = days.entry(day).or_insert_with(|| json!([])) {
            slots.push(json);
        }
    }
    response::ok(&days)
}

/// Parses `start` and `end`. An `end` without a time includes the whole day.
fn parse_range(query: &Query) -> Result<TimeRange, ApiError> {
    let (start, end) = (query.required("start")?, query.required("end")?);
    let invalid = |name: &str| ApiError::invalid(name, format!("{name} must be a valid ISO 8601 date string in UTC"));
    let start_ms = parse_timestamp(start).ok_or_else(|| invalid("start"))?;
    let last_ms = parse_timestamp(end).ok_or_else(|| invalid("end"))?;
    let end_ms = if end.len() == 10 { last_ms + DAY_MS } else { last_ms };
    if end_ms < start_ms || end_ms - start_ms > MAX_RANGE_MS {
        return Err(ApiError::bad_request("end must be after start, by a year at most"));
    }
    Ok(TimeRange { start_ms, end_ms })
}

fn slot_json(slot: &Slot<'_>, start: &str, end_zone: Option<&TimeZone>, seats: Option<usize>) -> Value {
    let mut json = json!({"start": start});
    if let Some(zone) = end_zone {
        json["end"] = json!(local(slot.range.end_ms, zone));
    }
    if let (Some(_), Some(booking)) = (seats, slot.shared_booking) {
        json["attendeesCount"] = json!(booking.attendees.len());
        json["bookingUid"] = json!(booking.uid);
    }
    json
}

/// Formats a time like `2026-12-01T09:00:00.000+01:00`, or with `Z` in UTC.
fn local(ms: i64, zone: &TimeZone) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
    let Ok(timestamp) = Timestamp::from_millisecond(ms) else { return rfc3339(ms) };
    let offset = zone.to_offset(timestamp);
    if offset == jiff::tz::Offset::UTC {
        rfc3339(ms)
    } else {
        PRINTER.timestamp_with_offset_to_string(&timestamp, offset)
    }
}
