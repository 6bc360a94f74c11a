//! Cal.com's part of the story: what the steps know of the account, and how they look at it.
//!
//! People book on the provider's own pages (its control routes) and move appointments in GHL's; the server is only looked at.

mod appointments;
mod bookings;
mod connect;

use std::time::Duration;

use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use sidecar_core::Timestamp;

use super::Story;
use crate::demo::{
    http::{Answer, Wrong, ensure},
    probes::text,
};

const DAY: Duration = Duration::from_secs(86_400);
/// How far ahead free times are looked for: GHL's appointments are copied for 30 days.
const AHEAD: u32 = 14;

/// The account as the first step connects it.
#[derive(Debug, Default)]
pub(in crate::demo) struct Account {
    /// Where its API is, and its key.
    url: String,
    key: String,
    /// What people book: 30 minutes, without the host's consent.
    event_type: i64,
    /// Where bookings go at GHL.
    location: String,
    calendar: String,
    /// The subscription that brings events to the server.
    webhook: String,
    /// The first step's booking, that the next one changes.
    mirrored: Mirrored,
}

/// A booking and its appointment.
#[derive(Debug, Clone, Default)]
struct Mirrored {
    booking: String,
    email: String,
    appointment: String,
    start: Option<Timestamp>,
}

impl Story {
    /// A request to the provider's API, as whoever holds the account's key.
    async fn at_calcom(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Wrong> {
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", self.calcom.key));
        self.provider.call(method, &format!("{}{path}", self.calcom.url), &[bearer], body).await
    }

    /// When the event type can be booked from tomorrow on, as the server tells.
    async fn free_times(&self) -> Result<Vec<Timestamp>, Wrong> {
        let date = |days: u32| (self.clock.now() + DAY * days).to_string().chars().take(10).collect::<String>();
        let (event_type, from, to) = (self.calcom.event_type, date(1), date(AHEAD));
        let path = format!("availability?eventTypeId={event_type}&startDate={from}&endDate={to}&timeZone=UTC");
        let shown = self.server.get(&self.path(&path)).await?;
        let days = shown["slots"].as_object().into_iter().flat_map(|days| days.values());
        let slots = days.filter_map(Value::as_array).flatten();
        slots.map(|slot| time(slot, "start")).collect()
    }

    /// The first free time, and the first free one of a later day.
    async fn two_free_times(&self) -> Result<(Timestamp, Timestamp), Wrong> {
        let free = self.free_times().await?;
        let first = free.first().copied();
        let second = first.and_then(|first| free.into_iter().find(|time| *time > first + DAY));
        first.zip(second).ok_or_else(|| Wrong(format!("Cal.com has no two free times in {AHEAD} days")))
    }

    /// Somebody books on the public page; the booking's uid.
    async fn book(&self, email: &str, start: Timestamp) -> Result<String, Wrong> {
        let attendee = json!({"name": "Grace Hopper", "email": email, "time_zone": "Europe/Berlin"});
        let start_ms = start.as_micros() / 1_000;
        let change =
            json!({"action": "book", "event_type": self.calcom.event_type, "start_ms": start_ms, "attendee": attendee});
        self.at_cal_pages(change).await
    }

    /// What a person does on Cal.com's own pages; the booking's uid then.
    async fn at_cal_pages(&self, change: Value) -> Result<String, Wrong> {
        let answer = self.provider.order("calcom/changes", &json!({"changes": [change]})).await?;
        let uid = text(&answer["results"][0], "uid").to_owned();
        ensure(!uid.is_empty(), || format!("a change at Cal.com is no booking: {answer}")).map(|()| uid)
    }

    /// Cal.com's own list of the bookings of somebody.
    async fn true_bookings(&self, email: &str) -> Result<Vec<Value>, Wrong> {
        let mut state = self.provider.calcom_state(true).await?;
        let Value::Array(mut bookings) = state["bookings"].take() else {
            return Err(Wrong("the provider shows no bookings".to_owned()));
        };
        bookings.retain(|booking| booking["attendees"][0]["email"] == email);
        Ok(bookings)
    }

    /// The only appointment that GHL itself has with somebody, provided that there is exactly one.
    async fn true_appointment(&self, email: &str) -> Result<Value, Wrong> {
        let location = &self.calcom.location;
        let contacts = self.true_contacts(location).await?;
        let of_them: Vec<&Value> = contacts.iter().filter(|contact| contact["email"] == email).collect();
        ensure(of_them.len() == 1, || format!("GHL has {} contacts with {email}", of_them.len()))?;
        let mut appointments = self.truth(location, "appointments").await?;
        appointments.retain(|appointment| appointment["contactId"] == of_them[0]["id"]);
        ensure(appointments.len() == 1, || format!("GHL has {} appointments with {email}", appointments.len()))?;
        Ok(appointments.remove(0))
    }

    /// Waits until the booking's appointment says this, and is the only one; its id.
    async fn appointment_is(&self, email: &str, start: Timestamp, status: &str) -> Result<String, Wrong> {
        self.eventually("the booking's appointment", || async {
            let found = self.true_appointment(email).await?;
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

    /// Books and waits for the appointment.
    async fn book_and_follow(&self, email: &str, start: Timestamp) -> Result<Mirrored, Wrong> {
        let booking = self.book(email, start).await?;
        let appointment = self.appointment_is(email, start, "confirmed").await?;
        Ok(Mirrored { booking, email: email.to_owned(), appointment, start: Some(start) })
    }

    /// Waits until every delivery of Cal.com's has ended.
    async fn calcom_settled(&self) -> Result<(), Wrong> {
        self.eventually("Cal.com's deliveries", || async {
            let state = self.provider.calcom_state(false).await?;
            let waiting = &state["counts"]["webhooks"]["pending"];
            ensure(*waiting == 0, || format!("{waiting} deliveries wait"))
        })
        .await
    }

    /// Takes away what the story set up, and what is then to be refused is refused.
    pub(super) async fn leave_calcom(&self) -> Result<(), Wrong> {
        let subscription = format!("/v2/webhooks/{}", self.calcom.webhook);
        self.at_calcom(Method::DELETE, &subscription, None).await?.require(StatusCode::OK)?;
        let path = self.path("integrations/calcom");
        self.server.call(Method::DELETE, &path, None).await?.require(StatusCode::NO_CONTENT)?;
        self.server.call(Method::GET, &self.path("bookings"), None).await?.require(StatusCode::CONFLICT).map(drop)
    }
}

/// A time in a document.
fn time(document: &Value, name: &str) -> Result<Timestamp, Wrong> {
    let told = text(document, name);
    told.parse().map_err(|error| Wrong(format!("{name} `{told}`: {error}")))
}
