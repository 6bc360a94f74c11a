//! Bookings: make, read, list, move, cancel, and what belongs to one.
//!
//! What a booking holds is in [`model`](crate::model). Invariant: a booking is never made again unless nothing was sent, because
//! the provider has been seen to book and answer with a refusal.

mod attendees;
mod change;
mod create;
mod create_or_find;
mod list;
mod media;
pub(crate) mod operations;

pub use attendees::{AddAttendee, AddGuests, Guest};
pub use change::{CancelBooking, DeclineBooking, MarkAbsent, ReassignBooking, RescheduleBooking};
pub use create::{CreateBooking, EventTypeSelector, NewAttendee, Routing};
pub use create_or_find::{CreatedOrFound, REFERENCE};
pub use list::{ListBookings, Sort, StatusFilter};
pub use media::ListReferences;
use operations as op;
use serde_json::Value;

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{
        Attendee, AttendeeId, Booked, BookingUid, CalendarLink, ConferencingSession, NewLocation, Recording, SeatUid,
        UserId, WireTime,
    },
};

/// The bookings family. From [`CalcomClient::bookings`].
#[derive(Debug, Clone)]
pub struct Bookings(CalcomClient);

impl CalcomClient {
    /// Bookings, their attendees, guests, recordings and links.
    pub fn bookings(&self) -> Bookings {
        Bookings(self.clone())
    }
}

impl Bookings {
    fn of<const N: usize>(
        &self,
        operation: &'static crate::Operation,
        path: [&dyn std::fmt::Display; N],
    ) -> RequestBuilder {
        RequestBuilder::new(&self.0, operation, path)
    }

    /// Books a slot for an attendee. How long it is comes from the event type.
    pub fn create(
        &self,
        event_type: impl Into<EventTypeSelector>,
        start: impl Into<WireTime>,
        attendee: &NewAttendee,
    ) -> CreateBooking {
        CreateBooking::new(self.of(&op::CREATE, []), &event_type.into(), &start.into(), attendee)
    }

    /// Reads a booking; all of a series, when the uid is the series'.
    pub fn get(&self, uid: impl Into<BookingUid>) -> PlainRequest<Booked> {
        PlainRequest::new(self.of(&op::GET, [&uid.into()]))
    }

    /// Reads the booking that a seat belongs to.
    pub fn by_seat(&self, seat: impl Into<SeatUid>) -> PlainRequest<Booked> {
        PlainRequest::new(self.of(&op::BY_SEAT, [&seat.into()]))
    }

    /// Lists bookings: one page when awaited, all of them by [`ListBookings::items`]. Administrators of a team or organization see
    /// those of everybody in it.
    pub fn list(&self) -> ListBookings {
        ListBookings::new(self.of(&op::LIST, []))
    }

    /// Cancels a booking, a series from the uid's on, or a seat.
    pub fn cancel(&self, uid: impl Into<BookingUid>) -> CancelBooking {
        CancelBooking(self.of(&op::CANCEL, [&uid.into()]).with_body())
    }

    /// Moves a booking. The answer is a new booking with a new uid, whose `rescheduled_from_uid` is the old one.
    pub fn reschedule(&self, uid: impl Into<BookingUid>, start: impl Into<WireTime>) -> RescheduleBooking {
        RescheduleBooking(self.of(&op::RESCHEDULE, [&uid.into()]).set("start", start.into()))
    }

    /// Says yes to a booking that waits for it; the host only.
    pub fn confirm(&self, uid: impl Into<BookingUid>) -> PlainRequest<Booked> {
        PlainRequest::new(self.of(&op::CONFIRM, [&uid.into()]))
    }

    /// Says no to a booking that waits for it; the host only.
    pub fn decline(&self, uid: impl Into<BookingUid>) -> DeclineBooking {
        DeclineBooking(self.of(&op::DECLINE, [&uid.into()]).with_body())
    }

    /// Says who did not come.
    pub fn mark_absent(&self, uid: impl Into<BookingUid>) -> MarkAbsent {
        MarkAbsent(self.of(&op::MARK_ABSENT, [&uid.into()]).with_body())
    }

    /// Gives a round-robin booking to another host, whom the provider chooses.
    pub fn reassign(&self, uid: impl Into<BookingUid>) -> PlainRequest<Value> {
        PlainRequest::json(self.of(&op::REASSIGN, [&uid.into()]))
    }

    /// Gives a round-robin booking to this host.
    pub fn reassign_to(&self, uid: impl Into<BookingUid>, user: impl Into<UserId>) -> ReassignBooking {
        ReassignBooking(self.of(&op::REASSIGN_TO, [&uid.into(), &user.into()]).with_body())
    }

    /// Changes where it takes place. Events in calendars may keep the place they had.
    pub fn set_location(&self, uid: impl Into<BookingUid>, location: &NewLocation) -> PlainRequest<Booked> {
        PlainRequest::new(self.of(&op::SET_LOCATION, [&uid.into()]).set("location", location))
    }

    /// Lists who comes.
    pub fn attendees(&self, uid: impl Into<BookingUid>) -> PlainRequest<Vec<Attendee>> {
        PlainRequest::new(self.of(&op::ATTENDEES, [&uid.into()]))
    }

    /// Reads one attendee.
    pub fn attendee(&self, uid: impl Into<BookingUid>, attendee: impl Into<AttendeeId>) -> PlainRequest<Attendee> {
        PlainRequest::new(self.of(&op::ATTENDEE, [&uid.into(), &attendee.into()]))
    }

    /// Adds an attendee.
    pub fn add_attendee(
        &self,
        uid: impl Into<BookingUid>,
        name: impl Into<String>,
        email: impl Into<String>,
        time_zone: impl Into<String>,
    ) -> AddAttendee {
        let builder = self.of(&op::ADD_ATTENDEE, [&uid.into()]);
        AddAttendee(builder.set("name", name.into()).set("email", email.into()).set("timeZone", time_zone.into()))
    }

    /// Adds guests, who get a mail each: 10 at most in a call, 30 in all, 5 calls a minute.
    pub fn add_guests(&self, uid: impl Into<BookingUid>, guests: impl IntoIterator<Item = Guest>) -> AddGuests {
        AddGuests::new(self.of(&op::ADD_GUESTS, [&uid.into()]), guests.into_iter().collect())
    }

    /// Lists what the booking is in other systems.
    pub fn references(&self, uid: impl Into<BookingUid>) -> ListReferences {
        ListReferences(self.of(&op::REFERENCES, [&uid.into()]))
    }

    /// Links that add the booking to a calendar.
    pub fn calendar_links(&self, uid: impl Into<BookingUid>) -> PlainRequest<Vec<CalendarLink>> {
        PlainRequest::new(self.of(&op::CALENDAR_LINKS, [&uid.into()]))
    }

    /// Recordings of the meeting.
    pub fn recordings(&self, uid: impl Into<BookingUid>) -> PlainRequest<Vec<Recording>> {
        PlainRequest::new(self.of(&op::RECORDINGS, [&uid.into()]))
    }

    /// Links to transcripts of the meeting.
    pub fn transcripts(&self, uid: impl Into<BookingUid>) -> PlainRequest<Vec<Value>> {
        PlainRequest::new(self.of(&op::TRANSCRIPTS, [&uid.into()]))
    }

    /// Who was in the meeting, and when.
    pub fn conferencing_sessions(&self, uid: impl Into<BookingUid>) -> PlainRequest<Vec<ConferencingSession>> {
        PlainRequest::new(self.of(&op::CONFERENCING_SESSIONS, [&uid.into()]))
    }
}
