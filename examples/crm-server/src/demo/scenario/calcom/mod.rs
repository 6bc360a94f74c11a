//! The Cal.com steps of the scenario, and the account that they share.
//!
//! Bookings are made over the sandbox's control routes and appointments are moved at GHL; the server is only read.

mod appointments;
mod bookings;
mod connect;

use std::time::Duration;

use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use sidecar_core::Timestamp;

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, Response, ensure},
    probes::text,
};

const DAY: Duration = Duration::from_secs(86_400);
/// How far ahead free times are read: GHL's appointments are synced for 30 days.
const DAYS_AHEAD: u32 = 14;

/// The account that the first step connects.
#[derive(Debug, Default)]
pub(in crate::demo) struct Account {
    /// The API's address, and the key.
    url: String,
    key: String,
    /// The event type: 30 minutes, confirmed automatically.
    event_type: i64,
    /// The GHL calendar of its bookings.
    location: String,
    calendar: String,
    /// The webhook subscription.
    webhook: String,
    /// The booking that the next step changes.
    booking: SyncedBooking,
}

/// A booking and its appointment.
#[derive(Debug, Clone, Default)]
struct SyncedBooking {
    booking: String,
    email: String,
    appointment: String,
    start: Option<Timestamp>,
}

impl Scenario {
    /// Sends a request to Cal.com's API with the account's key.
    async fn at_calcom(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response, CheckFailed> {
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", self.calcom.key));
        self.provider.call(method, &format!("{}{path}", self.calcom.url), &[bearer], body).await
    }

    /// Returns the free times from tomorrow on, according to the server.
    async fn free_times(&self) -> Result<Vec<Timestamp>, CheckFailed> {
        let date = |days: u32| (self.clock.now() + DAY * days).to_string().chars().take(10).collect::<String>();
        let (event_type, from, to) = (self.calcom.event_type, date(1), date(DAYS_AHEAD));
        let path = format!("availability?eventTypeId={event_type}&startDate={from}&endDate={to}&timeZone=UTC");
        let shown = self.server.get(&self.path(&path)).await?;
        let days = shown["slots"].as_object().into_iter().flat_map(|days| days.values());
        let slots = days.filter_map(Value::as_array).flatten();
        slots.map(|slot| time(slot, "start")).collect()
    }

    /// Returns the first free time, and the first of a later day.
    async fn two_free_times(&self) -> Result<(Timestamp, Timestamp), CheckFailed> {
        let free = self.free_times().await?;
        let first = free.first().copied();
        let second = first.and_then(|first| free.into_iter().find(|time| *time > first + DAY));
        first.zip(second).ok_or_else(|| CheckFailed(format!("Cal.com has no two free times in {DAYS_AHEAD} days")))
    }

    /// Books as an attendee does; returns the booking's uid.
    async fn book(&self, email: &str, start: Timestamp) -> Result<String, CheckFailed> {
        let attendee = json!({"name": "Grace Hopper", "email": email, "time_zone": "Europe/Berlin"});
        let start_ms = start.as_micros() / 1_000;
        let change =
            json!({"action": "book", "event_type": self.calcom.event_type, "start_ms": start_ms, "attendee": attendee});
        self.change_at_calcom(change).await
    }

    /// Makes a change at Cal.com; returns the booking's uid afterwards.
    async fn change_at_calcom(&self, change: Value) -> Result<String, CheckFailed> {
        let response = self.provider.command("calcom/changes", &json!({"changes": [change]})).await?;
        let uid = text(&response["results"][0], "uid").to_owned();
        ensure(!uid.is_empty(), || format!("a change at Cal.com returned no booking: {response}")).map(|()| uid)
    }

    /// Returns the bookings of an attendee at Cal.com.
    async fn bookings_at_calcom(&self, email: &str) -> Result<Vec<Value>, CheckFailed> {
        let mut state = self.provider.calcom_state(true).await?;
        let Value::Array(mut bookings) = state["bookings"].take() else {
            return Err(CheckFailed("the provider shows no bookings".to_owned()));
        };
        bookings.retain(|booking| booking["attendees"][0]["email"] == email);
        Ok(bookings)
    }

    /// Returns the appointment of a contact at GHL, if there is exactly one.
    async fn appointment_at_ghl(&self, email: &str) -> Result<Value, CheckFailed> {
        let location = &self.calcom.location;
        let contacts = self.contacts_at_ghl(location).await?;
        let of_them: Vec<&Value> = contacts.iter().filter(|contact| contact["email"] == email).collect();
        ensure(of_them.len() == 1, || format!("GHL has {} contacts with {email}", of_them.len()))?;
        let mut appointments = self.rows_at_ghl(location, "appointments").await?;
        appointments.retain(|appointment| appointment["contactId"] == of_them[0]["id"]);
        ensure(appointments.len() == 1, || format!("GHL has {} appointments with {email}", appointments.len()))?;
        Ok(appointments.remove(0))
    }

    /// Waits until the booking has exactly one appointment with these values; returns its id.
    async fn appointment_is(&self, email: &str, start: Timestamp, status: &str) -> Result<String, CheckFailed> {
        self.eventually("the booking's appointment", || async {
            let found = self.appointment_at_ghl(email).await?;
            ensure(found["calendarId"] == self.calcom.calendar.as_str(), || {
                format!("the appointment is in calendar {}", found["calendarId"])
            })?;
            let is = (time(&found, "startTime")?, text(&found, "appointmentStatus"));
            ensure(is == (start, status), || {
                format!("the appointment is {} at {}, not {status} at {start}", is.1, is.0)
            })?;
            Ok(text(&found, "id").to_owned())
        })
        .await
    }

    /// Books, and waits for the appointment.
    async fn book_and_wait(&self, email: &str, start: Timestamp) -> Result<SyncedBooking, CheckFailed> {
        let booking = self.book(email, start).await?;
        let appointment = self.appointment_is(email, start, "confirmed").await?;
        Ok(SyncedBooking { booking, email: email.to_owned(), appointment, start: Some(start) })
    }

    /// Waits until no delivery of Cal.com is pending.
    async fn calcom_settled(&self) -> Result<(), CheckFailed> {
        self.eventually("Cal.com's deliveries", || async {
            let state = self.provider.calcom_state(false).await?;
            let waiting = &state["counts"]["webhooks"]["pending"];
            ensure(*waiting == 0, || format!("{waiting} deliveries are pending"))
        })
        .await
    }

    /// Removes the webhook and the connection, and checks that calls are rejected.
    pub(super) async fn disconnect_calcom(&self) -> Result<(), CheckFailed> {
        let subscription = format!("/v2/webhooks/{}", self.calcom.webhook);
        self.at_calcom(Method::DELETE, &subscription, None).await?.require(StatusCode::OK)?;
        let path = self.path("integrations/calcom");
        self.server.call(Method::DELETE, &path, None).await?.require(StatusCode::NO_CONTENT)?;
        self.server.call(Method::GET, &self.path("bookings"), None).await?.require(StatusCode::CONFLICT).map(drop)
    }
}

/// Parses a time of a document.
fn time(document: &Value, name: &str) -> Result<Timestamp, CheckFailed> {
    let value = text(document, name);
    value.parse().map_err(|error| CheckFailed(format!("{name} `{value}`: {error}")))
}
