//! Calendars, their groups and events, free slots, appointments with their notes, rooms and equipments, schedules of users, and the
//! notifications of a calendar.
//!
//! Invariant: events are asked for by instants, sent as epoch milliseconds; the provider wants a calendar, a user or a group
//! named, so "all events of a location" is a fan-out over its calendars.

mod appointments;
mod blocked;
mod events;
mod groups;
mod list;
mod manage;
mod notes;
mod notifications;
mod resources;
mod schedules;
mod slots;

pub use appointments::{Appointments, CreateAppointment, DeleteAppointment, GetAppointment, UpdateAppointment};
pub use blocked::BlockSlot;
pub use events::{AllEvents, ListEvents};
pub use groups::{CreateGroup, Groups};
pub use list::ListCalendars;
pub use manage::{CreateCalendar, UpdateCalendar};
pub use notes::{AppointmentNotes, ListAppointmentNotes, WriteAppointmentNote};
pub use notifications::{CreateNotification, ListNotifications, Notifications, UpdateNotification};
pub use resources::{CreateResource, ListResources, Resources, UpdateResource};
pub use schedules::{CreateSchedule, Schedules, SearchSchedules, UpdateSchedule};
pub use slots::FreeSlots;

use crate::{client::GhlClient, model::LocationId};

/// The calendars family. From [`GhlClient::calendars`].
#[derive(Debug, Clone)]
pub struct Calendars(pub(crate) GhlClient);

impl GhlClient {
    /// Calendars and their events.
    pub fn calendars(&self) -> Calendars {
        Calendars(self.clone())
    }
}

impl Calendars {
    /// Lists a location's calendars.
    pub fn list(&self, location: impl Into<LocationId>) -> ListCalendars {
        ListCalendars::new(self.0.clone(), location.into())
    }
}
