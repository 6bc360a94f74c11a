//! Free slots: date → times, in the time zone asked for.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::availability::{Search, Slot, Span};
use super::error::ApiError;
use super::reply::{self, Answer};
use super::shape::{self, Query};
use super::state::World;
use crate::clock::{DAY_MS, parse_moment, rfc3339};
use crate::lock;

/// The longest span that is answered, in milliseconds.
const MAX_SPAN_MS: i64 = 366 * DAY_MS;

/// `GET /v2/slots`.
pub(crate) async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    let within = span(&query)?;
    let zone = shape::zone("timeZone", query.get("timeZone").unwrap_or("UTC"))?;
    let account = lock(&world.account);
    let event_type =
        account.selected(query.number("eventTypeId")?, query.get("eventTypeSlug"), query.get("username"))?;
    let search = Search {
        event_type,
        length_ms: event_type.length_ms("duration", query.number("duration")?)?,
        now_ms: world.clock.now_ms(),
        moving: query.get("bookingUidToReschedule"),
    };
    let ranges = query.get("format") == Some("range");
    let mut days: Map<String, Value> = Map::new();
    for slot in account.slots(search, within) {
        let start = local(slot.span.start_ms, &zone);
        let day = start.get(..10).unwrap_or_default().to_owned();
        let shown = shown(&slot, &start, ranges.then_some(&zone), event_type.seats());
        if let Value::Array(slots) = days.entry(day).or_insert_with(|| json!([])) {
            slots.push(shown);
        }
    }
    reply::ok(&days)
}

/// From `start` to `end`; a bare date is its first and its last moment.
fn span(query: &Query) -> Result<Span, ApiError> {
    let (start, end) = (query.need("start")?, query.need("end")?);
    let wrong = |name: &str| ApiError::invalid(name, format!("{name} must be a valid ISO 8601 date string in UTC"));
    let start_ms = parse_moment(start).ok_or_else(|| wrong("start"))?;
    let last_ms = parse_moment(end).ok_or_else(|| wrong("end"))?;
    let end_ms = if end.len() == 10 { last_ms + DAY_MS } else { last_ms };
    if end_ms < start_ms || end_ms - start_ms > MAX_SPAN_MS {
        return Err(ApiError::bad_request("end must be after start, by a year at most"));
    }
    Ok(Span { start_ms, end_ms })
}

fn shown(slot: &Slot<'_>, start: &str, range: Option<&TimeZone>, seats: Option<usize>) -> Value {
    let mut shown = json!({"start": start});
    if let Some(zone) = range {
        shown["end"] = json!(local(slot.span.end_ms, zone));
    }
    if let (Some(_), Some(booking)) = (seats, slot.shared) {
        shown["attendeesCount"] = json!(booking.attendees.len());
        shown["bookingUid"] = json!(booking.uid);
    }
    shown
}

/// `2026-12-01T09:00:00.000+01:00`; with a `Z` in UTC.
fn local(ms: i64, zone: &TimeZone) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
    let Ok(moment) = Timestamp::from_millisecond(ms) else { return rfc3339(ms) };
    let offset = zone.to_offset(moment);
    if offset == jiff::tz::Offset::UTC { rfc3339(ms) } else { PRINTER.timestamp_with_offset_to_string(&moment, offset) }
}
