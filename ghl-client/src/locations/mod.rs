//! Locations (sub-accounts): search, read, write; their tags, custom fields and values, tasks and templates; and where the
//! app is installed.
//!
//! [`oauth`](crate::oauth) issues the token of a location. Invariant: there is no listing of "all locations"; a company
//! is searched, or its installations are listed.

mod custom_fields;
mod custom_values;
mod installed;
mod read;
mod recurring_tasks;
mod search;
mod tags;
mod tasks;
mod templates;
mod write;

pub use custom_fields::{CreateCustomField, CustomFields, ListCustomFields, UpdateCustomField, UploadToField};
pub use custom_values::CustomValues;
pub use installed::{ListInstalled, ListInstalledV3};
pub use read::GetLocation;
pub use recurring_tasks::{RecurringTasks, WriteRecurringTask};
pub use search::SearchLocations;
pub use tags::Tags;
pub use tasks::SearchTasks;
pub use templates::ListTemplates;
pub use write::{CreateLocation, UpdateLocation};

use crate::{client::GhlClient, model::LocationId};

/// The locations family. From [`GhlClient::locations`].
#[derive(Debug, Clone)]
pub struct Locations(pub(crate) GhlClient);

impl GhlClient {
    /// Locations (sub-accounts), their custom fields, and where the app is installed.
    pub fn locations(&self) -> Locations {
        Locations(self.clone())
    }
}

impl Locations {
    /// Reads one location.
    pub fn get(&self, location: impl Into<LocationId>) -> GetLocation {
        GetLocation::new(self.0.clone(), location.into())
    }
}
