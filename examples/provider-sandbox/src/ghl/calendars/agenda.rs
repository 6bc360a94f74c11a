//! One location's calendars, appointments and blocked slots, and the month of appointments it starts with.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY_MS, rfc3339, rfc3339_at};
use crate::dice::Dice;
use crate::ghl::contacts::directory::Directory;
use crate::ghl::place::Place;

const HOUR_MS: i64 = 3_600_000;
/// Length of a slot, in milliseconds.
pub(crate) const SLOT_MS: i64 = 30 * 60 * 1000;
/// Open hours, Monday to Friday, local time.
pub(crate) const OPEN: std::ops::Range<i64> = 9..17;
/// Most seeded appointments of a location.
const SEEDED: usize = 60;
const NAMES: [&str; 3] = ["Discovery call", "Coaching session", "Group class"];

/// A calendar's fixed facts.
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

/// A time somebody keeps free.
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

/// Everything with a time in one location.
#[derive(Debug)]
pub(crate) struct Agenda {
    dice: Dice,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) appointments: BTreeMap<String, Appointment>,
    pub(crate) blocks: BTreeMap<String, Block>,
}

impl Agenda {
    pub(crate) fn new(seed: u64, place: &Place, directory: &Directory, start_ms: i64) -> Self {
        let mut dice = Dice::new(seed, &[place.number, 0xCA1]);
        let calendars: Vec<Calendar> = NAMES
            .into_iter()
            .zip(&place.users)
            .map(|(name, user)| Calendar { id: dice.id(), name, user_id: user.clone() })
            .collect();
        let mut agenda = Self { dice, calendars, appointments: BTreeMap::new(), blocks: BTreeMap::new() };
        let people = directory.len().min(SEEDED);
        for (slot, row) in directory.all().step_by((directory.len() / people.max(1)).max(1)).take(people).enumerate() {
            agenda.book_seeded(place, slot, &row.id, start_ms);
        }
        agenda
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.dice.id()
    }

    pub(crate) fn calendar(&self, id: &str) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| calendar.id == id)
    }

    pub(crate) fn holds(&self, event_id: &str) -> bool {
        self.appointments.contains_key(event_id) || self.blocks.contains_key(event_id)
    }

    pub(crate) fn of_contact<'a>(&'a self, contact_id: &'a str) -> impl Iterator<Item = &'a Appointment> {
        self.appointments.values().filter(move |event| event.contact_id == contact_id)
    }

    /// Whether `calendar` has nothing in this span.
    pub(crate) fn is_free(&self, calendar: &Calendar, start_ms: i64, end_ms: i64, except: Option<&str>) -> bool {
        let meets = |start: i64, end: i64| start < end_ms && start_ms < end;
        let booked = self.appointments.values().any(|event| {
            event.calendar_id == calendar.id
                && event.status != "cancelled"
                && Some(event.id.as_str()) != except
                && meets(event.start_ms, event.end_ms)
        });
        let blocked = self.blocks.values().any(|block| {
            let here = block.calendar_id.as_deref() == Some(&calendar.id)
                || block.user_id.as_deref() == Some(&calendar.user_id);
            here && meets(block.start_ms, block.end_ms)
        });
        !booked && !blocked
    }

    /// One appointment on a working day of the coming four weeks; every slot is used once.
    fn book_seeded(&mut self, place: &Place, slot: usize, contact_id: &str, start_ms: i64) {
        let offset = i64::from(place.offset_hours) * HOUR_MS;
        let today = (start_ms + offset).div_euclid(DAY_MS);
        let count = i64::try_from(slot).unwrap_or(0);
        let working: Vec<i64> = (today + 1..today + 29).filter(|day| is_working_day(*day)).collect();
        let day = working[slot % working.len()];
        let hour = OPEN.start + (count / i64::try_from(working.len()).unwrap_or(1)) * 2 % (OPEN.end - OPEN.start);
        let begin = day * DAY_MS + hour * HOUR_MS - offset;
        let calendar = self.calendars[slot % self.calendars.len()].clone();
        let added = start_ms - DAY_MS - i64::try_from(self.dice.below(20 * DAY_MS.unsigned_abs())).unwrap_or(0);
        let appointment = Appointment {
            id: self.dice.id(),
            title: calendar.name.to_owned(),
            calendar_id: calendar.id,
            contact_id: contact_id.to_owned(),
            status: (*self.dice.pick(&["confirmed", "confirmed", "confirmed", "new", "cancelled"])).to_owned(),
            assigned_user_id: calendar.user_id,
            address: None,
            notes: self.dice.percent(20).then(|| "First visit".to_owned()),
            source: "booking_widget",
            start_ms: begin,
            end_ms: begin + SLOT_MS,
            date_added: added,
            date_updated: added,
        };
        self.appointments.insert(appointment.id.clone(), appointment);
    }
}

/// Monday to Friday; `day` counts from 1970-01-01, a Thursday.
pub(crate) fn is_working_day(day: i64) -> bool {
    (day + 3).rem_euclid(7) < 5
}

impl Appointment {
    /// The read shape, with the dates that answers of writes leave out.
    pub(crate) fn read(&self, place: &Place) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": place.id, "contactId": self.contact_id,
            "groupId": place.group_id, "appointmentStatus": self.status, "assignedUserId": self.assigned_user_id, "users": [],
            "notes": self.notes, "isRecurring": false, "startTime": rfc3339_at(self.start_ms, place.offset_hours),
            "endTime": rfc3339_at(self.end_ms, place.offset_hours), "dateAdded": rfc3339(self.date_added),
            "dateUpdated": rfc3339(self.date_updated), "assignedResources": [], "createdBy": {"userId": Value::Null, "source": self.source},
            "address": self.address,
        })
    }

    /// The answer of a write: bare, without dateAdded and dateUpdated (highlevel-api-docs#246).
    pub(crate) fn written(&self, place: &Place) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": place.id, "contactId": self.contact_id,
            "appointmentStatus": self.status, "assignedUserId": self.assigned_user_id, "address": self.address, "isRecurring": false,
            "startTime": rfc3339_at(self.start_ms, place.offset_hours), "endTime": rfc3339_at(self.end_ms, place.offset_hours),
        })
    }
}

impl Block {
    pub(crate) fn read(&self, place: &Place) -> Value {
        json!({
            "id": self.id, "title": self.title, "calendarId": self.calendar_id, "locationId": place.id, "assignedUserId": self.user_id,
            "startTime": rfc3339_at(self.start_ms, place.offset_hours), "endTime": rfc3339_at(self.end_ms, place.offset_hours),
            "dateAdded": rfc3339(self.date_added),
        })
    }
}

impl Calendar {
    pub(crate) fn read(&self, place: &Place) -> Value {
        json!({
            "id": self.id, "name": self.name, "locationId": place.id, "groupId": place.group_id, "isActive": true, "calendarType": "round_robin",
            "eventType": "RoundRobin_OptimizeForAvailability", "eventTitle": "{{contact.name}}", "eventColor": "#039be5",
            "slug": self.name.to_lowercase().replace(' ', "-"), "slotDuration": 30, "slotDurationUnit": "mins", "slotInterval": 30,
            "slotIntervalUnit": "mins", "appoinmentPerSlot": 1, "appoinmentPerDay": Value::Null, "autoConfirm": true,
            "teamMembers": [{"userId": self.user_id, "priority": 0.5, "isPrimary": true}],
            "openHours": [{"daysOfTheWeek": [1, 2, 3, 4, 5], "hours": [{"openHour": OPEN.start, "openMinute": 0, "closeHour": OPEN.end, "closeMinute": 0}]}],
        })
    }
}
