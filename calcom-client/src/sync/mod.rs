//! Synchronization of bookings: a [`Source`](sidecar_core::sync::Source) that lists them (`bookings`), the changes of a webhook
//! (`webhook`), and the record of a booking (`booking`).
//!
//! The core runs syncs and the store saves records. Invariant: a webhook, a listing and a read of one state of a booking produce the
//! same document, so that documents can be compared.

mod booking;
mod bookings;
mod webhook;

pub use booking::{
    ABSENCES_CHANGED, ABSENT_ATTENDEES, BOOKING, HAS_SEATS, MOVED_FROM, MOVED_TO, READ_BOOKING, written_booking,
};
pub use bookings::{BookingsCursor, BookingsSource};
pub use webhook::webhook_changes;
