use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, Timestamp};

use super::list::ListCalendars;
use crate::{
    client::{GhlClient, Operation, Resource, Settings, request},
    config::ApiVersion,
    model::{Appointment, CalendarGroupId, CalendarId, LocationId, UserId},
};

const EVENTS: Operation = Operation::new("calendars.events", Method::GET, "/calendars/events", ApiVersion::V2021_04_15);

/// How many calendars are read at the same time.
const AT_ONCE: usize = 4;

/// Lists events. From [`Calendars::events`](super::Calendars::events). It needs a time span and a calendar, user or group.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListEvents {
    client: GhlClient,
    location: LocationId,
    whose: Option<(&'static str, String)>,
    span: Option<(Timestamp, Timestamp)>,
    settings: Settings,
}

request!(ListEvents => Vec<Appointment>);

#[derive(Deserialize)]
struct Found<T> {
    events: Vec<T>,
}

impl ListEvents {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, whose: None, span: None, settings: Settings::default() }
    }

    /// The events of a calendar.
    pub fn calendar(mut self, calendar: impl Into<CalendarId>) -> Self {
        self.whose = Some(("calendarId", calendar.into().to_string()));
        self
    }

    /// The events that a user holds.
    pub fn user(mut self, user: impl Into<UserId>) -> Self {
        self.whose = Some(("userId", user.into().to_string()));
        self
    }

    /// The events of a group's calendars.
    pub fn group(mut self, group: impl Into<CalendarGroupId>) -> Self {
        self.whose = Some(("groupId", group.into().to_string()));
        self
    }

    /// From `start` to `end`.
    pub fn between(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.span = Some((start, end));
        self
    }

    async fn send(self) -> Result<Vec<Appointment>> {
        self.fetch().await
    }

    async fn fetch<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let Some((name, id)) = self.whose else {
            return refuse("events are listed by calendar, user or group: name one, or use `all_events`");
        };
        let (start, end) = checked(self.span)?;
        let call = EVENTS
            .call(&[])
            .query("locationId", &self.location)
            .query(name, id)
            .query("startTime", start.as_millis())
            .query("endTime", end.as_millis());
        let answer = self.client.answer(call, &Resource::Location(self.location), &EVENTS, &self.settings).await?;
        Ok(answer.json::<Found<T>>()?.events)
    }
}

/// Lists the events of all calendars. From [`Calendars::all_events`](super::Calendars::all_events).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct AllEvents {
    client: GhlClient,
    location: LocationId,
    span: Option<(Timestamp, Timestamp)>,
    settings: Settings,
}

request!(AllEvents => Vec<Appointment>);

impl AllEvents {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, span: None, settings: Settings::default() }
    }

    /// From `start` to `end`.
    pub fn between(mut self, start: Timestamp, end: Timestamp) -> Self {
        self.span = Some((start, end));
        self
    }

    async fn send(self) -> Result<Vec<Appointment>> {
        let events: Vec<Appointment> = self.fetch().await?;
        let by_id: BTreeMap<_, _> = events.into_iter().map(|event| (event.id.clone(), event)).collect();
        let mut events: Vec<_> = by_id.into_values().collect();
        events.sort_by_cached_key(|event| event.start_time.as_ref().and_then(crate::model::WireTime::timestamp));
        Ok(events)
    }

    /// All events' whole documents, as sent; one that stands in several calendars comes several times.
    pub(crate) async fn documents(self) -> Result<Vec<Map<String, Value>>> {
        self.fetch().await
    }

    async fn fetch<T: DeserializeOwned + Send>(self) -> Result<Vec<T>> {
        let (start, end) = checked(self.span)?;
        let mut calendars = ListCalendars::new(self.client.clone(), self.location.clone());
        calendars.settings = self.settings.clone();
        let requests = calendars.await?.into_iter().map(|calendar| {
            let mut events =
                ListEvents::new(self.client.clone(), self.location.clone()).calendar(calendar.id).between(start, end);
            events.settings = self.settings.clone();
            events.fetch::<T>()
        });
        let pages: Vec<Vec<T>> =
            stream::iter(requests.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(pages.into_iter().flatten().collect())
    }
}

fn checked(span: Option<(Timestamp, Timestamp)>) -> Result<(Timestamp, Timestamp)> {
    match span {
        None => refuse("events are listed in a time span: give it with `between(start, end)`"),
        Some((start, end)) if start >= end => refuse("the time span is empty: its end must be after its start"),
        Some(span) => Ok(span),
    }
}

fn refuse<T>(why: &'static str) -> Result<T> {
    Err(Error::new(ErrorKind::Config, why).at("ghl", EVENTS.name))
}
