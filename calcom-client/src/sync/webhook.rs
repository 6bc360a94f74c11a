//! What a webhook changes in stored bookings.

use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, Doc, Effect},
};

use super::booking::{ABSENT_ATTENDEES, HAS_SEATS, MOVED_FROM, MOVED_TO, change, person, utc};
use crate::{
    model::{BookingStatus, BookingUid, WireTime},
    webhook::{BookingPayload, CalcomEvent, MeetingPayload, NoShowPayload, Person, WebhookStatus},
};

/// The changes that an event makes to the bookings of an organization; none for events of other things, and for those that were
/// not understood. A move changes two: the new booking, and the one it took the place of.
///
/// A change carries only the fields that the event carries. Its version is the event's own time, or `received_at` when it has
/// none. A booking that has to be paid waits (`pending`) from its making until it is; its other events, which call it accepted whether it
/// is paid or not, leave its status as it is stored. Of one with seats nothing is told but that it has some.
pub fn webhook_changes(event: &CalcomEvent, organization: &OrganizationId, received_at: Timestamp) -> Vec<Change> {
    let version = event.happened_at().unwrap_or(received_at);
    let patch = |(uid, fields): (BookingUid, Doc)| {
        change(organization, &uid, version, ChangeOrigin::Webhook, Effect::Patch(fields.into()))
    };
    patches(event).into_iter().map(patch).collect()
}

/// Of the payload of a booking with seats: how many there are.
const SEATS: &str = "seatsPerTimeSlot";

fn patches(event: &CalcomEvent) -> Vec<(BookingUid, Doc)> {
    let document = event.document();
    if document.get(SEATS).is_some_and(|seats| !seats.is_null())
        && let Some(uid) = event.booking_uid()
    {
        let fields = [("uid".to_owned(), json!(uid)), (HAS_SEATS.to_owned(), json!(true))];
        return vec![(uid, fields.into_iter().collect())];
    }
    match event {
        CalcomEvent::BookingCreated(event) => vec![created(&event.data)],
        CalcomEvent::BookingPaymentInitiated(event) => vec![unpaid(&event.data)],
        CalcomEvent::BookingRequested(event)
        | CalcomEvent::BookingLocationUpdated(event)
        | CalcomEvent::BookingReassigned(event) => vec![booking(&event.data, true)],
        CalcomEvent::BookingPaid(event) => {
            let (uid, mut fields) = booking(&event.data, false);
            fields.insert("status".to_owned(), json!(BookingStatus::Accepted));
            vec![(uid, fields)]
        }
        CalcomEvent::BookingCancelled(event) => vec![ended(&event.data, &BookingStatus::Cancelled)],
        CalcomEvent::BookingRejected(event) => vec![ended(&event.data, &BookingStatus::Rejected)],
        CalcomEvent::BookingRescheduled(event) => moved(&event.data),
        CalcomEvent::BookingNoShowUpdated(event) => vec![no_show(&event.data)],
        CalcomEvent::MeetingEnded(event) => vec![met(&event.data)],
        _ => Vec::new(),
    }
}

/// The booking's fields as a read gives them.
fn booking(payload: &BookingPayload, with_metadata: bool) -> (BookingUid, Doc) {
    let mut fields = Doc::new();
    let mut tell = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    tell("uid", Some(json!(payload.uid)));
    tell("id", payload.booking_id.as_ref().map(|id| json!(id)));
    tell("eventTypeId", payload.event_type_id.as_ref().map(|id| json!(id)));
    tell("title", payload.title.as_ref().map(|title| json!(title)));
    tell("start", payload.start_time.as_ref().map(|time| json!(utc(time))));
    tell("end", payload.end_time.as_ref().map(|time| json!(utc(time))));
    tell("status", status(payload).map(|status| json!(status)));
    tell("attendees", payload.attendees.as_deref().map(attendees));
    tell("metadata", payload.metadata.as_ref().filter(|_| with_metadata).map(|metadata| json!(metadata)));
    (payload.uid.clone(), fields)
}

/// A new booking took nobody's place, unless the host had to confirm it: a request that was moved is announced as a new one, and
/// one that was paid before as accepted.
fn created(payload: &BookingPayload) -> (BookingUid, Doc) {
    let was_requested = payload.requires_confirmation == Some(true);
    let (uid, mut fields) = if was_requested { booking(payload, true) } else { unpaid(payload) };
    if !was_requested && payload.status == Some(WebhookStatus::Accepted) {
        fields.insert(MOVED_FROM.to_owned(), Value::Null);
    }
    (uid, fields)
}

/// A booking that has to be paid is announced as accepted before it is, also when the payment fails
/// (<https://github.com/calcom/cal.diy/issues/12371>).
fn unpaid(payload: &BookingPayload) -> (BookingUid, Doc) {
    let (uid, mut fields) = booking(payload, true);
    if is_for_money(payload) {
        fields.insert("status".to_owned(), json!(BookingStatus::Pending));
    }
    (uid, fields)
}

/// How it stands. Of one with a price "accepted" tells nothing: it may be paid, or not.
fn status(payload: &BookingPayload) -> Option<BookingStatus> {
    payload.status.clone().filter(|_| !is_for_money(payload)).map(BookingStatus::from)
}

/// Whether it is called accepted though it costs something.
fn is_for_money(payload: &BookingPayload) -> bool {
    payload.status == Some(WebhookStatus::Accepted) && payload.price.is_some_and(|price| price > 0.0)
}

fn ended(payload: &BookingPayload, status: &BookingStatus) -> (BookingUid, Doc) {
    let (uid, mut fields) = booking(payload, false);
    fields.insert("status".to_owned(), json!(status));
    if let Some(reason) = &payload.cancellation_reason {
        fields.insert("cancellationReason".to_owned(), json!(reason));
    }
    (uid, fields)
}

fn moved(payload: &BookingPayload) -> Vec<(BookingUid, Doc)> {
    let (uid, mut fields) = booking(payload, true);
    let former = payload.reschedule_uid.clone().filter(|former| *former != uid).map(|former| {
        let fields = [("uid", json!(former)), ("status", json!(BookingStatus::Cancelled)), (MOVED_TO, json!(uid))];
        (former, fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    if let Some((former, _)) = &former {
        fields.insert(MOVED_FROM.to_owned(), json!(former));
    }
    [(uid, fields)].into_iter().chain(former).collect()
}

fn no_show(payload: &NoShowPayload) -> (BookingUid, Doc) {
    let absent = payload.attendees.iter().flatten().filter(|one| one.no_show == Some(true));
    let absent: Vec<_> = absent.map(|one| &one.email).collect();
    let fields = [("uid", json!(payload.booking_uid)), (ABSENT_ATTENDEES, json!(absent))];
    (payload.booking_uid.clone(), fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The event comes at the planned end, whatever became of the booking: it tells that end, and nothing more.
fn met(payload: &MeetingPayload) -> (BookingUid, Doc) {
    let mut fields = Doc::from_iter([("uid".to_owned(), json!(payload.uid))]);
    fields.extend(payload.end_time.as_ref().map(|end: &WireTime| ("end".to_owned(), json!(utc(end)))));
    (payload.uid.clone(), fields)
}

fn attendees(people: &[Person]) -> Value {
    let attendee = |one: &Person| {
        person([
            ("name", &one.name),
            ("email", &one.email),
            ("timeZone", &one.time_zone),
            ("phoneNumber", &one.phone_number),
        ])
    };
    people.iter().map(attendee).collect()
}
