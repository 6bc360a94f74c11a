//! The account's data and its seed data: a schedule, four event types, no bookings.
//! Invariant: numeric ids increase and are not reused.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bookings::record::Booking;
use super::event_types::EventType;
use super::me::Me;
use super::out_of_office::OutOfOfficeEntry;
use super::reservations::Reservation;
use super::response::ApiError;
use super::schedules::Schedule;
use super::state::Identity;
use super::webhooks::subscriptions::Subscription;
use crate::rng::SeededRng;

/// The first id; high enough that ids are not confused with counts.
const FIRST_ID: i64 = 10_000;

/// One user's account.
#[derive(Debug)]
pub(crate) struct Account {
    rng: SeededRng,
    next_id: i64,
    pub(crate) me: Me,
    pub(crate) schedules: BTreeMap<i64, Schedule>,
    pub(crate) event_types: BTreeMap<i64, EventType>,
    /// By numeric id, in creation order; the API uses the uid.
    pub(crate) bookings: BTreeMap<i64, Booking>,
    pub(crate) reservations: BTreeMap<String, Reservation>,
    pub(crate) out_of_office: BTreeMap<i64, OutOfOfficeEntry>,
    pub(crate) subscriptions: Vec<Subscription>,
}

impl Account {
    pub(crate) fn new(seed: u64, identity: &Identity) -> Self {
        let mut account = Self {
            rng: SeededRng::new(seed, &[0xCA1D]),
            next_id: FIRST_ID,
            me: Me::new(identity.user_id),
            schedules: BTreeMap::new(),
            event_types: BTreeMap::new(),
            bookings: BTreeMap::new(),
            reservations: BTreeMap::new(),
            out_of_office: BTreeMap::new(),
            subscriptions: Vec::new(),
        };
        let hours = account.add_schedule(Schedule::office_hours("Working hours", "UTC"));
        account.me.default_schedule_id = Some(hours);
        for (title, slug, minutes, more) in [
            ("Intro", "intro", 30, json!({"description": "A first talk"})),
            ("Block", "block", 15, json!({"lengthInMinutesOptions": [15, 30, 60], "hidden": true})),
            (
                "Consultation",
                "consultation",
                60,
                json!({"confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": true}}),
            ),
            (
                "Group class",
                "group-class",
                60,
                json!({"seats": {"seatsPerTimeSlot": 3, "showAttendeeInfo": true, "showAvailabilityCount": true}}),
            ),
        ] {
            let more = more.as_object().cloned().unwrap_or_default();
            account.add_event_type(EventType::seeded(title, slug, minutes, &more));
        }
        account
    }

    /// Returns the next numeric id.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// Returns a new uid of letters and digits.
    pub(crate) fn new_uid(&mut self) -> String {
        self.rng.id()
    }

    /// Returns a new UUID.
    pub(crate) fn new_uuid(&mut self) -> String {
        uuid::Uuid::from_u64_pair(self.rng.next(), self.rng.next()).to_string()
    }

    pub(crate) fn add_schedule(&mut self, mut schedule: Schedule) -> i64 {
        let id = self.new_id();
        (schedule.id, schedule.owner_id) = (id, self.me.id);
        self.schedules.insert(id, schedule);
        id
    }

    pub(crate) fn add_event_type(&mut self, mut event_type: EventType) -> i64 {
        let id = self.new_id();
        (event_type.id, event_type.owner_id) = (id, self.me.id);
        self.event_types.insert(id, event_type);
        id
    }

    pub(crate) fn event_type(&self, id: i64) -> Result<&EventType, ApiError> {
        self.event_types.get(&id).ok_or_else(|| ApiError::not_found(format!("Event type with id {id} not found")))
    }

    /// Returns the event type that a body or query names, by id or by slug and username.
    pub(crate) fn find_event_type(
        &self,
        id: Option<i64>,
        slug: Option<&str>,
        username: Option<&str>,
    ) -> Result<&EventType, ApiError> {
        if let Some(id) = id {
            return self.event_type(id);
        }
        let (Some(slug), Some(username)) = (slug, username) else {
            let reason = "eventTypeId or eventTypeSlug + username must be provided";
            return Err(ApiError::invalid("eventTypeId", reason));
        };
        let event_type =
            self.event_types.values().find(|event_type| event_type.slug == slug && username == self.me.username);
        event_type
            .ok_or_else(|| ApiError::not_found(format!("Event type with slug {slug} of user {username} not found")))
    }

    /// Returns the event type's schedule, or the default schedule.
    pub(crate) fn schedule_for(&self, event_type: &EventType) -> Option<&Schedule> {
        let schedule = event_type.schedule_id.and_then(|id| self.schedules.get(&id));
        schedule.or_else(|| self.default_schedule())
    }

    pub(crate) fn default_schedule(&self) -> Option<&Schedule> {
        self.me.default_schedule_id.and_then(|id| self.schedules.get(&id))
    }

    pub(crate) fn booking(&self, uid: &str) -> Result<&Booking, ApiError> {
        let booking = self.bookings.values().rev().find(|booking| booking.uid == uid);
        booking.ok_or_else(|| booking_not_found(uid))
    }

    pub(crate) fn booking_mut(&mut self, uid: &str) -> Result<&mut Booking, ApiError> {
        let booking = self.bookings.values_mut().rev().find(|booking| booking.uid == uid);
        booking.ok_or_else(|| booking_not_found(uid))
    }

    /// Returns the host of all bookings (the user) as bookings contain it.
    pub(crate) fn host(&self) -> Map<String, Value> {
        let me = &self.me;
        let host = json!({
            "id": me.id, "name": me.name, "email": me.email, "displayEmail": me.email, "username": me.username,
            "timeZone": me.time_zone,
        });
        host.as_object().cloned().unwrap_or_default()
    }
}

fn booking_not_found(uid: &str) -> ApiError {
    ApiError::not_found(format!("Booking with uid={uid} was not found in the database"))
}
