//! What the account holds, and what it starts with: a schedule, four event types, no bookings.
//! Invariant: ids rise and are never used again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bookings::record::Booking;
use super::error::ApiError;
use super::event_types::EventType;
use super::identity::Identity;
use super::me::Me;
use super::out_of_office::Absence;
use super::reservations::Reservation;
use super::schedules::Schedule;
use super::webhooks::subscriptions::Subscription;
use crate::dice::Dice;

/// Numbers of things begin here, so that no id looks like a count.
const FIRST_ID: i64 = 10_000;

/// One user's account.
#[derive(Debug)]
pub(crate) struct Account {
    dice: Dice,
    next_id: i64,
    pub(crate) me: Me,
    pub(crate) schedules: BTreeMap<i64, Schedule>,
    pub(crate) event_types: BTreeMap<i64, EventType>,
    /// By number; they are known by their uid.
    pub(crate) bookings: BTreeMap<i64, Booking>,
    pub(crate) reservations: BTreeMap<String, Reservation>,
    pub(crate) absences: BTreeMap<i64, Absence>,
    pub(crate) subscriptions: Vec<Subscription>,
}

impl Account {
    pub(crate) fn new(seed: u64, identity: &Identity) -> Self {
        let mut account = Self {
            dice: Dice::new(seed, &[0xCA1D]),
            next_id: FIRST_ID,
            me: Me::new(identity.user_id),
            schedules: BTreeMap::new(),
            event_types: BTreeMap::new(),
            bookings: BTreeMap::new(),
            reservations: BTreeMap::new(),
            absences: BTreeMap::new(),
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

    /// The next number.
    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// A new uid: letters and digits.
    pub(crate) fn new_uid(&mut self) -> String {
        self.dice.id()
    }

    /// A new UUID.
    pub(crate) fn new_uuid(&mut self) -> String {
        uuid::Uuid::from_u64_pair(self.dice.next(), self.dice.next()).to_string()
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

    /// The event type that a body or query names, by its id or by its slug and the user's name.
    pub(crate) fn selected(
        &self,
        id: Option<i64>,
        slug: Option<&str>,
        username: Option<&str>,
    ) -> Result<&EventType, ApiError> {
        if let Some(id) = id {
            return self.event_type(id);
        }
        let (Some(slug), Some(username)) = (slug, username) else {
            let complaint = "eventTypeId or eventTypeSlug + username must be provided";
            return Err(ApiError::invalid("eventTypeId", complaint));
        };
        let own = self.event_types.values().find(|own| own.slug == slug && username == self.me.username);
        own.ok_or_else(|| ApiError::not_found(format!("Event type with slug {slug} of user {username} not found")))
    }

    /// The schedule that an event type can be booked in.
    pub(crate) fn schedule_of(&self, event_type: &EventType) -> Option<&Schedule> {
        let own = event_type.schedule_id.and_then(|id| self.schedules.get(&id));
        own.or_else(|| self.default_schedule())
    }

    pub(crate) fn default_schedule(&self) -> Option<&Schedule> {
        self.me.default_schedule_id.and_then(|id| self.schedules.get(&id))
    }

    pub(crate) fn booking(&self, uid: &str) -> Result<&Booking, ApiError> {
        let found = self.bookings.values().rev().find(|booking| booking.uid == uid);
        found.ok_or_else(|| ApiError::not_found(format!("Booking with uid={uid} was not found in the database")))
    }

    pub(crate) fn booking_mut(&mut self, uid: &str) -> Result<&mut Booking, ApiError> {
        let found = self.bookings.values_mut().rev().find(|booking| booking.uid == uid);
        found.ok_or_else(|| ApiError::not_found(format!("Booking with uid={uid} was not found in the database")))
    }

    /// Who holds every booking: the user, as bookings and event types show them.
    pub(crate) fn host(&self) -> Map<String, Value> {
        let me = &self.me;
        let host = json!({
            "id": me.id, "name": me.name, "email": me.email, "displayEmail": me.email, "username": me.username,
            "timeZone": me.time_zone,
        });
        host.as_object().cloned().unwrap_or_default()
    }
}
