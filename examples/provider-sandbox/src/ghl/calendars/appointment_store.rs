//! A location's calendars, appointments and blocked slots, with a month of seeded appointments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY_MS, rfc3339, rfc3339_at};
use crate::ghl::contacts::contact_store::ContactStore;
use crate::ghl::locations::profile::LocationProfile;
use crate::rng::SeededRng;

const HOUR_MS: i64 = 3_600_000;
/// Length of a slot, in milliseconds.
pub(crate) const SLOT_MS: i64 = 30 * 60 * 1000;
/// Open hours from Monday to Friday, in local time.
pub(crate) const OPEN_HOURS: std::ops::Range<i64> = 9..17;
/// Largest number of seeded appointments of a location.
const MAX_SEEDED: usize = 60;
const NAMES: [&str; 3] = ["Discovery call", "Coaching session", "Group class"];

/// A calendar.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    pub(crate) user_id: String,
}

/// An appointment. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Appointment {
    pub(crate) id: String,
    pub(crate) calendar_id: String,
    pub(crate) contact_id: String,
    pub(crate) title: String,
    pub(crate) status: String,
    pub(crate) assigned_user_id: String,
    pub(crate) address: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) source: &'static str,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) date_added: i64,
    pub(crate) date_updated: i64,
}

/// A blocked slot.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) calendar_id: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) date_added: i64,
}

/// The calendars and events of one location.
#[derive(Debug)]
pub(crate) struct AppointmentStore {
    rng: SeededRng,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) appointments: BTreeMap<String, Appointment>,
    pub(crate) blocks: BTreeMap<String, Block>,
}

impl AppointmentStore {
    pub(crate) fn new(seed: u64, profile: &LocationProfile, contact_store: &ContactStore, start_ms: i64) -> Self {
        let mut rng = SeededRng::new(seed, &[profile.number, 0xCA1]);
        let calendars: Vec<Calendar> = NAMES
            .into_iter()
            .zip(&profile.users)
            .map(|(name, user)| Calendar { id: rng.id(), name, user_id: user.clone() })
            .collect();
        let mut store = Self { rng, calendars, appointments: BTreeMap::new(), blocks: BTreeMap::new() };
        let count = contact_store.len().min(MAX_SEEDED);
        for (slot, row) in
            contact_store.all().step_by((contact_store.len() / count.max(1)).max(1)).take(count).enumerate()
        {
            store.seed_appointment(profile, slot, &row.id, start_ms);
        }
        store
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.rng.id()
    }

    pub(crate) fn calendar(&self, id: &str) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| calendar.id == id)
    }

    pub(crate) fn contains_event(&self, event_id: &str) -> bool {
        self.appointments.contains_key(event_id) || self.blocks.contains_key(event_id)
    }

    pub(crate) fn for_contact<'a>(&'a self, contact_id: &'a str) -> impl Iterator<Item = &'a Appointment> {
        self.appointments.values().filter(move |event| event.contact_id == contact_id)
    }

    /// Returns whether the calendar has no event between `start_ms` and `end_ms`, other than `except`.
    pub(crate) fn is_free(&self, calendar: &Calendar, start_ms: i64, end_ms: i64, except: Option<&str>) -> bool {
        let overlaps = |start: i64, end: i64| start < end_ms && start_ms < end;
        let booked = self.appointments.values().any(|event| {
            event.calendar_id == calendar.id
                && event.status != "cancelled"
                && Some(event.id.as_str()) != except
                && overlaps(event.start_ms, event.end_ms)
        });
        let blocked = self.blocks.values().any(|block| {
            let is_same_calendar = block.calendar_id.as_deref() == Some(&calendar.id)
                || block.user_id.as_deref() == Some(&calendar.user_id);
            is_same_calendar && overlaps(block.start_ms, block.end_ms)
        });
        !booked && !blocked
    }

    /// Books an appointment on a working day of the next four weeks; each `slot` has its own time.
    fn seed_appointment(&mut self, profile: &LocationProfile, slot: usize, contact_id: &str, start_ms: i64) {
        let offset = i64::from(profile.offset_hours) * HOUR_MS;
        let today = (start_ms + offset).div_euclid(DAY_MS);
        let count = i64::try_from(slot).unwrap_or(0);
        let working: Vec<i64> = (today + 1..today + 29).filter(|day| is_working_day(*day)).collect();
        let day = working[slot % working.len()];
        let hour = OPEN_HOURS.start
            + (count / i64::try_from(working.len()).unwrap_or(1)) * 2 % (OPEN_HOURS.end - OPEN_HOURS.start);
        let begin_ms = day * DAY_MS + hour * HOUR_MS - offset;
        let calendar = self.calendars[slot % self.calendars.len()].clone();
        let added = start_ms - DAY_MS - i64::try_from(self.rng.below(20 * DAY_MS.unsigned_abs())).unwrap_or(0);
        let appointment = Appointment {
            id: self.rng.id(),
            title: calendar.name.to_owned(),
            calendar_id: calendar.id,
            contact_id: contact_id.to_owned(),
            status: (*self.rng.pick(&["confirmed", "confirmed", "confirmed", "new", "cancelled"])).to_owned(),
            assigned_user_id: calendar.user_id,
            address: None,
            notes: self.rng.percent(20).then(|| "First visit".to_owned()),
            source: "booking_widget",
            start_ms: begin_ms,
            end_ms: begin_ms + SLOT_MS,
            date_added: added,
            date_updated: added,
        };
        self.appointments.insert(appointment.id.clone(), appointment);
    }
}

/// Returns whether a day is Monday to Friday; `day` counts from 1970-01-01, a Thursday.
pub(crate) fn is_working_day(day: i64) -> bool {
    (day + 3).rem_euclid(7) < 5
}

impl Appointment {
    /// Returns the appointment as reads do, with `dateAdded` and `dateUpdated`.
    pub(crate) fn to_json(&self, profile: &LocationProfile) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": profile.id, "contactId": self.contact_id,
            "groupId": profile.group_id, "appointmentStatus": self.status, "assignedUserId": self.assigned_user_id, "users": [],
            "notes": self.notes, "isRecurring": false, "startTime": rfc3339_at(self.start_ms, profile.offset_hours),
            "endTime": rfc3339_at(self.end_ms, profile.offset_hours), "dateAdded": rfc3339(self.date_added),
            "dateUpdated": rfc3339(self.date_updated), "assignedResources": [], "createdBy": {"userId": Value::Null, "source": self.source},
            "address": self.address,
        })
    }

    /// Returns the appointment as writes do, without `dateAdded` and `dateUpdated` (highlevel-api-docs#246).
    pub(crate) fn to_write_response(&self, profile: &LocationProfile) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": profile.id, "contactId": self.contact_id,
            "appointmentStatus": self.status, "assignedUserId": self.assigned_user_id, "address": self.address, "isRecurring": false,
            "startTime": rfc3339_at(self.start_ms, profile.offset_hours), "endTime": rfc3339_at(self.end_ms, profile.offset_hours),
        })
    }
}

impl Block {
    pub(crate) fn to_json(&self, profile: &LocationProfile) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": profile.id, "assignedUserId": self.user_id,
            "startTime": rfc3339_at(self.start_ms, profile.offset_hours), "endTime": rfc3339_at(self.end_ms, profile.offset_hours),
            "dateAdded": rfc3339(self.date_added),
        })
    }
}

impl Calendar {
    pub(crate) fn to_json(&self, profile: &LocationProfile) -> Value {
        json!({
            "id": self.id, "name": self.name, "locationId": profile.id, "groupId": profile.group_id, "isActive": true, "calendarType": "round_robin",
            "eventType": "RoundRobin_OptimizeForAvailability", "eventTitle": "{{contact.name}}", "eventColor": "#039be5",
            "slug": self.name.to_lowercase().replace(' ', "-"), "slotDuration": 30, "slotDurationUnit": "mins", "slotInterval": 30,
            "slotIntervalUnit": "mins", "appoinmentPerSlot": 1, "appoinmentPerDay": Value::Null, "autoConfirm": true,
            "teamMembers": [{"userId": self.user_id, "priority": 0.5, "isPrimary": true}],
            "openHours": [{"daysOfTheWeek": [1, 2, 3, 4, 5], "hours": [{"openHour": OPEN_HOURS.start, "openMinute": 0, "closeHour": OPEN_HOURS.end, "closeMinute": 0}]}],
        })
    }
}
