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
    /// Lets users follow a contact, and answers with all who do then.
    pub fn add_followers<U: Into<UserId>>(
        &self,
        location: impl Into<LocationId>,
        contact: impl Into<ContactId>,
        users: impl IntoIterator<Item = U>,
    ) -> PlainRequest<Vec<UserId>> {
        change(self.about(&ADD, location, contact).repeatable(), users)
    }

    /// Takes followers from a contact, and answers with who follows it still.
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
