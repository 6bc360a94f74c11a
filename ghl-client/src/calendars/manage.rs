use http::Method;
use serde_json::{Value, json};
use sidecar_core::Result;

use super::Calendars;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, any_field, ignore_body, request, setters},
    config::ApiVersion,
    model::{Calendar, CalendarGroupId, CalendarId, CalendarType, LocationId, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static CREATE: Operation = Operation::new("calendars.create", Method::POST, "/calendars/", VERSION);
static GET: Operation = Operation::new("calendars.get", Method::GET, "/calendars/{calendarId}", VERSION);
static UPDATE: Operation = Operation::new("calendars.update", Method::PUT, "/calendars/{calendarId}", VERSION);
static DELETE: Operation = Operation::new("calendars.delete", Method::DELETE, "/calendars/{calendarId}", VERSION);

request! {
    /// Creates a calendar. From [`Calendars::create`].
    pub struct CreateCalendar => Calendar
}
request! {
    /// Changes a calendar. From [`Calendars::update`].
    pub struct UpdateCalendar => Calendar
}

setters! { body of CreateCalendar, UpdateCalendar; {
    /// Its group.
    "groupId" group: into CalendarGroupId,
    /// The description.
    "description" description: into String,
    /// Its part of a booking link.
    "slug" slug: into String,
    /// The title of its appointments, which may contain placeholders such as `{{contact.name}}`.
    "eventTitle" event_title: into String,
    /// Its colour, such as `#039be5`.
    "eventColor" event_color: into String,
    /// Whether it can be booked.
    "isActive" is_active: bool,
    /// Whether a booking is confirmed by itself.
    "autoConfirm" auto_confirm: bool,
    /// Whether contacts may move their appointments.
    "allowReschedule" allow_reschedule: bool,
    /// Whether contacts may cancel their appointments.
    "allowCancellation" allow_cancellation: bool,
    /// How many may book one slot.
    "appoinmentPerSlot" appointments_per_slot: u32,
    /// How many may book in a day.
    "appoinmentPerDay" appointments_per_day: u32,
}}
setters! { body of CreateCalendar; {
    /// How it gives out its slots; it cannot be changed.
    "calendarType" calendar_type: CalendarType,
}}
setters! { body of UpdateCalendar; {
    /// Its name.
    "name" name: into String,
}}
any_field!(CreateCalendar, UpdateCalendar);

impl Calendars {
    /// Creates a calendar in a location.
    pub fn create(&self, location: impl Into<LocationId>, name: impl Into<String>) -> CreateCalendar {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &CREATE, location.clone()).set("locationId", json!(location));
        CreateCalendar { builder: builder.set("name", name.into()) }
    }

    /// Reads one calendar.
    pub fn get(&self, location: impl Into<LocationId>, calendar: impl Into<CalendarId>) -> PlainRequest<Calendar> {
        let builder = RequestBuilder::new(&self.0, &GET, location.into()).argument(calendar.into());
        builder.plain(|answer| answer.part(&["calendar"]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, location: impl Into<LocationId>, calendar: impl Into<CalendarId>) -> UpdateCalendar {
        UpdateCalendar {
            builder: RequestBuilder::new(&self.0, &UPDATE, location.into()).argument(calendar.into()).with_body(),
        }
    }

    /// Deletes a calendar.
    pub fn delete(&self, location: impl Into<LocationId>, calendar: impl Into<CalendarId>) -> PlainRequest<()> {
        RequestBuilder::new(&self.0, &DELETE, location.into()).argument(calendar.into()).plain(ignore_body)
    }
}

/// The setters that creates and updates share beyond plain fields.
macro_rules! shared {
    ($($name:ident),+) => {
        $(impl $name {
            /// How long a slot is, in minutes.
            pub fn slot_minutes(mut self, minutes: u32) -> Self {
                self.builder = self.builder.set("slotDuration", minutes).set("slotDurationUnit", "mins");
                self
            }

            /// From one slot's begin to the next one's, in minutes.
            pub fn interval_minutes(mut self, minutes: u32) -> Self {
                self.builder = self.builder.set("slotInterval", minutes).set("slotIntervalUnit", "mins");
                self
            }

            /// The users who hold its appointments.
            pub fn team<U: Into<UserId>>(mut self, users: impl IntoIterator<Item = U>) -> Self {
                let members: Vec<Value> = users.into_iter().map(|user| json!({"userId": user.into()})).collect();
                self.builder = self.builder.set("teamMembers", members);
                self
            }

            async fn send(self) -> Result<Calendar> {
                self.builder.part(&["calendar"]).await
            }
        })+
    };
}
shared!(CreateCalendar, UpdateCalendar);
