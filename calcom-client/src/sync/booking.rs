//! The record of a booking: its fields and their format.

use std::borrow::Cow;

use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, Doc, Mutation, RecordKey},
};

use crate::model::{Attendee, Booking, BookingUid, WireTime};

/// The record kind of a booking. The record's id is the booking's uid.
pub const BOOKING: &str = "booking";
/// The task kind that refetches a booking by its uid.
pub const READ_BOOKING: &str = "calcom.read_booking";
/// The record field with the e-mail addresses of the absent attendees.
pub const ABSENT_ATTENDEES: &str = "absentAttendees";
/// The record field with the time of the last event about absences. While it is set, [`ABSENT_ATTENDEES`] may be incomplete or
/// outdated, and the booking must be refetched; a refetch removes the field.
pub const ABSENCES_CHANGED: &str = "absencesChangedAt";
/// The record field that is `true` if the booking has seats. Its events cover one attendee only, so that they set no other field; the
/// booking must be refetched.
pub const HAS_SEATS: &str = "hasSeats";
/// The record field with the uid of the booking that this one replaces. `null` if it replaces none. Absent while unknown: events of
/// bookings that the host has to confirm, and events of cancellations, rejections and ended meetings, do not report it.
pub const MOVED_FROM: &str = "rescheduledFromUid";
/// The record field with the uid of the booking that replaces this one.
pub const MOVED_TO: &str = "rescheduledToUid";

/// The fields of the text search.
const SEARCHABLE: &[&str] = &["title"];
/// The record field with the attendees.
const ATTENDEES: &str = "attendees";
/// The field by which listings of records are sorted.
const POSITION: &str = "start";

/// Returns the change for a booking in a response to a write. `revision` is the stored record's revision before the request was sent (0
/// if none was stored).
pub fn written_booking(organization: &OrganizationId, booking: &Booking, asked_at: Timestamp, revision: u64) -> Change {
    fetched(organization, booking, asked_at, ChangeOrigin::Read { revision })
}

/// Returns the change for a fetched booking. Its version is the booking's update time, or `asked_at` without one.
pub(super) fn fetched(
    organization: &OrganizationId,
    booking: &Booking,
    asked_at: Timestamp,
    origin: ChangeOrigin,
) -> Change {
    let version = booking.updated_at.as_ref().and_then(WireTime::timestamp).unwrap_or(asked_at);
    change(organization, &booking.uid, version, origin, Mutation::Put(document(booking).into()))
}

/// Returns a change of a booking's record.
pub(super) fn change(
    organization: &OrganizationId,
    uid: &BookingUid,
    version: Timestamp,
    origin: ChangeOrigin,
    mutation: Mutation,
) -> Change {
    let position = match &mutation {
        Mutation::Put(document) => Some(start(document).unwrap_or(Timestamp::EPOCH)),
        // A webhook without the start does not change the position.
        Mutation::Patch(document) => start(document),
        Mutation::Delete => None,
    };
    Change {
        key: RecordKey { organization: organization.clone(), kind: Cow::Borrowed(BOOKING), id: uid.as_str().into() },
        location: None,
        version,
        origin,
        position,
        mutation,
        searchable: SEARCHABLE,
        refetch_task: Some(Cow::Borrowed(READ_BOOKING)),
        on_change: None,
    }
}

/// Returns the booking as the provider sent it, with times in UTC, and with only those fields of attendees that webhooks have too;
/// [`ABSENT_ATTENDEES`] is a separate field.
fn document(booking: &Booking) -> Doc {
    let Value::Object(mut document) = json!(booking) else { return Doc::new() };
    for (name, time) in [(POSITION, &booking.start), ("end", &booking.end)] {
        if let Some(time) = time {
            document.insert(name.to_owned(), json!(utc(time)));
        }
    }
    let attendees = booking.attendees.as_deref().unwrap_or_default();
    if booking.seat_uid.is_some() || attendees.iter().any(|one| one.seat_uid.is_some()) {
        document.insert(HAS_SEATS.to_owned(), json!(true));
    }
    let absent: Vec<_> = attendees.iter().filter(|one| one.absent == Some(true)).map(|one| &one.email).collect();
    document.entry(MOVED_FROM).or_insert(Value::Null);
    if let Some(id) = booking.event_type.as_ref().and_then(|event_type| event_type.id.as_ref()) {
        document.entry("eventTypeId").or_insert_with(|| json!(id));
    }
    // Attendees that could not be parsed stay as they were sent.
    if !booking.extra.contains_key(ATTENDEES) {
        document.insert(ABSENT_ATTENDEES.to_owned(), json!(absent));
        document.insert(ATTENDEES.to_owned(), attendees.iter().map(attendee).collect());
    }
    document
}

fn attendee(one: &Attendee) -> Value {
    person([
        ("name", &one.name),
        ("email", &one.email),
        ("timeZone", &one.time_zone),
        ("phoneNumber", &one.phone_number),
    ])
}

/// Returns a person with the fields that are not empty.
pub(super) fn person(fields: [(&str, &Option<String>); 4]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    Value::Object(present.filter(|(_, value)| value != "").collect())
}

/// Returns the time in UTC to the millisecond, so that equal times have equal texts; a time in an unknown format stays unchanged.
pub(super) fn utc(time: &WireTime) -> WireTime {
    time.timestamp().map_or_else(|| time.clone(), WireTime::from)
}

fn start(document: &Doc) -> Option<Timestamp> {
    document.get(POSITION)?.as_str()?.parse().ok()
}
