//! What a webhook changes in stored bookings.

use std::borrow::Cow;

use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{Change, ChangeOrigin, Doc, Mutation},
};

use super::booking::{
    ABSENCES_CHANGED, ABSENT_ATTENDEES, HAS_SEATS, MOVED_FROM, MOVED_TO, READ_BOOKING, change, person, utc,
};
use crate::{
    model::{BookingStatus, BookingUid, WireTime},
    webhook::{BookingPayload, CalcomEvent, MeetingPayload, NoShowPayload, Person, WebhookStatus},
};

/// The changes that an event makes to the bookings of an organization; none for events of other things, and for those that were
/// not understood. A move changes two: the new booking, and the one it took the place of.
///
/// A change carries only the fields that the event carries. Its version is the event's own time, or `received_at` when it has
/// none.
///
/// - A booking that has to be paid waits (`pending`) from its making until it is. Its other events call it accepted whether it is
///   paid or not, and leave its status as it is stored.
/// - Of a booking with seats nothing is told but that it has some.
/// - A no-show's event does not tell who else is absent: its change is followed by the task [`READ_BOOKING`]. Who gives it another
///   `follow_up` lets that one look for [`ABSENCES_CHANGED`].
pub fn webhook_changes(event: &CalcomEvent, organization: &OrganizationId, received_at: Timestamp) -> Vec<Change> {
    let version = event.happened_at().unwrap_or(received_at);
    let patch = |(uid, fields): (BookingUid, Doc)| {
        let follow_up = fields.contains_key(ABSENCES_CHANGED).then_some(Cow::Borrowed(READ_BOOKING));
        let change = change(organization, &uid, version, ChangeOrigin::Webhook, Mutation::Patch(fields.into()));
        Change { on_change: follow_up, ..change }
    };
    patches(event, version).into_iter().map(patch).collect()
}

/// Of the payload of a booking with seats: how many there are.
const SEATS: &str = "seatsPerTimeSlot";

fn patches(event: &CalcomEvent, at: Timestamp) -> Vec<(BookingUid, Doc)> {
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
        CalcomEvent::BookingNoShowUpdated(event) => vec![no_show(&event.data, at)],
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

/// A new booking took nobody's place and is not paid yet, unless the host had to confirm it: a request that was moved is announced
/// as a new one, and is paid before the host sees it.
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

/// The event names only those of whom it was just said, so that the whole list has to be read. Until then whoever it calls absent
/// stands for it; that somebody came after all leaves others, who may be absent still.
fn no_show(payload: &NoShowPayload, at: Timestamp) -> (BookingUid, Doc) {
    let named: Vec<_> = payload.attendees.iter().flatten().collect();
    let absent: Vec<_> = named.iter().filter(|one| one.no_show == Some(true)).map(|one| &one.email).collect();
    let mut fields = Doc::from_iter([("uid".to_owned(), json!(payload.booking_uid))]);
    fields.insert(ABSENCES_CHANGED.to_owned(), json!(at.to_string()));
    if !absent.is_empty() && absent.len() == named.len() {
        fields.insert(ABSENT_ATTENDEES.to_owned(), json!(absent));
    }
    (payload.booking_uid.clone(), fields)
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
