use std::collections::{BTreeMap, HashSet};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, Timestamp};

use super::{Calendars, list::ListCalendars};
use crate::{
    client::{GhlClient, Operation, RequestBuilder, RequestOptions, TimeRange, request},
    config::ApiVersion,
    model::{Appointment, CalendarGroupId, CalendarId, LocationId, UserId, WireTime},
};

static EVENTS: Operation =
    Operation::new("calendars.events", Method::GET, "/calendars/events", ApiVersion::V2021_04_15);
static BLOCKED: Operation =
    Operation::new("calendars.blocked_slots", Method::GET, "/calendars/blocked-slots", ApiVersion::V2021_04_15);

/// How many calendars are read at the same time.
const AT_ONCE: usize = 4;

request! {
    /// Lists events, or blocked slots. From [`Calendars::events`] and [`Calendars::blocked_slots`]. It needs a time span and a
    /// calendar, user or group. A span of more than 31 days is asked for piece by piece.
    pub struct ListEvents { operation: &'static Operation, whose: bool, span: Option<(Timestamp, Timestamp)> }
        => Vec<Appointment>
}

impl Calendars {
    /// Lists the events of one calendar, user or group.
    pub fn events(&self, location: impl Into<LocationId>) -> ListEvents {
        ListEvents::new(&self.0, &EVENTS, location.into())
    }

    /// Lists the slots of one calendar, user or group that were [blocked](Self::block_slot).
    pub fn blocked_slots(&self, location: impl Into<LocationId>) -> ListEvents {
        ListEvents::new(&self.0, &BLOCKED, location.into())
    }

    /// Lists the events of all calendars of a location, each once, by their start.
    pub fn all_events(&self, location: impl Into<LocationId>) -> AllEvents {
        AllEvents { client: self.0.clone(), location: location.into(), span: None, options: RequestOptions::default() }
    }
}

impl ListEvents {
    fn new(client: &GhlClient, operation: &'static Operation, location: LocationId) -> Self {
        let builder = RequestBuilder::new(client, operation, location.clone()).query("locationId", location);
        Self { builder, operation, whose: false, span: None }
    }

    /// Those of a calendar.
    pub fn calendar(self, calendar: impl Into<CalendarId>) -> Self {
        self.of("calendarId", calendar.into().as_str())
    }

    /// Those that a user holds.
    pub fn user(self, user: impl Into<UserId>) -> Self {
        self.of("userId", user.into().as_str())
    }

    /// Those of a group's calendars.
    pub fn group(self, group: impl Into<CalendarGroupId>) -> Self {
        self.of("groupId", group.into().as_str())
    }

    fn of(mut self, name: &'static str, id: &str) -> Self {
        self.whose = true;
        self.builder = self.builder.query(name, id);
        self
    }

    /// From `start` to `end`.
    pub fn between(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.span = Some((start, end));
        self
    }

    /// All of them, each once, piece by piece of 31 days.
    pub fn items(self) -> impl Stream<Item = Result<Appointment>> + Send {
        let mut seen = HashSet::new();
        self.pieces::<Appointment>()
            .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
            .try_flatten()
            .try_filter(move |event| std::future::ready(seen.insert(event.id.clone())))
    }

    async fn send(self) -> Result<Vec<Appointment>> {
        self.items().try_collect().await
    }

    /// One that reaches over the end of a piece comes with both.
    async fn fetch<T: DeserializeOwned + Send>(self) -> Result<Vec<T>> {
        self.pieces().try_concat().await
    }

    fn pieces<T: DeserializeOwned + Send>(self) -> impl Stream<Item = Result<Vec<T>>> + Send {
        let (builder, asked) = (self.builder.clone(), self.checked());
        let pieces = asked.map(|span| span.chunks().map(Ok));
        let pieces = stream::iter([pieces]).map_ok(stream::iter).try_flatten();
        pieces.and_then(move |(start, end)| {
            let piece = builder.clone().query("startTime", start.as_millis()).query("endTime", end.as_millis());
            piece.part(&["events"])
        })
    }

    fn checked(&self) -> Result<TimeRange> {
        if !self.whose {
            let why = "events are listed by calendar, user or group: name one, or use `all_events`";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.operation.name));
        }
        TimeRange::new(self.span, self.operation.name)
    }
}

/// Lists the events of all calendars. From [`Calendars::all_events`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct AllEvents {
    client: GhlClient,
    location: LocationId,
    span: Option<(Timestamp, Timestamp)>,
    options: RequestOptions,
}

request!(AllEvents => Vec<Appointment>);

impl AllEvents {
    /// From `start` to `end`. A span of more than 31 days is asked for piece by piece.
    pub fn between(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.span = Some((start, end));
        self
    }

    async fn send(self) -> Result<Vec<Appointment>> {
        let events: Vec<Appointment> = self.fetch().await?;
        let by_id: BTreeMap<_, _> = events.into_iter().map(|event| (event.id.clone(), event)).collect();
        let mut events: Vec<_> = by_id.into_values().collect();
        events.sort_by_cached_key(|event| event.start_time.as_ref().and_then(WireTime::timestamp));
        Ok(events)
    }

    /// Returns the whole documents of all events, as sent. An event of several calendars is returned several times.
    pub(crate) async fn documents(self) -> Result<Vec<Map<String, Value>>> {
        self.fetch().await
    }

    async fn fetch<T: DeserializeOwned + Send>(self) -> Result<Vec<T>> {
        TimeRange::new(self.span, EVENTS.name)?;
        let calendars =
            ListCalendars::new(self.client.clone(), self.location.clone()).with_options(self.options.clone());
        let requests = calendars.await?.into_iter().map(|calendar| {
            let mut events = ListEvents::new(&self.client, &EVENTS, self.location.clone()).calendar(calendar.id);
            events.span = self.span;
            events.with_options(self.options.clone()).fetch::<T>()
        });
        let pages: Vec<Vec<T>> =
            stream::iter(requests.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }
}
