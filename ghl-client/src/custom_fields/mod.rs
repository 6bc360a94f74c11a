//! The custom fields of custom objects and companies, and the folders they are in.
//!
//! Those of contacts and opportunities are another family of the provider's: [`Locations::custom_fields`](crate::locations::Locations::custom_fields). Invariant: a field
//! belongs to the object that its key names, such as `custom_objects.pet` or `business`.
//!
//! [`Locations::custom_fields`](crate::locations::Locations::custom_fields): crate::locations::Locations::custom_fields

mod fields;
mod folders;

pub use fields::{CreateObjectField, UpdateObjectField};
pub use folders::Folders;

use crate::client::GhlClient;

/// The custom-fields family. From [`GhlClient::custom_fields`].
#[derive(Debug, Clone)]
pub struct CustomFields(pub(crate) GhlClient);

impl GhlClient {
    /// The custom fields of custom objects and companies; those of contacts and opportunities are at
    /// [`Locations::custom_fields`](crate::locations::Locations::custom_fields).
    pub fn custom_fields(&self) -> CustomFields {
        CustomFields(self.clone())
    }
}

impl CustomFields {}
