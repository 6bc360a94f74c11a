//! Calendars, the events that stand in them, and appointments.
//!
//! Invariant: events are asked for by instants, sent as epoch milliseconds; the provider wants a calendar, a user or a group
//! named, so "all events of a location" is a fan-out over its calendars.

mod appointments;
mod events;
mod list;

pub use appointments::{Appointments, CreateAppointment, DeleteAppointment, GetAppointment, UpdateAppointment};
pub use events::{AllEvents, ListEvents};
pub use list::ListCalendars;

use crate::{client::GhlClient, model::LocationId};

/// The calendars family. From [`GhlClient::calendars`].
#[derive(Debug, Clone)]
pub struct Calendars(pub(crate) GhlClient);

impl Calendars {
    pub(crate) fn new(client: GhlClient) -> Self {
        Self(client)
    }

    /// Lists a location's calendars.
    pub fn list(&self, location: impl Into<LocationId>) -> ListCalendars {
        ListCalendars::new(self.0.clone(), location.into())
    }

    /// Lists the events of one calendar, user or group.
    pub fn events(&self, location: impl Into<LocationId>) -> ListEvents {
        ListEvents::new(self.0.clone(), location.into())
    }

    /// Lists the events of all calendars of a location, each once, by their start.
    pub fn all_events(&self, location: impl Into<LocationId>) -> AllEvents {
        AllEvents::new(self.0.clone(), location.into())
    }
}
