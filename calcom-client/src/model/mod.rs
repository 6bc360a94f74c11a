//! The types of the provider's responses, each field with its name on the wire.
//!
//! Request types are in the module of their endpoints, webhook payloads in [`events`](crate::events). Invariant: a new field of the
//! provider is in `extra`, a null or absent field is `None`, and neither a time in an unknown format nor a field of a booking with an
//! unexpected type fails the response.

mod block;
mod booking;
mod calendar;
mod event_type;
mod hours;
mod id;
mod schedule;
mod slot;
mod time;
mod user;
mod webhook;

pub use block::{BlockHandle, RemovedDay};
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
pub use hours::Hours;
pub(crate) use hours::covered;
pub use id::*;
pub use schedule::{Availability, DateOverride, Schedule, Weekday};
pub use slot::{Reservation, Slot, Slots};
pub use time::WireTime;
pub use user::{OooEntry, OooReason, OrganizationRef, PendingTeam, Team, TeamMade, User};
pub use webhook::{TimeUnit, Webhook, WebhookSecret, WebhookVersion};
