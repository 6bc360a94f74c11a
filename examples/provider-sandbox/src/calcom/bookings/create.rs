//! Creates bookings: validates the body, checks availability, and adds a seat to an existing booking where the event type has seats.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::record::{Booking, BookingAttendee, Status, title};
use crate::calcom::account::Account;
use crate::calcom::availability::{SlotQuery, TimeRange};
use crate::calcom::event_types::EventType;
use crate::calcom::response::ApiError;
use crate::calcom::schema;
use crate::calcom::state::CalcomState;
use crate::calcom::webhooks::{self, BookingEvent};
use crate::lock;

const MAX_METADATA_KEYS: usize = 50;
const MAX_METADATA_KEY_CHARS: usize = 40;
const MAX_METADATA_VALUE_CHARS: usize = 500;

/// The attendee of a create.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewAttendee {
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) email: Option<String>,
    pub(crate) phone_number: Option<String>,
    pub(crate) language: Option<String>,
}

/// The body of a create.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateBookingRequest {
    pub(crate) start: String,
    pub(crate) attendee: NewAttendee,
    pub(crate) event_type_id: Option<i64>,
    pub(crate) event_type_slug: Option<String>,
    pub(crate) username: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Map<String, Value>,
    #[serde(default)]
    pub(crate) booking_fields_responses: Map<String, Value>,
    #[serde(default)]
    pub(crate) guests: Vec<String>,
    pub(crate) location: Option<Value>,
    pub(crate) length_in_minutes: Option<i64>,
    #[serde(default)]
    pub(crate) allow_conflicts: bool,
    #[serde(default)]
    pub(crate) allow_booking_out_of_bounds: bool,
}

impl CreateBookingRequest {
    fn validate(&self) -> Result<(), ApiError> {
        let attendee = &self.attendee;
        schema::time_zone("attendee.timeZone", &attendee.time_zone)?;
        if attendee.name.trim().is_empty() {
            return Err(ApiError::invalid("attendee.name", "name should not be empty"));
        }
        let contact_point = attendee.email.as_deref().or(attendee.phone_number.as_deref());
        if contact_point.is_none_or(|text| text.trim().is_empty()) {
            return Err(ApiError::invalid("attendee.email", "email must be an email, or phoneNumber be given"));
        }
        if attendee.email.as_deref().is_some_and(|email| !email.contains('@')) {
            return Err(ApiError::invalid("attendee.email", "email must be an email"));
        }
        let is_valid = |(key, value): (&String, &Value)| {
            key.chars().count() <= MAX_METADATA_KEY_CHARS
                && value.as_str().is_none_or(|text| text.chars().count() <= MAX_METADATA_VALUE_CHARS)
                && (value.is_string() || value.is_number() || value.is_boolean())
        };
        match self.metadata.len() <= MAX_METADATA_KEYS && self.metadata.iter().all(is_valid) {
            true => Ok(()),
            false => Err(ApiError::invalid(
                "metadata",
                "metadata has at most 50 keys of 40 characters, and strings of 500 characters as values",
            )),
        }
    }
}

/// Creates a booking. The flags that override the schedule apply only if the host asks.
pub(crate) fn create(state: &CalcomState, request: &CreateBookingRequest, is_host: bool) -> Result<Value, ApiError> {
    request.validate()?;
    let start_ms = schema::utc_timestamp("start", &request.start)?;
    let now_ms = state.clock.now_ms();
    let mut account = lock(&state.account);
    let (slug, username) = (request.event_type_slug.as_deref(), request.username.as_deref());
    let event_type = account.find_event_type(request.event_type_id, slug, username)?.clone();
    if event_type.booking_requires_authentication && !is_host {
        return Err(ApiError::unauthorized("This event type requires authentication to be booked."));
    }
    let length_ms = event_type.length_ms("lengthInMinutes", request.length_in_minutes)?;
    let range = TimeRange::starting_at(start_ms, length_ms);
    let out_of_bounds = is_host && request.allow_booking_out_of_bounds;
    if start_ms < now_ms && !out_of_bounds {
        return Err(ApiError::bad_request("Attempting to book a meeting in the past."));
    }
    let shared_booking = match is_host && request.allow_conflicts {
        true => None,
        false => {
            // An out-of-bounds booking may be in the past, but its time must be free.
            let now_ms = if out_of_bounds { now_ms.min(start_ms) } else { now_ms };
            let query = SlotQuery { event_type: &event_type, length_ms, now_ms, rescheduled_uid: None };
            account.check_bookable(query, range)?.map(|booking| booking.uid.clone())
        }
    };
    let attendee = new_attendee(&mut account, &request.attendee, event_type.seats().is_some());
    match shared_booking {
        Some(uid) => add_seat(state, &mut account, &uid, attendee, now_ms),
        None => Ok(insert_booking(state, &mut account, &event_type, range, attendee, request)),
    }
}

fn new_attendee(account: &mut Account, attendee: &NewAttendee, has_seat: bool) -> BookingAttendee {
    let email = attendee.email.clone().unwrap_or_else(|| {
        // The provider derives an address for attendees without one.
        let digits: String =
            attendee.phone_number.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).collect();
        format!("{digits}@sms.cal.com")
    });
    BookingAttendee {
        id: account.new_id(),
        name: attendee.name.clone(),
        email,
        phone: attendee.phone_number.clone(),
        time_zone: attendee.time_zone.clone(),
        language: attendee.language.clone().unwrap_or_else(|| "en".to_owned()),
        absent: false,
        seat_uid: has_seat.then(|| account.new_uuid()),
    }
}

fn insert_booking(
    state: &CalcomState,
    account: &mut Account,
    event_type: &EventType,
    range: TimeRange,
    attendee: BookingAttendee,
    request: &CreateBookingRequest,
) -> Value {
    let now_ms = state.clock.now_ms();
    let mut responses = request.booking_fields_responses.clone();
    responses.insert("name".to_owned(), json!(attendee.name));
    responses.insert("email".to_owned(), json!(attendee.email));
    if let Some(phone) = &attendee.phone {
        responses.insert("attendeePhoneNumber".to_owned(), json!(phone));
    }
    let pending = event_type.needs_confirmation();
    let seat_uid = attendee.seat_uid.clone();
    let booking = Booking {
        id: account.new_id(),
        uid: account.new_uid(),
        event_type_id: event_type.id,
        slug: event_type.slug.clone(),
        title: title(event_type, &account.me.name, &attendee.name),
        description: event_type.description.clone(),
        status: if pending { Status::Pending } else { Status::Accepted },
        range,
        attendees: vec![attendee],
        guests: request.guests.clone(),
        metadata: request.metadata.clone(),
        responses,
        location: booking_location(request.location.as_ref()),
        created_ms: now_ms,
        updated_ms: now_ms,
        absent_host: false,
        cancellation_reason: None,
        cancelled_by: None,
        rejection_reason: None,
        rescheduling_reason: None,
        rescheduled_by: None,
        from_uid: None,
        to_uid: None,
        sequence: 0,
    };
    let event = if pending { BookingEvent::Requested } else { BookingEvent::Created };
    webhooks::booking(state, account, event, &booking);
    let json = with_seat_uid(booking.to_json(account), seat_uid);
    account.bookings.insert(booking.id, booking);
    json
}

/// Adds an attendee to a booking with free seats.
fn add_seat(
    state: &CalcomState,
    account: &mut Account,
    uid: &str,
    attendee: BookingAttendee,
    now_ms: i64,
) -> Result<Value, ApiError> {
    let seat_uid = attendee.seat_uid.clone();
    let booking = account.booking_mut(uid)?;
    booking.attendees.push(attendee.clone());
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    // The event contains only the new attendee.
    let event_booking = Booking { attendees: vec![attendee], ..booking.clone() };
    webhooks::booking(state, account, BookingEvent::Created, &event_booking);
    Ok(with_seat_uid(booking.to_json(account), seat_uid))
}

fn with_seat_uid(mut json: Value, seat_uid: Option<String>) -> Value {
    if let Some(uid) = seat_uid {
        json["seatUid"] = json!(uid);
    }
    json
}

/// Returns the requested location in the format of bookings.
fn booking_location(location: Option<&Value>) -> String {
    let text = |name: &str| location.and_then(|location| location.get(name)).and_then(Value::as_str);
    let explicit = ["address", "location", "phone"].into_iter().find_map(text);
    let integration = || text("integration").map(|name| format!("integrations:{name}"));
    explicit.map(str::to_owned).or_else(integration).unwrap_or_else(|| "integrations:daily".to_owned())
}
