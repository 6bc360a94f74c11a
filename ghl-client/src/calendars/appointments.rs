use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Error, ErrorKind, Result, Timestamp, http::Response};

use crate::{
    client::{GhlClient, Operation, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{Appointment, AppointmentId, AppointmentStatus, CalendarId, ContactId, LocationId, UserId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const CREATE: Operation =
    Operation::new("appointments.create", Method::POST, "/calendars/events/appointments", VERSION);
const GET: Operation =
    Operation::new("appointments.get", Method::GET, "/calendars/events/appointments/{eventId}", VERSION);
const UPDATE: Operation =
    Operation::new("appointments.update", Method::PUT, "/calendars/events/appointments/{eventId}", VERSION);
const DELETE: Operation = Operation::new("appointments.delete", Method::DELETE, "/calendars/events/{eventId}", VERSION);

/// The appointments family. From [`GhlClient::appointments`].
#[derive(Debug, Clone)]
pub struct Appointments(pub(crate) GhlClient);

impl GhlClient {
    /// Appointments: create, read, change, delete.
    pub fn appointments(&self) -> Appointments {
        Appointments(self.clone())
    }
}

impl Appointments {
    /// Books an appointment of a contact in a calendar; its start is needed too.
    pub fn create(
        &self,
        location: impl Into<LocationId>,
        calendar: impl Into<CalendarId>,
        contact: impl Into<ContactId>,
    ) -> CreateAppointment {
        CreateAppointment::new(self.0.clone(), &location.into(), &calendar.into(), &contact.into())
    }

    /// Reads an appointment.
    pub fn get(&self, location: impl Into<LocationId>, id: impl Into<AppointmentId>) -> GetAppointment {
        GetAppointment {
            client: self.0.clone(),
            location: location.into(),
            id: id.into(),
            options: RequestOptions::default(),
        }
    }

    /// Changes the fields that are set.
    pub fn update(&self, location: impl Into<LocationId>, id: impl Into<AppointmentId>) -> UpdateAppointment {
        UpdateAppointment {
            client: self.0.clone(),
            location: location.into(),
            id: id.into(),
            body: Map::new(),
            options: RequestOptions::default(),
        }
    }

    /// Deletes an appointment, or any other calendar event.
    pub fn delete(&self, location: impl Into<LocationId>, id: impl Into<AppointmentId>) -> DeleteAppointment {
        DeleteAppointment {
            client: self.0.clone(),
            location: location.into(),
            id: id.into(),
            options: RequestOptions::default(),
        }
    }
}

/// The setters that creating and changing share.
macro_rules! appointment_fields {
    ($name:ident) => {
        impl $name {
            /// When it begins.
            pub fn start(self, time: Timestamp) -> Self {
                self.set("startTime", time.to_string())
            }

            /// When it ends; the calendar's slot length unless set.
            pub fn end(self, time: Timestamp) -> Self {
                self.set("endTime", time.to_string())
            }

            /// The description.
            pub fn title(self, title: impl Into<String>) -> Self {
                self.set("title", title.into())
            }

            /// How it stands.
            pub fn status(self, status: AppointmentStatus) -> Self {
                self.set("appointmentStatus", status.as_str())
            }

            /// The user who holds it.
            pub fn assigned_user(self, user: impl Into<UserId>) -> Self {
                self.set("assignedUserId", user.into().as_str())
            }

            /// Description.
            pub fn description(self, text: impl Into<String>) -> Self {
                self.set("description", text.into())
            }

            /// Where it takes place.
            pub fn address(self, address: impl Into<String>) -> Self {
                self.set("address", address.into())
            }

            /// How it takes place: `custom`, `zoom`, `gmeet`, `phone`, `address`, `ms_teams` or `google`.
            pub fn meeting_location_type(self, kind: impl Into<String>) -> Self {
                self.set("meetingLocationType", kind.into())
            }

            /// Which of the calendar's own meeting locations it has; `default` or an id from its configuration.
            pub fn meeting_location_id(self, id: impl Into<String>) -> Self {
                self.set("meetingLocationId", id.into())
            }

            /// Whether [`address`](Self::address) and the meeting location take the place of the calendar's own.
            pub fn override_location(self, instead: bool) -> Self {
                self.set("overrideLocationConfig", instead)
            }

            /// Makes it one of a series, by a rule of RFC 5545 such as `RRULE:FREQ=DAILY;INTERVAL=1;COUNT=5`.
            pub fn rrule(self, rule: impl Into<String>) -> Self {
                self.set("rrule", rule.into())
            }

            /// Whether the provider sends its notifications.
            pub fn notify(self, notify: bool) -> Self {
                self.set("toNotify", notify)
            }

            /// Books also where the calendar has no free slot and outside its booking window.
            pub fn ignore_free_slots(self) -> Self {
                self.set("ignoreFreeSlotValidation", true).set("ignoreDateRange", true)
            }

            /// Sets a field that has no setter here, by its wire name. The provider refuses names it does not know.
            pub fn set(mut self, wire_name: &str, value: impl Into<Value>) -> Self {
                self.body.insert(wire_name.to_owned(), value.into());
                self
            }
        }
    };
}

/// Books an appointment. From [`Appointments::create`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateAppointment {
    client: GhlClient,
    location: LocationId,
    body: Map<String, Value>,
    options: RequestOptions,
}

request!(CreateAppointment => Appointment);
appointment_fields!(CreateAppointment);

impl CreateAppointment {
    fn new(client: GhlClient, location: &LocationId, calendar: &CalendarId, contact: &ContactId) -> Self {
        let request = Self { client, location: location.clone(), body: Map::new(), options: RequestOptions::default() };
        request
            .set("calendarId", calendar.as_str())
            .set("contactId", contact.as_str())
            .set("locationId", location.as_str())
    }

    async fn send(self) -> Result<Appointment> {
        if !self.body.contains_key("startTime") {
            return Err(Error::new(ErrorKind::InvalidInput, "an appointment needs a start: set it with `start`")
                .at("ghl", CREATE.name));
        }
        let call = CREATE.call(&[]).json(&self.body);
        self.client.send(call, &Resource::Location(self.location), &CREATE, &self.options).await?.json()
    }
}

/// Changes an appointment. From [`Appointments::update`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateAppointment {
    client: GhlClient,
    location: LocationId,
    id: AppointmentId,
    body: Map<String, Value>,
    options: RequestOptions,
}

request!(UpdateAppointment => Appointment);
appointment_fields!(UpdateAppointment);

impl UpdateAppointment {
    /// Moves it to another calendar.
    pub fn calendar(self, calendar: impl Into<CalendarId>) -> Self {
        self.set("calendarId", calendar.into().as_str())
    }

    async fn send(self) -> Result<Appointment> {
        let call = UPDATE.call(&[self.id.as_str()]).json(&self.body);
        self.client.send(call, &Resource::Location(self.location), &UPDATE, &self.options).await?.json()
    }
}

/// Reads an appointment. From [`Appointments::get`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetAppointment {
    client: GhlClient,
    location: LocationId,
    id: AppointmentId,
    options: RequestOptions,
}

request!(GetAppointment => Appointment);

/// Older deployments call the envelope `appointment`.
#[derive(Deserialize)]
struct Enveloped<T> {
    #[serde(alias = "appointment")]
    event: T,
}

impl GetAppointment {
    /// The appointment's whole document, as sent.
    pub(crate) async fn document(self) -> Result<Map<String, Value>> {
        Ok(self.answer().await?.json::<Enveloped<Map<String, Value>>>()?.event)
    }

    async fn send(self) -> Result<Appointment> {
        Ok(self.answer().await?.json::<Enveloped<Appointment>>()?.event)
    }

    async fn answer(self) -> Result<Response> {
        let call = GET.call(&[self.id.as_str()]);
        self.client.send(call, &Resource::Location(self.location), &GET, &self.options).await
    }
}

/// Deletes an appointment. From [`Appointments::delete`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct DeleteAppointment {
    client: GhlClient,
    location: LocationId,
    id: AppointmentId,
    options: RequestOptions,
}

request!(DeleteAppointment => ());

impl DeleteAppointment {
    async fn send(self) -> Result<()> {
        // The specification asks for a body, be it empty.
        let call = DELETE.call(&[self.id.as_str()]).json(&json!({}));
        self.client.send(call, &Resource::Location(self.location), &DELETE, &self.options).await?;
        Ok(())
    }
}
