//! Locations (sub-accounts): search, read, their custom fields, and where the app is installed.
//!
//! Minting a location's token lives in [`oauth`](crate::oauth). Invariant: there is no listing of "all locations"; a company
//! is searched, or its installations are listed.

mod installed;
mod read;
mod search;

pub use installed::{ListInstalled, ListInstalledV3};
pub use read::{GetLocation, ListCustomFields};
pub use search::SearchLocations;

use crate::{client::GhlClient, model::LocationId};

/// The locations family. From [`GhlClient::locations`].
#[derive(Debug, Clone)]
pub struct Locations(pub(crate) GhlClient);

impl Locations {
    pub(crate) fn new(client: GhlClient) -> Self {
        Self(client)
    }

    /// Reads one location.
    pub fn get(&self, location: impl Into<LocationId>) -> GetLocation {
        GetLocation::new(self.0.clone(), location.into())
    }

    /// Lists a location's custom fields, to find the id behind a key and the other way round.
    pub fn custom_fields(&self, location: impl Into<LocationId>) -> ListCustomFields {
        ListCustomFields::new(self.0.clone(), location.into())
    }
}
