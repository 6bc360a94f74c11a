use http::Method;
use serde_json::json;

use super::Contacts;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder},
    config::ApiVersion,
    model::{ContactId, LocationId, UserId},
};

static ADD: Operation =
    Operation::new("contacts.add_followers", Method::POST, "/contacts/{contactId}/followers", ApiVersion::V2021_07_28);
static REMOVE: Operation = Operation::new(
    "contacts.remove_followers",
    Method::DELETE,
    "/contacts/{contactId}/followers",
    ApiVersion::V2021_07_28,
);

impl Contacts {
    /// Adds followers to a contact and returns all of its followers.
    pub fn add_followers<U: Into<UserId>>(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        users: impl IntoIterator<Item = U>,
    ) -> PlainRequest<Vec<UserId>> {
        change(self.about(&ADD, location, contact).repeatable(), users)
    }

    /// Removes followers from a contact and returns the remaining ones.
    pub fn remove_followers<U: Into<UserId>>(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        users: impl IntoIterator<Item = U>,
    ) -> PlainRequest<Vec<UserId>> {
        change(self.about(&REMOVE, location, contact), users)
    }
}

fn change<U: Into<UserId>>(builder: RequestBuilder, users: impl IntoIterator<Item = U>) -> PlainRequest<Vec<UserId>> {
    let users: Vec<UserId> = users.into_iter().map(Into::into).collect();
    let builder = builder.require(!users.is_empty(), || "no followers given: name at least one user".to_owned());
    builder.set("followers", json!(users)).plain(|answer| answer.part(&["followers"]))
}
