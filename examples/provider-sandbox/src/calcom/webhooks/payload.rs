//! What events say, field by field as the provider's guide and source have it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::calcom::account::Account;
use crate::calcom::bookings::changes::AbsentAttendee;
use crate::calcom::bookings::record::{Booking, Guest};
use crate::calcom::out_of_office::Absence;
use crate::clock::{rfc3339, rfc3339_at};

/// What became of a booking.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Told<'a> {
    Created,
    Requested,
    Rescheduled {
        /// The booking that the moved one takes the place of.
        from: &'a Booking,
    },
    Cancelled,
    Rejected,
}

impl Told<'_> {
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

    /// Whether the booking is over with: then events are poorer.
    fn ends(self) -> bool {
        matches!(self, Self::Cancelled | Self::Rejected)
    }

    /// Each trigger writes its times in a format of its own.
    fn time(self, ms: i64) -> String {
        match self {
            Self::Created | Self::Requested | Self::Rejected => rfc3339(ms).replace(".000Z", "Z"),
            Self::Rescheduled { .. } => rfc3339(ms),
            Self::Cancelled => rfc3339_at(ms, 0),
        }
    }
}

/// The payload of a booking's event.
pub(crate) fn booking(account: &Account, told: Told<'_>, booking: &Booking) -> Value {
    let event_type = account.event_types.get(&booking.event_type_id);
    let seats = event_type.and_then(|own| own.seats());
    let attendees = booking.attendees.iter().map(|guest| attendee(guest, booking.span.start_ms, !told.ends()));
    let mut payload = json!({
        "bookerUrl": "https://cal.example.com", "type": booking.slug, "title": booking.title, "description": booking.description,
        "additionalNotes": "", "customInputs": {}, "startTime": told.time(booking.span.start_ms), "endTime": told.time(booking.span.end_ms),
        "organizer": organizer(account, booking.span.start_ms), "attendees": attendees.collect::<Vec<_>>(),
        "responses": responses(booking), "userFieldsResponses": {}, "location": booking.location,
        "destinationCalendar": if told.ends() { json!([]) } else { Value::Null }, "hideCalendarNotes": false,
        "requiresConfirmation": event_type.is_some_and(|own| own.needs_confirmation()).then_some(true),
        "eventTypeId": booking.event_type_id, "seatsShowAttendees": true, "seatsPerTimeSlot": seats, "schedulingType": null,
        "iCalUID": format!("{}@Cal.com", booking.uid), "iCalSequence": booking.sequence, "uid": booking.uid, "bookingId": booking.id,
        "videoCallData": {"type": "daily_video", "id": booking.uid, "password": "", "url": booking.video_url()}, "appsStatus": [],
        "eventTitle": event_type.map_or("", |own| own.title.as_str()), "eventDescription": event_type.map(|own| own.description.as_str()),
        "price": 0, "currency": "usd", "length": booking.minutes(), "status": told.status(), "organizationId": null,
    });
    if !told.ends() {
        payload["metadata"] = metadata(booking);
    }
    extras(&mut payload, told, booking);
    payload
}

fn extras(payload: &mut Value, told: Told<'_>, booking: &Booking) {
    match told {
        Told::Created => {}
        Told::Requested => payload["oneTimePassword"] = json!(null),
        Told::Rescheduled { from } => {
            payload["rescheduleId"] = json!(from.id);
            payload["rescheduleUid"] = json!(from.uid);
            payload["rescheduleStartTime"] = json!(rfc3339(from.span.start_ms));
            payload["rescheduleEndTime"] = json!(rfc3339(from.span.end_ms));
            payload["rescheduledBy"] = json!(booking.rescheduled_by);
        }
        Told::Cancelled => {
            payload["cancelledBy"] = json!(booking.cancelled_by);
            payload["cancellationReason"] = json!(booking.cancellation_reason);
            payload["requestReschedule"] = json!(false);
        }
        Told::Rejected => payload["rejectionReason"] = json!(booking.rejection_reason.as_deref().unwrap_or_default()),
    }
}

/// The caller's own values, with the meeting's link among them.
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

fn attendee(guest: &Guest, at_ms: i64, with_names: bool) -> Value {
    let mut shown = json!({
        "email": guest.email, "name": guest.name, "timeZone": guest.time_zone, "phoneNumber": guest.phone,
        "language": {"locale": guest.language}, "utcOffset": utc_offset(&guest.time_zone, at_ms),
    });
    if with_names {
        let (first, last) = guest.name.split_once(' ').unwrap_or((&guest.name, ""));
        shown["firstName"] = json!(first);
        shown["lastName"] = json!(last);
    }
    shown
}

/// In minutes.
fn utc_offset(zone: &str, at_ms: i64) -> i32 {
    let offset = TimeZone::get(zone).ok().zip(Timestamp::from_millisecond(at_ms).ok());
    offset.map_or(0, |(zone, moment)| zone.to_offset(moment).seconds() / 60)
}

fn responses(booking: &Booking) -> Value {
    let label = |name: &str| match name {
        "name" => "your_name".to_owned(),
        "email" => "email_address".to_owned(),
        other => other.to_owned(),
    };
    let own = booking
        .responses
        .iter()
        .map(|(name, value)| (name.clone(), json!({"label": label(name), "value": value, "isHidden": false})));
    let mut responses: Map<String, Value> = own.collect();
    let place =
        json!({"label": "location", "value": {"optionValue": "", "value": booking.location}, "isHidden": false});
    responses.insert("location".to_owned(), place);
    let guests = json!({"label": "additional_guests", "value": booking.guests, "isHidden": false});
    responses.insert("guests".to_owned(), guests);
    Value::Object(responses)
}

/// The payload of a no-show's event.
pub(crate) fn no_show(booking: &Booking, attendees: &[AbsentAttendee]) -> Value {
    let missed: Vec<&str> = attendees.iter().filter(|one| one.absent).map(|one| one.email.as_str()).collect();
    let message = match missed.is_empty() {
        true => "Attendees unmarked as no-show".to_owned(),
        false => format!("{} marked as no-show", missed.join(", ")),
    };
    let attendees: Vec<Value> = attendees.iter().map(|one| json!({"email": one.email, "noShow": one.absent})).collect();
    json!({"message": message, "bookingUid": booking.uid, "bookingId": booking.id, "attendees": attendees})
}

/// A meeting's event, whole: the booking as it is stored, without an envelope.
pub(crate) fn meeting(account: &Account, trigger: &str, booking: &Booking) -> Value {
    let me = &account.me;
    let attendees = booking.attendees.iter().map(|guest| {
        json!({
            "id": guest.id, "email": guest.email, "name": guest.name, "timeZone": guest.time_zone, "phoneNumber": guest.phone,
            "locale": guest.language, "bookingId": booking.id, "noShow": guest.absent,
        })
    });
    let (span, responses) = (booking.span, &booking.responses);
    json!({
        "triggerEvent": trigger, "id": booking.id, "uid": booking.uid, "idempotencyKey": format!("key-{}", booking.uid), "userId": me.id,
        "userPrimaryEmail": me.email, "eventTypeId": booking.event_type_id, "title": booking.title, "description": booking.description,
        "customInputs": {}, "responses": responses, "startTime": rfc3339(span.start_ms), "endTime": rfc3339(span.end_ms),
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

/// The payload of an out-of-office entry's event.
pub(crate) fn out_of_office(account: &Account, absence: &Absence, now_ms: i64) -> Value {
    let me = &account.me;
    let user =
        json!({"id": me.id, "name": me.name, "username": me.username, "timeZone": me.time_zone, "email": me.email});
    let reason = format!("ooo_reasons_{}", absence.reason);
    json!({"oooEntry": {
        "id": absence.id, "uuid": absence.uuid, "start": rfc3339(absence.span.start_ms), "end": rfc3339(absence.last_ms()),
        "createdAt": rfc3339(now_ms), "updatedAt": rfc3339(now_ms), "notes": absence.notes, "reason": {"emoji": "x", "reason": reason},
        "reasonId": 1, "user": user, "toUser": null,
    }})
}

/// The reduced payload of a webhook that is tried out.
pub(crate) fn ping(account: &Account, now_ms: i64) -> Value {
    let me = &account.me;
    let person = |name: &str, email: &str| json!({"name": name, "email": email, "timeZone": me.time_zone, "language": {"locale": "en"}});
    json!({
        "type": "Test", "title": "Test trigger event", "description": "", "startTime": rfc3339(now_ms), "endTime": rfc3339(now_ms),
        "attendees": [person("Ann Example", "ann@example.com")], "organizer": person(&me.name, &me.email),
    })
}
