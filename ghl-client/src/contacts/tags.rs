use http::Method;
use serde::Deserialize;
use serde_json::json;
use sidecar_core::{Error, ErrorKind, Result, retry::Replay};

use crate::{
    client::{GhlClient, Operation, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{ContactId, LocationId},
};

const ADD: Operation =
    Operation::new("contacts.add_tags", Method::POST, "/contacts/{contactId}/tags", ApiVersion::V2021_07_28);
const REMOVE: Operation =
    Operation::new("contacts.remove_tags", Method::DELETE, "/contacts/{contactId}/tags", ApiVersion::V2021_07_28);

/// Adds or removes tags. From [`Contacts::add_tags`](super::Contacts::add_tags) and
/// [`Contacts::remove_tags`](super::Contacts::remove_tags).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ChangeTags {
    client: GhlClient,
    operation: Operation,
    location: LocationId,
    contact: ContactId,
    tags: Vec<String>,
    options: RequestOptions,
}

request!(ChangeTags => Vec<String>);

#[derive(Deserialize)]
struct Tags {
    tags: Vec<String>,
}

impl ChangeTags {
    pub(super) fn add(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, operation: ADD, location, contact, tags: Vec::new(), options: RequestOptions::default() }
    }

    pub(super) fn remove(client: GhlClient, location: LocationId, contact: ContactId) -> Self {
        Self { client, operation: REMOVE, location, contact, tags: Vec::new(), options: RequestOptions::default() }
    }

    /// One tag more.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Several tags more.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    async fn send(self) -> Result<Vec<String>> {
        if self.tags.is_empty() {
            let why = "no tags given: name at least one with `.tag(\"…\")`";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.operation.name));
        }
        let call = self.operation.call(&[self.contact.as_str()]).json(&json!({"tags": self.tags})).replay(Replay::Safe);
        let answer = self.client.send(call, &Resource::Location(self.location), &self.operation, &self.options).await?;
        Ok(answer.json::<Tags>()?.tags)
    }
}
