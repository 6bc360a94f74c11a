use sidecar_core::{Error, ErrorKind, Result, Timestamp};

use crate::{
    client::{GhlClient, RequestOptions, request},
    model::{Appointment, CalendarId, ContactId, LocationId},
};

/// An appointment to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCalendarEvent {
    /// Whom it is with; the provider knows no appointment without a contact.
    pub contact: ContactId,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// The description.
    pub title: Option<String>,
    /// The calendar it goes into; `None` for the location's only one.
    pub calendar: Option<CalendarId>,
}

/// Books an appointment. From [`GhlClient::create_calendar_event`].
///
/// The provider books into a calendar. Without one the location's calendars are listed first (one call more): the only one
/// is taken, and several are an error that names them.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateCalendarEvent {
    client: GhlClient,
    location: LocationId,
    event: NewCalendarEvent,
    options: RequestOptions,
}

request!(CreateCalendarEvent => Appointment);

impl CreateCalendarEvent {
    pub(super) fn new(client: GhlClient, location: LocationId, event: NewCalendarEvent) -> Self {
        Self { client, location, event, options: RequestOptions::default() }
    }

    async fn send(self) -> Result<Appointment> {
        let calendar = match &self.event.calendar {
            Some(calendar) => calendar.clone(),
            None => self.only_calendar().await?,
        };
        let NewCalendarEvent { contact, start, end, title, .. } = self.event;
        let mut create = self.client.appointments().create(self.location, calendar, contact).start(start).end(end);
        if let Some(title) = title {
            create = create.title(title);
        }
        create.with_options(self.options).await
    }

    async fn only_calendar(&self) -> Result<CalendarId> {
        let calendars =
            self.client.calendars().list(&self.location).drafts(false).with_options(self.options.clone()).await?;
        if let [only] = calendars.as_slice() {
            return Ok(only.id.clone());
        }
        let named: Vec<_> = calendars
            .iter()
            .map(|calendar| format!("{} ({})", calendar.id, calendar.name.as_deref().unwrap_or("no name")))
            .collect();
        let why = match named.is_empty() {
            true => "the location has no calendar: make one, or give the id of another's".to_owned(),
            false => format!("the location has several calendars, say which one: {}", named.join(", ")),
        };
        Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", "appointments.create"))
    }
}
