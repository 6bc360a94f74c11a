//! From a booking to a change: which fields of it are kept in which form.

use std::borrow::Cow;

use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, Doc, Mutation, RecordKey},
};

use crate::model::{Attendee, Booking, BookingUid, WireTime};

/// The kind of a booking's record. Its id is the booking's uid.
pub const BOOKING: &str = "booking";
/// The task that reads a booking by its uid.
pub const READ_BOOKING: &str = "calcom.read_booking";
/// The field of a record that has the e-mail addresses of those attendees who did not come.
pub const ABSENT_ATTENDEES: &str = "absentAttendees";
/// The field of a record that says when an event last told of absences. While it is there, [`ABSENT_ATTENDEES`] may lack some, or name
/// some who came after all: who did not come has to be read, and a read takes it away.
pub const ABSENCES_CHANGED: &str = "absencesChangedAt";
/// The field of a record that is `true` when the booking has seats: its events tell of one attendee only, and say no more of it here
/// than that; how it stands has to be read.
pub const HAS_SEATS: &str = "hasSeats";
/// The field of a record that names the booking that it took the place of. `null`: it took nobody's; absent: nobody has told yet, as
/// the events of bookings that the host has to confirm do not, nor those of ends.
pub const MOVED_FROM: &str = "rescheduledFromUid";
/// The field of a record that names the booking that took its place.
pub const MOVED_TO: &str = "rescheduledToUid";

/// The fields a person searches by.
const SEARCHABLE: &[&str] = &["title"];
/// Who comes.
const ATTENDEES: &str = "attendees";
/// Where a booking stands in listings.
const POSITION: &str = "start";

/// The change that a booking makes which the provider answered, when the stored record's revision was `revision` before the request
/// left (0: none was stored).
pub fn written_booking(organization: &OrganizationId, booking: &Booking, asked_at: Timestamp, revision: u64) -> Change {
    fetched(organization, booking, asked_at, ChangeOrigin::Read { revision })
}

/// The change that a fetched booking makes. Its version is its update time; one that has none counts as of `asked_at`.
pub(super) fn fetched(
    organization: &OrganizationId,
    booking: &Booking,
    asked_at: Timestamp,
    origin: ChangeOrigin,
) -> Change {
    let version = booking.updated_at.as_ref().and_then(WireTime::timestamp).unwrap_or(asked_at);
    change(organization, &booking.uid, version, origin, Mutation::Put(document(booking).into()))
}

/// A change of a booking's record.
pub(super) fn change(
    organization: &OrganizationId,
    uid: &BookingUid,
    version: Timestamp,
    origin: ChangeOrigin,
    effect: Mutation,
) -> Change {
    let position = match &effect {
        Mutation::Put(document) => Some(place(document).unwrap_or(Timestamp::EPOCH)),
        // A webhook that does not carry the start leaves it as it is.
        Mutation::Patch(document) => place(document),
        Mutation::Delete => None,
    };
    Change {
        key: RecordKey { organization: organization.clone(), kind: Cow::Borrowed(BOOKING), id: uid.as_str().into() },
        location: None,
        version,
        origin,
        position,
        mutation: effect,
        searchable: SEARCHABLE,
        refetch_task: Some(Cow::Borrowed(READ_BOOKING)),
        on_change: None,
    }
}

/// As the provider answers it, with times in UTC and of attendees what webhooks tell too; who did not come stands beside them.
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
    if let Some(id) = booking.event_type.as_ref().and_then(|own| own.id.as_ref()) {
        document.entry("eventTypeId").or_insert_with(|| json!(id));
    }
    // Attendees that could not be read stay as they were sent.
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

/// Somebody, by the fields that are told.
pub(super) fn person(fields: [(&str, &Option<String>); 4]) -> Value {
    let told = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
    Value::Object(told.filter(|(_, value)| value != "").collect())
}

/// In UTC to the millisecond, so that the same time is written the same way; a time in an unknown format stays as it is.
pub(super) fn utc(time: &WireTime) -> WireTime {
    time.timestamp().map_or_else(|| time.clone(), WireTime::from)
}

fn place(document: &Doc) -> Option<Timestamp> {
    document.get(POSITION)?.as_str()?.parse().ok()
}
