//! Keeping copies of bookings in step: the listing that [`sidecar_core::sync`] copies, and what a webhook changes in the copies.
//!
//! Running passes and storing lives in the core and the store. Invariant: a webhook, a listing and a read of one state of a booking
//! make the same document of it, so that they can be compared.

mod booking;
mod bookings;
mod webhook;

pub use booking::{
    ABSENCES_CHANGED, ABSENT_ATTENDEES, BOOKING, HAS_SEATS, MOVED_FROM, MOVED_TO, READ_BOOKING, written_booking,
};
pub use bookings::{BookingsCursor, BookingsSource};
pub use webhook::webhook_changes;
