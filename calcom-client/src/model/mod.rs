//! What the provider's answers hold, with the wire's own field names beside ours.
//!
//! Requests live with their endpoint family, webhook payloads in [`webhook`](crate::webhook). Invariant: a field that the provider
//! adds is kept in `extra`, a null or absent one is `None`, and neither a time in an unknown format nor any
//! odd field of a booking fails the answer it stands in.

mod booking;
mod calendar;
mod event_type;
mod id;
mod schedule;
mod slot;
mod time;
mod user;
mod webhook;

pub(crate) use booking::Single;
pub use booking::{
    Attendee, Booked, Booking, BookingReference, BookingStatus, CalendarLink, ConferencingSession, EventTypeRef, Host,
    Participant, Recording,
};
pub use calendar::{
    BusyTime, Calendar, CalendarCredential, ConnectLink, ConnectedCalendars, Connection, DestinationCalendar,
    SelectedCalendar,
};
pub use event_type::{EventType, Integration, Location, NewLocation};
pub use id::*;
pub use schedule::{Availability, DateOverride, Schedule, Weekday};
pub use slot::{Reservation, Slot, Slots};
pub use time::WireTime;
pub use user::{OooEntry, OooReason, OrganizationRef, PendingTeam, Team, TeamMade, User};
pub use webhook::{TimeUnit, Webhook, WebhookSecret, WebhookVersion};
