//! Locations (sub-accounts): search, read, their custom fields, and where the app is installed.
//!
//! Minting a location's token lives in [`oauth`](crate::oauth). Invariant: there is no listing of "all locations"; a company
//! is searched, or its installations are listed.

mod installed;
mod paging;
mod read;
mod search;

pub use installed::ListInstalled;
pub use read::{GetLocation, ListCustomFields};
pub use search::SearchLocations;

use crate::{
    client::GhlClient,
    model::{CompanyId, LocationId},
};

/// The locations family. From [`GhlClient::locations`].
#[derive(Debug, Clone)]
pub struct Locations(pub(crate) GhlClient);

impl Locations {
    pub(crate) fn new(client: GhlClient) -> Self {
        Self(client)
    }

    /// Searches a company's locations; needs an agency token.
    pub fn search(&self, company: impl Into<CompanyId>) -> SearchLocations {
        SearchLocations::new(self.0.clone(), company.into())
    }

    /// Reads one location.
    pub fn get(&self, location: impl Into<LocationId>) -> GetLocation {
        GetLocation::new(self.0.clone(), location.into())
    }

    /// Lists the company's locations with what is known of the app's installation there; needs the company's OAuth token
    /// and the app's client id ([`GhlClientBuilder::client_id`](crate::GhlClientBuilder::client_id)).
    pub fn installed(&self, company: impl Into<CompanyId>) -> ListInstalled {
        ListInstalled::new(self.0.clone(), company.into())
    }

    /// Lists a location's custom fields, to find the id behind a key and the other way round.
    pub fn custom_fields(&self, location: impl Into<LocationId>) -> ListCustomFields {
        ListCustomFields::new(self.0.clone(), location.into())
    }
}
