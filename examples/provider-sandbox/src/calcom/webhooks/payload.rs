//! The payloads of webhook events, as the provider's guide and source define them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::calcom::account::Account;
use crate::calcom::bookings::changes::AttendeeAbsence;
use crate::calcom::bookings::record::{Booking, BookingAttendee};
use crate::calcom::event_types::EventType;
use crate::calcom::out_of_office::OutOfOfficeEntry;
use crate::clock::{rfc3339, rfc3339_at};

/// A change of a booking that has an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BookingEvent<'a> {
    Created,
    Requested,
    Rescheduled {
        /// The booking before the reschedule.
        from: &'a Booking,
    },
    Cancelled,
    Rejected,
}

impl BookingEvent<'_> {
    pub(crate) fn trigger(self) -> &'static str {
        match self {
            Self::Created => "BOOKING_CREATED",
            Self::Requested => "BOOKING_REQUESTED",
            Self::Rescheduled { .. } => "BOOKING_RESCHEDULED",
            Self::Cancelled => "BOOKING_CANCELLED",
            Self::Rejected => "BOOKING_REJECTED",
        }
    }

    fn status(self) -> &'static str {
        match self {
            Self::Created | Self::Rescheduled { .. } => "ACCEPTED",
            Self::Requested => "PENDING",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
        }
    }

    /// Returns whether the booking ended; those events omit the metadata and the attendees' first and last names.
    fn ends(self) -> bool {
        matches!(self, Self::Cancelled | Self::Rejected)
    }

    /// Formats a time; the format depends on the trigger.
    fn time(self, ms: i64) -> String {
        match self {
            Self::Created | Self::Requested | Self::Rejected => rfc3339(ms).replace(".000Z", "Z"),
            Self::Rescheduled { .. } => rfc3339(ms),
            Self::Cancelled => rfc3339_at(ms, 0),
        }
    }
}

/// Returns the payload of a booking event.
pub(crate) fn booking(account: &Account, event: BookingEvent<'_>, booking: &Booking) -> Value {
    let event_type = account.event_types.get(&booking.event_type_id);
    let seats = event_type.and_then(EventType::seats);
    let attendees =
        booking.attendees.iter().map(|attendee| attendee_json(attendee, booking.range.start_ms, !event.ends()));
    let mut payload = json!({
        "bookerUrl": "https://cal.example.com", "type": booking.slug, "title": booking.title, "description": booking.description,
        "additionalNotes": "", "customInputs": {}, "startTime": event.time(booking.range.start_ms), "endTime": event.time(booking.range.end_ms),
        "organizer": organizer(account, booking.range.start_ms), "attendees": attendees.collect::<Vec<_>>(),
        "responses": responses(booking), "userFieldsResponses": {}, "location": booking.location,
        "destinationCalendar": if event.ends() { json!([]) } else { Value::Null }, "hideCalendarNotes": false,
        "requiresConfirmation": event_type.is_some_and(EventType::needs_confirmation).then_some(true),
        "eventTypeId": booking.event_type_id, "seatsShowAttendees": true, "seatsPerTimeSlot": seats, "schedulingType": null,
        "iCalUID": format!("{}@Cal.com", booking.uid), "iCalSequence": booking.sequence, "uid": booking.uid, "bookingId": booking.id,
        "videoCallData": {"type": "daily_video", "id": booking.uid, "password": "", "url": booking.video_url()}, "appsStatus": [],
        "eventTitle": event_type.map_or("", |event_type| event_type.title.as_str()), "eventDescription": event_type.map(|event_type| event_type.description.as_str()),
        "price": 0, "currency": "usd", "length": booking.minutes(), "status": event.status(), "organizationId": null,
    });
    if !event.ends() {
        payload["metadata"] = metadata(booking);
    }
    add_event_fields(&mut payload, event, booking);
    payload
}

fn add_event_fields(payload: &mut Value, event: BookingEvent<'_>, booking: &Booking) {
    match event {
        BookingEvent::Created => {}
        BookingEvent::Requested => payload["oneTimePassword"] = json!(null),
        BookingEvent::Rescheduled { from } => {
            payload["rescheduleId"] = json!(from.id);
            payload["rescheduleUid"] = json!(from.uid);
            payload["rescheduleStartTime"] = json!(rfc3339(from.range.start_ms));
            payload["rescheduleEndTime"] = json!(rfc3339(from.range.end_ms));
            payload["rescheduledBy"] = json!(booking.rescheduled_by);
        }
        BookingEvent::Cancelled => {
            payload["cancelledBy"] = json!(booking.cancelled_by);
            payload["cancellationReason"] = json!(booking.cancellation_reason);
            payload["requestReschedule"] = json!(false);
        }
        BookingEvent::Rejected => {
            payload["rejectionReason"] = json!(booking.rejection_reason.as_deref().unwrap_or_default())
        }
    }
}

/// Returns the booking's metadata with the link of the video call.
fn metadata(booking: &Booking) -> Value {
    let mut metadata = booking.metadata.clone();
    metadata.insert("videoCallUrl".to_owned(), json!(booking.video_url()));
    Value::Object(metadata)
}

fn organizer(account: &Account, at_ms: i64) -> Value {
    let me = &account.me;
    json!({
        "id": me.id, "name": me.name, "email": me.email, "username": me.username, "usernameInOrg": me.username, "timeZone": me.time_zone,
        "language": {"locale": me.locale}, "timeFormat": if me.time_format == 24 { "HH:mm" } else { "h:mma" },
        "utcOffset": utc_offset(&me.time_zone, at_ms),
    })
}

fn attendee_json(attendee: &BookingAttendee, at_ms: i64, with_names: bool) -> Value {
    let mut json = json!({
        "email": attendee.email, "name": attendee.name, "timeZone": attendee.time_zone, "phoneNumber": attendee.phone,
        "language": {"locale": attendee.language}, "utcOffset": utc_offset(&attendee.time_zone, at_ms),
    });
    if with_names {
        let (first, last) = attendee.name.split_once(' ').unwrap_or((&attendee.name, ""));
        json["firstName"] = json!(first);
        json["lastName"] = json!(last);
    }
    json
}

/// Returns the offset of a time zone in minutes.
fn utc_offset(zone: &str, at_ms: i64) -> i32 {
    let offset = TimeZone::get(zone).ok().zip(Timestamp::from_millisecond(at_ms).ok());
    offset.map_or(0, |(zone, timestamp)| zone.to_offset(timestamp).seconds() / 60)
}

fn responses(booking: &Booking) -> Value {
    let label = |name: &str| match name {
        "name" => "your_name".to_owned(),
        "email" => "email_address".to_owned(),
        other => other.to_owned(),
    };
    let fields = booking
        .responses
        .iter()
        .map(|(name, value)| (name.clone(), json!({"label": label(name), "value": value, "isHidden": false})));
    let mut responses: Map<String, Value> = fields.collect();
    let location =
        json!({"label": "location", "value": {"optionValue": "", "value": booking.location}, "isHidden": false});
    responses.insert("location".to_owned(), location);
    let guests = json!({"label": "additional_guests", "value": booking.guests, "isHidden": false});
    responses.insert("guests".to_owned(), guests);
    Value::Object(responses)
}

/// Returns the payload of a no-show event.
pub(crate) fn no_show(booking: &Booking, absences: &[AttendeeAbsence]) -> Value {
    let absent: Vec<&str> =
        absences.iter().filter(|absence| absence.absent).map(|absence| absence.email.as_str()).collect();
    let message = match absent.is_empty() {
        true => "Attendees unmarked as no-show".to_owned(),
        false => format!("{} marked as no-show", absent.join(", ")),
    };
    let attendees: Vec<Value> =
        absences.iter().map(|absence| json!({"email": absence.email, "noShow": absence.absent})).collect();
    json!({"message": message, "bookingUid": booking.uid, "bookingId": booking.id, "attendees": attendees})
}

/// Returns the event of a meeting: the stored booking, without an envelope.
pub(crate) fn meeting(account: &Account, trigger: &str, booking: &Booking) -> Value {
    let me = &account.me;
    let attendees = booking.attendees.iter().map(|attendee| {
        json!({
            "id": attendee.id, "email": attendee.email, "name": attendee.name, "timeZone": attendee.time_zone, "phoneNumber": attendee.phone,
            "locale": attendee.language, "bookingId": booking.id, "noShow": attendee.absent,
        })
    });
    let (range, responses) = (booking.range, &booking.responses);
    json!({
        "triggerEvent": trigger, "id": booking.id, "uid": booking.uid, "idempotencyKey": format!("key-{}", booking.uid), "userId": me.id,
        "userPrimaryEmail": me.email, "eventTypeId": booking.event_type_id, "title": booking.title, "description": booking.description,
        "customInputs": {}, "responses": responses, "startTime": rfc3339(range.start_ms), "endTime": rfc3339(range.end_ms),
        "location": booking.location, "createdAt": rfc3339(booking.created_ms), "updatedAt": rfc3339(booking.updated_ms),
        "status": booking.status.as_str().to_uppercase(), "paid": false, "destinationCalendarId": null,
        "cancellationReason": booking.cancellation_reason, "rejectionReason": booking.rejection_reason, "rescheduled": null,
        "fromReschedule": booking.from_uid, "recurringEventId": null, "smsReminderNumber": null, "scheduledJobs": [],
        "metadata": booking.metadata, "isRecorded": false, "iCalUID": format!("{}@Cal.com", booking.uid),
        "iCalSequence": booking.sequence, "rating": null, "noShowHost": booking.absent_host,
        "user": {"email": me.email, "name": me.name, "timeZone": me.time_zone, "username": me.username},
        "attendees": attendees.collect::<Vec<_>>(), "payment": [], "references": [{"id": 1, "type": "daily_video", "uid": booking.uid}],
    })
}

/// Returns the payload of an out-of-office event.
pub(crate) fn out_of_office(account: &Account, entry: &OutOfOfficeEntry, now_ms: i64) -> Value {
    let me = &account.me;
    let user =
        json!({"id": me.id, "name": me.name, "username": me.username, "timeZone": me.time_zone, "email": me.email});
    let reason = format!("ooo_reasons_{}", entry.reason);
    json!({"oooEntry": {
        "id": entry.id, "uuid": entry.uuid, "start": rfc3339(entry.range.start_ms), "end": rfc3339(entry.last_ms()),
        "createdAt": rfc3339(now_ms), "updatedAt": rfc3339(now_ms), "notes": entry.notes, "reason": {"emoji": "x", "reason": reason},
        "reasonId": 1, "user": user, "toUser": null,
    }})
}

/// Returns the payload of the test event.
pub(crate) fn ping(account: &Account, now_ms: i64) -> Value {
    let me = &account.me;
    let person = |name: &str, email: &str| json!({"name": name, "email": email, "timeZone": me.time_zone, "language": {"locale": "en"}});
    json!({
        "type": "Test", "title": "Test trigger event", "description": "", "startTime": rfc3339(now_ms), "endTime": rfc3339(now_ms),
        "attendees": [person("Ann Example", "ann@example.com")], "organizer": person(&me.name, &me.email),
    })
}
