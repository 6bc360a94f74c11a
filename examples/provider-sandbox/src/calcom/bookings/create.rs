//! Making a booking: the body, what is checked of it, and a seat in one that is there.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::record::{Booking, Guest, Status, title};
use crate::calcom::account::Account;
use crate::calcom::availability::{Search, Span};
use crate::calcom::error::ApiError;
use crate::calcom::event_types::EventType;
use crate::calcom::shape;
use crate::calcom::state::World;
use crate::calcom::webhooks::{self, Told};
use crate::lock;

/// Most keys of metadata, and most characters of a key and of a value.
const METADATA: (usize, usize, usize) = (50, 40, 500);

/// Who books; the fields of `attendee`.
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
pub(crate) struct NewBooking {
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

impl NewBooking {
    fn check(&self) -> Result<(), ApiError> {
        let attendee = &self.attendee;
        shape::zone("attendee.timeZone", &attendee.time_zone)?;
        if attendee.name.trim().is_empty() {
            return Err(ApiError::invalid("attendee.name", "name should not be empty"));
        }
        let reachable = attendee.email.as_deref().or(attendee.phone_number.as_deref());
        if reachable.is_none_or(|text| text.trim().is_empty()) {
            return Err(ApiError::invalid("attendee.email", "email must be an email, or phoneNumber be given"));
        }
        if attendee.email.as_deref().is_some_and(|email| !email.contains('@')) {
            return Err(ApiError::invalid("attendee.email", "email must be an email"));
        }
        let (keys, key_chars, value_chars) = METADATA;
        let fits = |(key, value): (&String, &Value)| {
            key.chars().count() <= key_chars
                && value.as_str().is_none_or(|text| text.chars().count() <= value_chars)
                && (value.is_string() || value.is_number() || value.is_boolean())
        };
        match self.metadata.len() <= keys && self.metadata.iter().all(fits) {
            true => Ok(()),
            false => Err(ApiError::invalid(
                "metadata",
                "metadata has at most 50 keys of 40 characters, and strings of 500 characters as values",
            )),
        }
    }
}

/// Books. Flags that overrule the schedule count when the host asks.
pub(crate) fn create(world: &World, wish: &NewBooking, is_host: bool) -> Result<Value, ApiError> {
    wish.check()?;
    let start_ms = shape::utc("start", &wish.start)?;
    let now_ms = world.clock.now_ms();
    let mut account = lock(&world.account);
    let (slug, username) = (wish.event_type_slug.as_deref(), wish.username.as_deref());
    let event_type = account.selected(wish.event_type_id, slug, username)?.clone();
    if event_type.booking_requires_authentication && !is_host {
        return Err(ApiError::unauthorized("This event type requires authentication to be booked."));
    }
    let length_ms = event_type.length_ms("lengthInMinutes", wish.length_in_minutes)?;
    let span = Span::of(start_ms, length_ms);
    let out_of_bounds = is_host && wish.allow_booking_out_of_bounds;
    if start_ms < now_ms && !out_of_bounds {
        return Err(ApiError::bad_request("Attempting to book a meeting in the past."));
    }
    let shared = match is_host && wish.allow_conflicts {
        true => None,
        false => {
            // Out of bounds a booking may be in the past, but it has to be free all the same.
            let now_ms = if out_of_bounds { now_ms.min(start_ms) } else { now_ms };
            let search = Search { event_type: &event_type, length_ms, now_ms, moving: None };
            account.bookable(search, span)?.map(|booking| booking.uid.clone())
        }
    };
    let guest = guest(&mut account, &wish.attendee, event_type.seats().is_some());
    match shared {
        Some(uid) => join(world, &mut account, &uid, guest, now_ms),
        None => Ok(book(world, &mut account, &event_type, span, guest, wish)),
    }
}

fn guest(account: &mut Account, attendee: &NewAttendee, seated: bool) -> Guest {
    let email = attendee.email.clone().unwrap_or_else(|| {
        // The provider makes an address up for who has a phone only.
        let digits: String =
            attendee.phone_number.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).collect();
        format!("{digits}@sms.cal.com")
    });
    Guest {
        id: account.new_id(),
        name: attendee.name.clone(),
        email,
        phone: attendee.phone_number.clone(),
        time_zone: attendee.time_zone.clone(),
        language: attendee.language.clone().unwrap_or_else(|| "en".to_owned()),
        absent: false,
        seat_uid: seated.then(|| account.new_uuid()),
    }
}

fn book(
    world: &World,
    account: &mut Account,
    event_type: &EventType,
    span: Span,
    guest: Guest,
    wish: &NewBooking,
) -> Value {
    let now_ms = world.clock.now_ms();
    let mut responses = wish.booking_fields_responses.clone();
    responses.insert("name".to_owned(), json!(guest.name));
    responses.insert("email".to_owned(), json!(guest.email));
    if let Some(phone) = &guest.phone {
        responses.insert("attendeePhoneNumber".to_owned(), json!(phone));
    }
    let pending = event_type.needs_confirmation();
    let seat_uid = guest.seat_uid.clone();
    let booking = Booking {
        id: account.new_id(),
        uid: account.new_uid(),
        event_type_id: event_type.id,
        slug: event_type.slug.clone(),
        title: title(event_type, &account.me.name, &guest.name),
        description: event_type.description.clone(),
        status: if pending { Status::Pending } else { Status::Accepted },
        span,
        attendees: vec![guest],
        guests: wish.guests.clone(),
        metadata: wish.metadata.clone(),
        responses,
        location: place(wish.location.as_ref()),
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
    webhooks::booking(world, account, if pending { Told::Requested } else { Told::Created }, &booking);
    let shown = with_seat(booking.read(account), seat_uid);
    account.bookings.insert(booking.id, booking);
    shown
}

/// Takes another seat of a booking.
fn join(world: &World, account: &mut Account, uid: &str, guest: Guest, now_ms: i64) -> Result<Value, ApiError> {
    let seat_uid = guest.seat_uid.clone();
    let booking = account.booking_mut(uid)?;
    booking.attendees.push(guest.clone());
    booking.updated_ms = now_ms;
    let booking = booking.clone();
    // Events of seats tell of the one that is concerned.
    webhooks::booking(world, account, Told::Created, &Booking { attendees: vec![guest], ..booking.clone() });
    Ok(with_seat(booking.read(account), seat_uid))
}

fn with_seat(mut shown: Value, seat_uid: Option<String>) -> Value {
    if let Some(uid) = seat_uid {
        shown["seatUid"] = json!(uid);
    }
    shown
}

/// Where it takes place, as bookings write it.
fn place(location: Option<&Value>) -> String {
    let text = |name: &str| location.and_then(|location| location.get(name)).and_then(Value::as_str);
    let own = ["address", "location", "phone"].into_iter().find_map(text);
    let integration = || text("integration").map(|name| format!("integrations:{name}"));
    own.map(str::to_owned).or_else(integration).unwrap_or_else(|| "integrations:daily".to_owned())
}
