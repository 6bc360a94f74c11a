//! Writes appointments and blocked slots, for API calls and the in-process API.

use serde_json::{Map, Value};

use super::appointment_store::{Appointment, AppointmentStore, Block, SLOT_MS};
use crate::clock::parse_timestamp;
use crate::ghl::response::ApiError;
use crate::ghl::schema::{self, Field, FieldType, optional, required, text};
use crate::ghl::state::{GhlState, Location};
use crate::ghl::webhooks;
use crate::lock;

use FieldType::{Bool, OneOf, Text};

const STATUSES: &[&str] = &["new", "confirmed", "cancelled", "showed", "noshow", "invalid"];
const LOCATION_TYPES: &[&str] = &["custom", "zoom", "gmeet", "phone", "address", "ms_teams", "google"];

const UPDATE: &[Field] = &[
    optional("title", Text),
    optional("meetingLocationType", OneOf(LOCATION_TYPES)),
    optional("meetingLocationId", Text),
    optional("overrideLocationConfig", Bool),
    optional("appointmentStatus", OneOf(STATUSES)),
    optional("assignedUserId", Text),
    optional("description", Text),
    optional("address", Text),
    optional("ignoreDateRange", Bool),
    optional("toNotify", Bool),
    optional("ignoreFreeSlotValidation", Bool),
    optional("rrule", Text),
    optional("endTime", Text),
];
const CREATE_EXTRA: &[Field] = &[
    required("calendarId", Text),
    required("locationId", Text),
    required("contactId", Text),
    required("startTime", Text),
];
const UPDATE_EXTRA: &[Field] = &[optional("calendarId", Text), optional("startTime", Text)];

const BLOCK: &[Field] = &[
    required("locationId", Text),
    optional("calendarId", Text),
    optional("assignedUserId", Text),
    required("startTime", Text),
    required("endTime", Text),
    optional("title", Text),
];

pub(crate) fn validate_create(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, &[UPDATE, CREATE_EXTRA].concat())
}

pub(crate) fn validate_update(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, &[UPDATE, UPDATE_EXTRA].concat())
}

pub(crate) fn validate_block(body: &Map<String, Value>) -> Result<(), ApiError> {
    schema::validate(body, BLOCK)
}

/// Creates an appointment for a contact of the location, in a free slot unless the body disables the check.
pub(crate) fn create(
    state: &GhlState,
    location: &Location,
    body: &Map<String, Value>,
) -> Result<Appointment, ApiError> {
    let contact_id = text(body, "contactId").unwrap_or_default().to_owned();
    if lock(&location.contact_store).get(&contact_id).is_none() {
        return Err(ApiError::bad_request(format!("Contact with id {contact_id} not found")));
    }
    let now_ms = state.clock.now_ms();
    let appointment = {
        let mut appointment_store = lock(&location.appointment_store);
        let calendar_id = text(body, "calendarId").unwrap_or_default();
        let calendar =
            appointment_store.calendar(calendar_id).cloned().ok_or_else(|| calendar_not_found(calendar_id))?;
        let start_ms = timestamp(body, "startTime")?.unwrap_or(now_ms);
        let mut appointment = Appointment {
            id: appointment_store.new_id(),
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
        apply(&appointment_store, &mut appointment, body)?;
        appointment_store.appointments.insert(appointment.id.clone(), appointment.clone());
        appointment
    };
    webhooks::appointment(state, location, "AppointmentCreate", &appointment);
    Ok(appointment)
}

/// Updates the fields of an appointment that the body contains.
pub(crate) fn update(
    state: &GhlState,
    location: &Location,
    id: &str,
    body: &Map<String, Value>,
) -> Result<Appointment, ApiError> {
    let appointment = {
        let mut appointment_store = lock(&location.appointment_store);
        let mut appointment = appointment_store.appointments.get(id).cloned().ok_or_else(|| event_not_found(id))?;
        if let Some(start_ms) = timestamp(body, "startTime")? {
            let length = appointment.end_ms - appointment.start_ms;
            (appointment.start_ms, appointment.end_ms) = (start_ms, start_ms + length);
        }
        if let Some(calendar_id) = text(body, "calendarId") {
            appointment.calendar_id = appointment_store
                .calendar(calendar_id)
                .map(|calendar| calendar.id.clone())
                .ok_or_else(|| calendar_not_found(calendar_id))?;
        }
        apply(&appointment_store, &mut appointment, body)?;
        appointment.date_updated = state.clock.now_ms();
        appointment_store.appointments.insert(appointment.id.clone(), appointment.clone());
        appointment
    };
    webhooks::appointment(state, location, "AppointmentUpdate", &appointment);
    Ok(appointment)
}

/// Deletes an appointment, which has a webhook, or a blocked slot, which has none.
pub(crate) fn delete(state: &GhlState, location: &Location, id: &str) -> Result<(), ApiError> {
    let (appointment, block) = {
        let mut appointment_store = lock(&location.appointment_store);
        (appointment_store.appointments.remove(id), appointment_store.blocks.remove(id))
    };
    match (appointment, block) {
        (Some(appointment), _) => webhooks::appointment(state, location, "AppointmentDelete", &appointment),
        (None, Some(_)) => {}
        (None, None) => return Err(event_not_found(id)),
    }
    Ok(())
}

/// Blocks a time of either a calendar or a user (highlevel-api-docs#23).
pub(crate) fn block(state: &GhlState, location: &Location, body: &Map<String, Value>) -> Result<Block, ApiError> {
    let optional_text = |name| text(body, name).map(str::to_owned);
    let (calendar_id, user_id) = (optional_text("calendarId"), optional_text("assignedUserId"));
    if calendar_id.is_some() == user_id.is_some() {
        return Err(ApiError::invalid("one of calendarId and assignedUserId is required, not both"));
    }
    let (start_ms, end_ms) = (timestamp(body, "startTime")?.unwrap_or(0), timestamp(body, "endTime")?.unwrap_or(0));
    check_order(start_ms, end_ms)?;
    let mut appointment_store = lock(&location.appointment_store);
    let title = optional_text("title").unwrap_or_else(|| "Blocked".to_owned());
    let block = Block {
        id: appointment_store.new_id(),
        title,
        calendar_id,
        user_id,
        start_ms,
        end_ms,
        date_added: state.clock.now_ms(),
    };
    appointment_store.blocks.insert(block.id.clone(), block.clone());
    Ok(block)
}

fn apply(
    appointment_store: &AppointmentStore,
    appointment: &mut Appointment,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
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
    if let Some(end_ms) = timestamp(body, "endTime")? {
        appointment.end_ms = end_ms;
    }
    check_order(appointment.start_ms, appointment.end_ms)?;
    let is_moved = body.contains_key("startTime") || body.contains_key("endTime") || body.contains_key("calendarId");
    let skips_check = body.get("ignoreFreeSlotValidation").and_then(Value::as_bool).unwrap_or(false);
    let calendar = appointment_store
        .calendar(&appointment.calendar_id)
        .ok_or_else(|| calendar_not_found(&appointment.calendar_id))?;
    if is_moved
        && !skips_check
        && appointment.status != "cancelled"
        && !appointment_store.is_free(calendar, appointment.start_ms, appointment.end_ms, Some(&appointment.id))
    {
        return Err(ApiError::bad_request("The slot you have selected is no longer available."));
    }
    Ok(())
}

fn timestamp(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, ApiError> {
    text(body, name)
        .map(|text| {
            parse_timestamp(text)
                .ok_or_else(|| ApiError::invalid(format!("{name} must be a valid ISO 8601 date string with an offset")))
        })
        .transpose()
}

fn check_order(start_ms: i64, end_ms: i64) -> Result<(), ApiError> {
    if end_ms > start_ms { Ok(()) } else { Err(ApiError::invalid("endTime must be after startTime")) }
}

/// Returns the 400 for an unknown event id.
pub(crate) fn event_not_found(id: &str) -> ApiError {
    ApiError::bad_request(format!("Event with id {id} not found"))
}

fn calendar_not_found(id: &str) -> ApiError {
    ApiError::bad_request(format!("Calendar with id {id} not found"))
}
