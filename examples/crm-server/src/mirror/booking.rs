//! A booking at Cal.com follows its appointment.

use calcom_client::{
    CalcomClient,
    model::{Booked, Booking, BookingUid},
    sync::written_booking,
};
use serde_json::Value;
use sidecar_core::{
    Error, OrganizationId, Timestamp,
    record::{Change, Record},
};

use super::{chain::text, meeting::AtCalcom};

/// Why a booking is cancelled or moved, as its attendee reads it.
const REASON: &str = "Changed in the calendar";

/// Does at Cal.com what the appointment says; the booking as it is then. A move makes a new one.
pub(super) async fn follow(client: &CalcomClient, booking: &Record, what: AtCalcom) -> Result<Option<Booking>, Error> {
    let (bookings, uid) = (client.bookings(), BookingUid::from(&*booking.key.id));
    match what {
        AtCalcom::Nothing | AtCalcom::Impossible => Ok(None),
        AtCalcom::Cancel => {
            let answered = bookings.cancel(uid.clone()).reason(REASON.to_owned()).background().await?;
            Ok(this_one(answered, &uid))
        }
        AtCalcom::Move(start) => bookings.reschedule(uid, start).reason(REASON.to_owned()).background().await.map(Some),
        AtCalcom::Confirm => Ok(this_one(bookings.confirm(uid.clone()).background().await?, &uid)),
        AtCalcom::MarkAbsent => {
            let absent =
                emails(booking).fold(bookings.mark_absent(uid), |request, email| request.attendee(email, true));
            absent.background().await.map(Some)
        }
    }
}

/// The change that Cal.com's answer makes, when `before` is what was stored of the booking before it was asked for: of one that took
/// its place, nothing was.
pub(super) fn written(organization: &OrganizationId, answer: &Booking, before: &Record, asked_at: Timestamp) -> Change {
    let is_this = *before.key.id == *answer.uid.as_str();
    written_booking(organization, answer, asked_at, if is_this { before.revision } else { 0 })
}

fn this_one(answered: Booked, uid: &BookingUid) -> Option<Booking> {
    answered.into_vec().into_iter().find(|booking| booking.uid == *uid)
}

fn emails(booking: &Record) -> impl Iterator<Item = &str> {
    let attendees = booking.doc.get("attendees").and_then(Value::as_array).into_iter().flatten();
    attendees.filter_map(|attendee| text(attendee.as_object()?, "email"))
}
