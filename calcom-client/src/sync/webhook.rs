//! The changes that a webhook makes to the records of bookings.

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
    events::{BookingPayload, CalcomEvent, MeetingPayload, NoShowPayload, Person, WebhookStatus},
    model::{BookingStatus, BookingUid, WireTime},
};

/// Returns the changes that an event makes to the bookings of an organization; none for unknown events and events that do not concern
/// bookings. A rescheduled booking changes two records: that of the new booking, and that of the booking it replaces.
///
/// A change has only the fields that the event reports. Its version is the event's time, or `received_at` if the event has none.
///
/// - A booking with a price is `pending` from its creation until it is paid. Its other events report `accepted`, paid or not, and
///   therefore leave the stored status unchanged.
/// - For a booking with seats the only change is [`HAS_SEATS`].
/// - A no-show event does not report the other absent attendees: its change enqueues the task [`READ_BOOKING`]. If you replace
///   `on_change`, your task must refetch the booking while [`ABSENCES_CHANGED`] is set.
pub fn webhook_changes(event: &CalcomEvent, organization: &OrganizationId, received_at: Timestamp) -> Vec<Change> {
    let version = event.happened_at().unwrap_or(received_at);
    let patch = |(uid, fields): (BookingUid, Doc)| {
        let on_change = fields.contains_key(ABSENCES_CHANGED).then_some(Cow::Borrowed(READ_BOOKING));
        let change = change(organization, &uid, version, ChangeOrigin::Webhook, Mutation::Patch(fields.into()));
        Change { on_change, ..change }
    };
    patches(event, version).into_iter().map(patch).collect()
}

/// The payload field with the number of seats per slot.
const SEATS: &str = "seatsPerTimeSlot";

fn patches(event: &CalcomEvent, version: Timestamp) -> Vec<(BookingUid, Doc)> {
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
        | CalcomEvent::BookingReassigned(event) => vec![booking_fields(&event.data, true)],
        CalcomEvent::BookingPaid(event) => {
            let (uid, mut fields) = booking_fields(&event.data, false);
            fields.insert("status".to_owned(), json!(BookingStatus::Accepted));
            vec![(uid, fields)]
        }
        CalcomEvent::BookingCancelled(event) => vec![ended(&event.data, &BookingStatus::Cancelled)],
        CalcomEvent::BookingRejected(event) => vec![ended(&event.data, &BookingStatus::Rejected)],
        CalcomEvent::BookingRescheduled(event) => rescheduled(&event.data),
        CalcomEvent::BookingNoShowUpdated(event) => vec![no_show(&event.data, version)],
        CalcomEvent::MeetingEnded(event) => vec![meeting_ended(&event.data)],
        _ => Vec::new(),
    }
}

/// Returns the fields of the payload in the format of a booking's record.
fn booking_fields(payload: &BookingPayload, with_metadata: bool) -> (BookingUid, Doc) {
    let mut fields = Doc::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    set("uid", Some(json!(payload.uid)));
    set("id", payload.booking_id.as_ref().map(|id| json!(id)));
    set("eventTypeId", payload.event_type_id.as_ref().map(|id| json!(id)));
    set("title", payload.title.as_ref().map(|title| json!(title)));
    set("start", payload.start_time.as_ref().map(|time| json!(utc(time))));
    set("end", payload.end_time.as_ref().map(|time| json!(utc(time))));
    set("status", status(payload).map(|status| json!(status)));
    set("attendees", payload.attendees.as_deref().map(attendees));
    set("metadata", payload.metadata.as_ref().filter(|_| with_metadata).map(|metadata| json!(metadata)));
    (payload.uid.clone(), fields)
}

/// A new booking replaces no other and is not paid yet, unless the host had to confirm it: Cal.com reports a rescheduled request as a
/// new booking, and the attendee pays before the host sees the request.
fn created(payload: &BookingPayload) -> (BookingUid, Doc) {
    let was_requested = payload.requires_confirmation == Some(true);
    let (uid, mut fields) = if was_requested { booking_fields(payload, true) } else { unpaid(payload) };
    if !was_requested && payload.status == Some(WebhookStatus::Accepted) {
        fields.insert(MOVED_FROM.to_owned(), Value::Null);
    }
    (uid, fields)
}

/// Cal.com reports a booking with a price as accepted before it is paid, and also if the payment fails
/// (<https://github.com/calcom/cal.diy/issues/12371>).
fn unpaid(payload: &BookingPayload) -> (BookingUid, Doc) {
    let (uid, mut fields) = booking_fields(payload, true);
    if may_be_unpaid(payload) {
        fields.insert("status".to_owned(), json!(BookingStatus::Pending));
    }
    (uid, fields)
}

/// Returns the status; `None` for an accepted booking with a price, which may be paid or not.
fn status(payload: &BookingPayload) -> Option<BookingStatus> {
    payload.status.clone().filter(|_| !may_be_unpaid(payload)).map(BookingStatus::from)
}

/// Returns whether the payload reports an accepted booking with a price.
fn may_be_unpaid(payload: &BookingPayload) -> bool {
    payload.status == Some(WebhookStatus::Accepted) && payload.price.is_some_and(|price| price > 0.0)
}

fn ended(payload: &BookingPayload, status: &BookingStatus) -> (BookingUid, Doc) {
    let (uid, mut fields) = booking_fields(payload, false);
    fields.insert("status".to_owned(), json!(status));
    if let Some(reason) = &payload.cancellation_reason {
        fields.insert("cancellationReason".to_owned(), json!(reason));
    }
    (uid, fields)
}

fn rescheduled(payload: &BookingPayload) -> Vec<(BookingUid, Doc)> {
    let (uid, mut fields) = booking_fields(payload, true);
    let replaced = payload.reschedule_uid.clone().filter(|replaced| *replaced != uid).map(|replaced| {
        let fields = [("uid", json!(replaced)), ("status", json!(BookingStatus::Cancelled)), (MOVED_TO, json!(uid))];
        (replaced, fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    });
    if let Some((replaced, _)) = &replaced {
        fields.insert(MOVED_FROM.to_owned(), json!(replaced));
    }
    [(uid, fields)].into_iter().chain(replaced).collect()
}

/// The event lists only attendees whose flag changed, so that the booking must be refetched. Sets [`ABSENT_ATTENDEES`] only if all
/// listed attendees are absent: if a flag was cleared, others may still be absent.
fn no_show(payload: &NoShowPayload, version: Timestamp) -> (BookingUid, Doc) {
    let listed: Vec<_> = payload.attendees.iter().flatten().collect();
    let absent: Vec<_> = listed.iter().filter(|one| one.no_show == Some(true)).map(|one| &one.email).collect();
    let mut fields = Doc::from_iter([("uid".to_owned(), json!(payload.booking_uid))]);
    fields.insert(ABSENCES_CHANGED.to_owned(), json!(version.to_string()));
    if !absent.is_empty() && absent.len() == listed.len() {
        fields.insert(ABSENT_ATTENDEES.to_owned(), json!(absent));
    }
    (payload.booking_uid.clone(), fields)
}

/// Cal.com sends the event at the planned end, whatever the booking's status, so that it sets the end only.
fn meeting_ended(payload: &MeetingPayload) -> (BookingUid, Doc) {
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
