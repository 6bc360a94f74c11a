use http::Method;

use crate::client::{Group, Operation};

const READ: &str = "BOOKING_READ";
const WRITE: &str = "BOOKING_WRITE";

const fn booking(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Bookings)
}

const fn part(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::BookingParts)
}

pub(crate) static CREATE: Operation = booking("bookings.create", Method::POST, "/v2/bookings").scope(WRITE).public();
pub(crate) static GET: Operation =
    booking("bookings.get", Method::GET, "/v2/bookings/{bookingUid}").scope(READ).public();
pub(crate) static BY_SEAT: Operation =
    booking("bookings.by_seat", Method::GET, "/v2/bookings/by-seat/{seatUid}").scope(READ).public();
pub(crate) static LIST: Operation = booking("bookings.list", Method::GET, "/v2/bookings").scope(READ);
pub(crate) static CANCEL: Operation =
    booking("bookings.cancel", Method::POST, "/v2/bookings/{bookingUid}/cancel").scope(WRITE).public();
pub(crate) static RESCHEDULE: Operation =
    booking("bookings.reschedule", Method::POST, "/v2/bookings/{bookingUid}/reschedule").scope(WRITE).public();
pub(crate) static CONFIRM: Operation =
    booking("bookings.confirm", Method::POST, "/v2/bookings/{bookingUid}/confirm").scope(WRITE);
pub(crate) static DECLINE: Operation =
    booking("bookings.decline", Method::POST, "/v2/bookings/{bookingUid}/decline").scope(WRITE);
pub(crate) static MARK_ABSENT: Operation =
    booking("bookings.mark_absent", Method::POST, "/v2/bookings/{bookingUid}/mark-absent").scope(WRITE);
pub(crate) static REASSIGN: Operation =
    booking("bookings.reassign", Method::POST, "/v2/bookings/{bookingUid}/reassign").scope(WRITE);
pub(crate) static REASSIGN_TO: Operation =
    booking("bookings.reassign_to", Method::POST, "/v2/bookings/{bookingUid}/reassign/{userId}").scope(WRITE);
pub(crate) static REFERENCES: Operation =
    booking("bookings.references", Method::GET, "/v2/bookings/{bookingUid}/references").scope(READ);
pub(crate) static CALENDAR_LINKS: Operation =
    booking("bookings.calendar_links", Method::GET, "/v2/bookings/{bookingUid}/calendar-links").scope(READ);
pub(crate) static RECORDINGS: Operation =
    booking("bookings.recordings", Method::GET, "/v2/bookings/{bookingUid}/recordings").scope(READ);
pub(crate) static TRANSCRIPTS: Operation =
    booking("bookings.transcripts", Method::GET, "/v2/bookings/{bookingUid}/transcripts").scope(READ);
pub(crate) static CONFERENCING_SESSIONS: Operation =
    booking("bookings.conferencing_sessions", Method::GET, "/v2/bookings/{bookingUid}/conferencing-sessions")
        .scope(READ);

pub(crate) static SET_LOCATION: Operation =
    part("bookings.set_location", Method::PATCH, "/v2/bookings/{bookingUid}/location").scope(WRITE);
pub(crate) static ATTENDEES: Operation =
    part("bookings.attendees", Method::GET, "/v2/bookings/{bookingUid}/attendees").scope(READ);
pub(crate) static ATTENDEE: Operation =
    part("bookings.attendee", Method::GET, "/v2/bookings/{bookingUid}/attendees/{attendeeId}").scope(READ);
pub(crate) static ADD_ATTENDEE: Operation =
    part("bookings.add_attendee", Method::POST, "/v2/bookings/{bookingUid}/attendees").scope(WRITE);
pub(crate) static ADD_GUESTS: Operation =
    part("bookings.add_guests", Method::POST, "/v2/bookings/{bookingUid}/guests").scope(WRITE);
