//! Five operations under the names and with the options that applications planned against the older API ask for.
//!
//! Each does what its name says on today's API, where the call behind the name has changed or is gone
//! (`docs/providers/ghl.md` lists the differences). The families ([`contacts`](crate::contacts), …) offer more and say more
//! plainly what they send. Invariant: nothing here sends a request of its own; it only composes the families' requests.

mod contacts;
mod locations;
mod new_contact;
mod new_event;

pub use contacts::GetContacts;
pub use locations::GetLocations;
pub use new_contact::{CreateNewContact, NewContact};
pub use new_event::{CreateCalendarEvent, NewCalendarEvent};
use sidecar_core::Timestamp;

use crate::{calendars::AllEvents, client::GhlClient, model::LocationId};

impl GhlClient {
    /// Lists a location's contacts, oldest first: `limit` (100 unless set, at most 500), `skip` and `query`.
    ///
    /// ```no_run
    /// # async fn run(ghl: ghl_client::GhlClient) -> ghl_client::Result<()> {
    /// let third_hundred = ghl.get_contacts("ve9EPM428h8vShlRW1KT").limit(100).skip(200).query("ann").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// To go through all contacts, [`SearchContacts::items`](crate::contacts::SearchContacts::items) takes fewer calls.
    pub fn get_contacts(&self, location: impl Into<LocationId>) -> GetContacts {
        GetContacts::new(self.clone(), location.into())
    }

    /// Lists the locations that the client's organization may use.
    ///
    /// With an organization's tokens ([`GhlClientBuilder::tokens`](crate::GhlClientBuilder::tokens)): the locations of each
    /// connected company in which the app is installed (all of them, when the client does not know its
    /// [`client_id`](crate::GhlClientBuilder::client_id)), and those that connected by themselves. A client with one token
    /// has to be told whose it is, for no call of the provider tells: [`GetLocations::company`] or
    /// [`GetLocations::location`].
    pub fn get_locations(&self) -> GetLocations {
        GetLocations::new(self.clone())
    }

    /// Lists the events of all calendars of a location from `start` to `end`, each once, by their start.
    ///
    /// The provider wants a calendar, user or group named, so this asks each calendar of the location in turn: one call and
    /// one for each calendar.
    pub fn get_calendar_events(&self, location: impl Into<LocationId>, start: Timestamp, end: Timestamp) -> AllEvents {
        self.calendars().all_events(location).between(start, end)
    }

    /// Creates a contact, with custom fields by their keys, names or ids.
    ///
    /// ```no_run
    /// # async fn run(ghl: ghl_client::GhlClient) -> ghl_client::Result<()> {
    /// use ghl_client::convenience::NewContact;
    /// let ann = NewContact {
    ///     first_name: "Ann".into(),
    ///     email: Some("ann@example.com".into()),
    ///     custom_fields: [("course".to_owned(), "Rust".into())].into(),
    ///     ..NewContact::default()
    /// };
    /// let contact = ghl.create_contact("ve9EPM428h8vShlRW1KT", ann).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_contact(&self, location: impl Into<LocationId>, contact: NewContact) -> CreateNewContact {
        CreateNewContact::new(self.clone(), location.into(), contact)
    }

    /// Books an appointment. Without a calendar it goes into the location's only one.
    pub fn create_calendar_event(
        &self,
        location: impl Into<LocationId>,
        event: NewCalendarEvent,
    ) -> CreateCalendarEvent {
        CreateCalendarEvent::new(self.clone(), location.into(), event)
    }
}
