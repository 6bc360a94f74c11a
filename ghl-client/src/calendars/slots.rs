use std::collections::BTreeMap;

use futures_core::Stream;
use futures_util::{TryStreamExt, stream};
use http::Method;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use sidecar_core::{Result, Timestamp, http::Response};

use super::Calendars;
use crate::{
    client::{Operation, RequestBuilder, TimeRange, request, setters},
    config::ApiVersion,
    model::{CalendarId, DaySlots, LocationId, UserId, WireTime},
};

static FREE: Operation =
    Operation::new("calendars.free_slots", Method::GET, "/calendars/{calendarId}/free-slots", ApiVersion::V2021_04_15);

request! {
    /// Lists free slots by their days, in order. From [`Calendars::free_slots`]. A span of more than 31 days is asked for piece
    /// by piece.
    pub struct FreeSlots { span: Option<(Timestamp, Timestamp)> } => Vec<DaySlots>
}
setters! { query of FreeSlots; {
    /// The IANA time zone of the days and of the slots' offsets; the calendar's unless set.
    "timezone" timezone: into String,
    /// Only slots in which this user is free.
    "userId" user: into UserId,
}}

impl Calendars {
    /// Lists the free slots of a calendar.
    pub fn free_slots(&self, location: impl Into<LocationId>, calendar: impl Into<CalendarId>) -> FreeSlots {
        FreeSlots {
            builder: RequestBuilder::new(&self.0, &FREE, location.into()).argument(calendar.into()),
            span: None,
        }
    }
}

impl FreeSlots {
    /// From `start` to `end`.
    pub fn between(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.span = Some((start, end));
        self
    }

    /// Only slots in which these users are free.
    pub fn users<U: Into<UserId>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
        for user in users {
            self.builder = self.builder.append_query("userIds", user.into());
        }
        self
    }

    /// The days with free slots, in chunks of 31 days. A day in which one chunk ends and the next starts comes with both,
    /// each with its own slots.
    pub fn pages(self) -> impl Stream<Item = Result<Vec<DaySlots>>> + Send {
        let chunks = TimeRange::new(self.span, FREE.name).map(|span| span.chunks().map(Ok));
        let chunks = stream::iter([chunks]).map_ok(stream::iter).try_flatten();
        chunks.and_then(move |(start, end)| {
            let chunk = self.builder.clone().query("startDate", start.as_millis()).query("endDate", end.as_millis());
            async move { days(&chunk.send().await?) }
        })
    }

    async fn send(self) -> Result<Vec<DaySlots>> {
        let days = self.pages().try_concat().await?;
        let mut by_date: BTreeMap<String, Vec<WireTime>> = BTreeMap::new();
        for DaySlots { date, slots } in days {
            let known = by_date.entry(date).or_default();
            for slot in slots {
                if !known.contains(&slot) {
                    known.push(slot);
                }
            }
        }
        Ok(by_date.into_iter().map(|(date, slots)| DaySlots { date, slots }).collect())
    }
}

/// The answer is a map of days; a trace id may stand among them.
fn days(answer: &Response) -> Result<Vec<DaySlots>> {
    let entries: BTreeMap<String, Entry> = answer.json()?;
    Ok(entries.into_iter().filter_map(|(date, entry)| Some(DaySlots { date, slots: entry.0? })).collect())
}

/// The slots of a day, or a value that is not an object.
struct Entry(Option<Vec<WireTime>>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Value::Object(mut day) = Value::deserialize(deserializer)? else { return Ok(Self(None)) };
        let slots = Vec::deserialize(day.remove("slots").unwrap_or_default());
        slots.map(|slots| Self(Some(slots))).map_err(|error| D::Error::custom(format_args!("slots: {error}")))
    }
}
