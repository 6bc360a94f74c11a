//! Out of office: whole days in UTC in which a user cannot be booked. On the cloud only.
//!
//! Invariant: what is not whole days is refused here, because the provider would widen it without a word.

mod entries;
pub(crate) use entries::is_midnight;
pub(crate) mod operations;

pub use entries::{CreateOoo, ListOoo, UpdateOoo};
use operations as op;
use sidecar_core::Timestamp;

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{CalcomOrganizationId, OooEntry, OooId, UserId},
};

/// The out-of-office family. From [`CalcomClient::out_of_office`].
#[derive(Debug, Clone)]
pub struct OutOfOffice(CalcomClient);

impl CalcomClient {
    /// Out-of-office entries of the user and of an organization.
    pub fn out_of_office(&self) -> OutOfOffice {
        OutOfOffice(self.clone())
    }
}

impl OutOfOffice {
    /// Lists the user's own entries.
    pub fn list(&self) -> ListOoo {
        ListOoo::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Away from the midnight (UTC) of `start` to the end of the day before `end`, a midnight too.
    pub fn create(&self, start: Timestamp, end: Timestamp) -> CreateOoo {
        CreateOoo::new(RequestBuilder::new(&self.0, &op::CREATE, []), start, end)
    }

    /// Changes an entry.
    pub fn update(&self, id: impl Into<OooId>) -> UpdateOoo {
        UpdateOoo(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes an entry and answers with it.
    pub fn delete(&self, id: impl Into<OooId>) -> PlainRequest<OooEntry> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }

    /// The entries of an organization's users, for its administrators.
    pub fn of_organization(&self, organization: impl Into<CalcomOrganizationId>) -> OrganizationOoo {
        OrganizationOoo { client: self.0.clone(), organization: organization.into() }
    }
}

/// The out-of-office entries of an organization's users. From [`OutOfOffice::of_organization`].
#[derive(Debug, Clone)]
pub struct OrganizationOoo {
    client: CalcomClient,
    organization: CalcomOrganizationId,
}

impl OrganizationOoo {
    /// Lists everybody's.
    pub fn list(&self) -> ListOoo {
        ListOoo::new(RequestBuilder::new(&self.client, &op::LIST_OF_ORGANIZATION, [&self.organization]))
    }

    /// Lists a user's.
    pub fn list_of(&self, user: impl Into<UserId>) -> ListOoo {
        ListOoo::new(RequestBuilder::new(&self.client, &op::LIST_OF_USER, [&self.organization, &user.into()]))
    }

    /// A user is away; as [`OutOfOffice::create`].
    pub fn create(&self, user: impl Into<UserId>, start: Timestamp, end: Timestamp) -> CreateOoo {
        CreateOoo::new(
            RequestBuilder::new(&self.client, &op::CREATE_OF_USER, [&self.organization, &user.into()]),
            start,
            end,
        )
    }

    /// Changes a user's entry.
    pub fn update(&self, user: impl Into<UserId>, id: impl Into<OooId>) -> UpdateOoo {
        let path: [&dyn std::fmt::Display; 3] = [&self.organization, &user.into(), &id.into()];
        UpdateOoo(RequestBuilder::new(&self.client, &op::UPDATE_OF_USER, path).with_body())
    }

    /// Deletes a user's entry and answers with it.
    pub fn delete(&self, user: impl Into<UserId>, id: impl Into<OooId>) -> PlainRequest<OooEntry> {
        let path: [&dyn std::fmt::Display; 3] = [&self.organization, &user.into(), &id.into()];
        PlainRequest::new(RequestBuilder::new(&self.client, &op::DELETE_OF_USER, path))
    }
}
