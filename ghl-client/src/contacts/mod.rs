//! Contacts: search, read, write, tags; their tasks, notes, followers and appointments; campaigns and workflows they go through.
//!
//! Here live the requests; what a contact holds is in [`model`](crate::model). Invariant: a create is never repeated unless
//! nothing was sent, because GHL sometimes creates a contact and returns an error.

mod bulk;
mod business;
mod create_or_find;
mod enrol;
mod fields;
mod filter;
mod followers;
mod notes;
mod read;
mod search;
mod tags;
mod tasks;
mod write;

pub use bulk::{BulkRemoveTags, BulkTagged};
pub use business::ContactsOfBusiness;
pub use create_or_find::CreatedOrFound;
pub use enrol::ChangeWorkflow;
pub use filter::{Direction, Filter, Sort};
pub use notes::{CreateNote, Notes, UpdateNote};
pub use read::{DeleteContact, FindContact, GetContact};
pub(crate) use search::NUMBERED_ROWS;
pub use search::SearchContacts;
pub use tags::ChangeTags;
pub use tasks::{CreateTask, Tasks, UpdateTask};
pub use write::{CreateContact, UpdateContact, UpsertContact, Upserted};

use crate::{
    client::{GhlClient, Operation, RequestBuilder},
    model::{ContactId, LocationId},
};

/// The contacts family. From [`GhlClient::contacts`].
#[derive(Debug, Clone)]
pub struct Contacts(pub(crate) GhlClient);

impl GhlClient {
    /// Contacts.
    pub fn contacts(&self) -> Contacts {
        Contacts(self.clone())
    }
}

impl Contacts {
    /// Searches a location's contacts: one page when awaited, all of them by [`SearchContacts::items`]. The provider's index
    /// lags behind writes by some seconds.
    pub fn search(&self, location: impl Into<LocationId>) -> SearchContacts {
        SearchContacts::new(self.0.clone(), location.into())
    }

    /// Reads one contact.
    pub fn get(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> GetContact {
        GetContact::new(self.0.clone(), location.into(), contact.into())
    }

    /// Looks for the contact with an e-mail address or phone number, without the search index's lag: what to do after a create
    /// of which no answer came.
    pub fn find(&self, location: impl Into<LocationId>) -> FindContact {
        FindContact::new(self.0.clone(), location.into())
    }

    /// Creates a contact. Where the location forbids duplicates, a known e-mail address or phone number is refused with
    /// [`GhlErrorReason::DuplicateContact`](crate::GhlErrorReason::DuplicateContact). End it with
    /// [`create_or_find`](CreateContact::create_or_find) to get the contact either way.
    pub fn create(&self, location: impl Into<LocationId>) -> CreateContact {
        CreateContact::new(self.0.clone(), location.into())
    }

    /// Changes the fields that are set; tags and custom fields are replaced as the provider does it.
    pub fn update(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> UpdateContact {
        UpdateContact::new(self.0.clone(), location.into(), contact.into())
    }

    /// Changes the contact with this e-mail address or phone number, or creates it.
    pub fn upsert(&self, location: impl Into<LocationId>) -> UpsertContact {
        UpsertContact::new(self.0.clone(), location.into())
    }

    /// Deletes a contact.
    pub fn delete(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> DeleteContact {
        DeleteContact::new(self.0.clone(), location.into(), contact.into())
    }

    /// Adds tags to a contact and returns all of its tags.
    pub fn add_tags(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> ChangeTags {
        ChangeTags::add(self.0.clone(), location.into(), contact.into())
    }

    /// Removes tags from a contact and returns the remaining ones.
    pub fn remove_tags(&self, location: impl Into<LocationId>, contact: impl Into<ContactId>) -> ChangeTags {
        ChangeTags::remove(self.0.clone(), location.into(), contact.into())
    }

    /// A call about one contact.
    fn about(
        &self,
        operation: &'static Operation,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
    ) -> RequestBuilder {
        RequestBuilder::new(&self.0, operation, location.into()).argument(contact.into())
    }
}
