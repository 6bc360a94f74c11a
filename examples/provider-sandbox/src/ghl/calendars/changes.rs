//! Changing appointments and blocked slots, the same way for an API call and for somebody in the user interface.

use serde_json::{Map, Value};

use super::agenda::{Agenda, Appointment, Block, SLOT_MS};
use crate::clock::parse_moment;
use crate::ghl::error::ApiError;
use crate::ghl::shape::{self, Field, Kind, optional, required};
use crate::ghl::state::{Site, World};
use crate::ghl::webhooks;
use crate::lock;

use Kind::{Bool, OneOf, Text};

const STATUS: &[&str] = &["new", "confirmed", "cancelled", "showed", "noshow", "invalid"];
const PLACES: &[&str] = &["custom", "zoom", "gmeet", "phone", "address", "ms_teams", "google"];

const UPDATE: &[Field] = &[
    optional("title", Text),
    optional("meetingLocationType", OneOf(PLACES)),
    optional("meetingLocationId", Text),
    optional("overrideLocationConfig", Bool),
    optional("appointmentStatus", OneOf(STATUS)),
    optional("assignedUserId", Text),
    optional("description", Text),
    optional("address", Text),
    optional("ignoreDateRange", Bool),
    optional("toNotify", Bool),
    optional("ignoreFreeSlotValidation", Bool),
    optional("rrule", Text),
    optional("endTime", Text),
];
const CREATE_TOO: &[Field] = &[
    required("calendarId", Text),
    required("locationId", Text),
    required("contactId", Text),
    required("startTime", Text),
];
const UPDATE_TOO: &[Field] = &[optional("calendarId", Text), optional("startTime", Text)];

const BLOCK: &[Field] = &[
    required("locationId", Text),
    optional("calendarId", Text),
    optional("assignedUserId", Text),
    required("startTime", Text),
    required("endTime", Text),
    optional("title", Text),
];

pub(crate) fn check_create(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, &[UPDATE, CREATE_TOO].concat())
}

pub(crate) fn check_update(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, &[UPDATE, UPDATE_TOO].concat())
}

pub(crate) fn check_block(body: &Map<String, Value>) -> Result<(), ApiError> {
    shape::check(body, BLOCK)
}

/// Books an appointment for a contact of the location, on a free slot unless told to ignore that.
pub(crate) fn create(world: &World, site: &Site, body: &Map<String, Value>) -> Result<Appointment, ApiError> {
    let contact_id = text(body, "contactId").unwrap_or_default().to_owned();
    if lock(&site.directory).get(&contact_id).is_none() {
        return Err(ApiError::bad_request(format!("Contact with id {contact_id} not found")));
    }
    let now_ms = world.clock.now_ms();
    let appointment = {
        let mut agenda = lock(&site.agenda);
        let calendar_id = text(body, "calendarId").unwrap_or_default();
        let calendar = agenda.calendar(calendar_id).cloned().ok_or_else(|| missing_calendar(calendar_id))?;
        let start_ms = moment(body, "startTime")?.unwrap_or(now_ms);
        let mut appointment = Appointment {
            id: agenda.new_id(),
            calendar_id: calendar.id,
            contact_id,
            title: calendar.name.to_owned(),
            status: "confirmed".to_owned(),
            assigned_user_id: calendar.user_id,
            address: None,
            notes: None,
            source: "third_party",
            start_ms,
            end_ms: start_ms + SLOT_MS,
            date_added: now_ms,
            date_updated: now_ms,
        };
        apply(&agenda, &mut appointment, body)?;
        agenda.appointments.insert(appointment.id.clone(), appointment.clone());
        appointment
    };
    webhooks::appointment(world, site, "AppointmentCreate", &appointment);
    Ok(appointment)
}

/// Changes an appointment's given fields.
pub(crate) fn update(world: &World, site: &Site, id: &str, body: &Map<String, Value>) -> Result<Appointment, ApiError> {
    let appointment = {
        let mut agenda = lock(&site.agenda);
        let mut appointment = agenda.appointments.get(id).cloned().ok_or_else(|| missing_event(id))?;
        if let Some(start_ms) = moment(body, "startTime")? {
            let length = appointment.end_ms - appointment.start_ms;
            (appointment.start_ms, appointment.end_ms) = (start_ms, start_ms + length);
        }
        if let Some(calendar_id) = text(body, "calendarId") {
            appointment.calendar_id = agenda
                .calendar(calendar_id)
                .map(|calendar| calendar.id.clone())
                .ok_or_else(|| missing_calendar(calendar_id))?;
        }
        apply(&agenda, &mut appointment, body)?;
        appointment.date_updated = world.clock.now_ms();
        agenda.appointments.insert(appointment.id.clone(), appointment.clone());
        appointment
    };
    webhooks::appointment(world, site, "AppointmentUpdate", &appointment);
    Ok(appointment)
}

/// Removes an appointment (with its webhook) or a blocked slot (without one).
pub(crate) fn delete(world: &World, site: &Site, id: &str) -> Result<(), ApiError> {
    let (appointment, block) = {
        let mut agenda = lock(&site.agenda);
        (agenda.appointments.remove(id), agenda.blocks.remove(id))
    };
    match (appointment, block) {
        (Some(appointment), _) => webhooks::appointment(world, site, "AppointmentDelete", &appointment),
        (None, Some(_)) => {}
        (None, None) => return Err(missing_event(id)),
    }
    Ok(())
}

/// Blocks a time of a calendar or of a user, not of both (highlevel-api-docs#23).
pub(crate) fn block(world: &World, site: &Site, body: &Map<String, Value>) -> Result<Block, ApiError> {
    let owned = |name| text(body, name).map(str::to_owned);
    let (calendar_id, user_id) = (owned("calendarId"), owned("assignedUserId"));
    if calendar_id.is_some() == user_id.is_some() {
        return Err(wrong("one of calendarId and assignedUserId is required, not both"));
    }
    let (start_ms, end_ms) = (moment(body, "startTime")?.unwrap_or(0), moment(body, "endTime")?.unwrap_or(0));
    ordered(start_ms, end_ms)?;
    let mut agenda = lock(&site.agenda);
    let title = owned("title").unwrap_or_else(|| "Blocked".to_owned());
    let block =
        Block { id: agenda.new_id(), title, calendar_id, user_id, start_ms, end_ms, date_added: world.clock.now_ms() };
    agenda.blocks.insert(block.id.clone(), block.clone());
    Ok(block)
}

fn apply(agenda: &Agenda, appointment: &mut Appointment, body: &Map<String, Value>) -> Result<(), ApiError> {
    let set = |field: &mut String, name| {
        if let Some(value) = text(body, name) {
            value.clone_into(field);
        }
    };
    set(&mut appointment.title, "title");
    set(&mut appointment.status, "appointmentStatus");
    set(&mut appointment.assigned_user_id, "assignedUserId");
    if let Some(address) = text(body, "address") {
        appointment.address = Some(address.to_owned());
    }
    if let Some(notes) = text(body, "description") {
        appointment.notes = Some(notes.to_owned());
    }
    if let Some(end_ms) = moment(body, "endTime")? {
        appointment.end_ms = end_ms;
    }
    ordered(appointment.start_ms, appointment.end_ms)?;
    let moved = body.contains_key("startTime") || body.contains_key("endTime") || body.contains_key("calendarId");
    let ignores = body.get("ignoreFreeSlotValidation").and_then(Value::as_bool).unwrap_or(false);
    let calendar =
        agenda.calendar(&appointment.calendar_id).ok_or_else(|| missing_calendar(&appointment.calendar_id))?;
    if moved
        && !ignores
        && appointment.status != "cancelled"
        && !agenda.is_free(calendar, appointment.start_ms, appointment.end_ms, Some(&appointment.id))
    {
        return Err(ApiError::bad_request("The slot you have selected is no longer available."));
    }
    Ok(())
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn moment(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, ApiError> {
    text(body, name)
        .map(|text| {
            parse_moment(text)
                .ok_or_else(|| wrong(&format!("{name} must be a valid ISO 8601 date string with an offset")))
        })
        .transpose()
}

fn ordered(start_ms: i64, end_ms: i64) -> Result<(), ApiError> {
    if end_ms > start_ms { Ok(()) } else { Err(wrong("endTime must be after startTime")) }
}

/// The 400 for an id that is not there.
pub(crate) fn missing_event(id: &str) -> ApiError {
    ApiError::bad_request(format!("Event with id {id} not found"))
}

fn missing_calendar(id: &str) -> ApiError {
    ApiError::bad_request(format!("Calendar with id {id} not found"))
}

fn wrong(message: &str) -> ApiError {
    ApiError::unprocessable(vec![message.to_owned()])
}
