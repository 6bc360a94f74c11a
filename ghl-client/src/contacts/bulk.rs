use http::Method;
use serde_json::{Value, json};
use sidecar_core::Result;

use super::Contacts;
use crate::{
    client::{Operation, PlainRequest, RequestBuilder, request},
    config::ApiVersion,
    model::{BusinessId, ContactId, LocationId},
};

static TAGS: Operation =
    Operation::new("contacts.bulk_tags", Method::POST, "/contacts/bulk/tags/update/{type}", ApiVersion::V2021_07_28);
static BUSINESS: Operation =
    Operation::new("contacts.bulk_business", Method::POST, "/contacts/bulk/business", ApiVersion::V2021_07_28);

/// How many contacts the provider takes in one call about a business.
const MOST_OF_BUSINESS: usize = 50;

sidecar_core::model! {
    /// The result of a change to the tags of many contacts.
    pub struct BulkTagged {
        /// The number of contacts for which it failed.
        "errorCount" error_count: Option<u64>,
        /// The results per contact: objects with `contactId`, `message` and `type`, although the specification says texts.
        "responses" responses: Option<Vec<Value>>,
    }
}

request! {
    /// Takes tags from many contacts. From [`Contacts::bulk_remove_tags`].
    pub struct BulkRemoveTags => BulkTagged
}

impl Contacts {
    /// Adds tags to many contacts.
    pub fn bulk_add_tags<C: Into<ContactId>, T: Into<String>>(
        &self,
        location: impl Into<LocationId>,
        contacts: impl IntoIterator<Item = C>,
        tags: impl IntoIterator<Item = T>,
    ) -> PlainRequest<BulkTagged> {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        let builder = self.bulk_tags("add", location, contacts).set("tags", json!(tags));
        builder
            .require(!tags.is_empty(), || "no tags given: name at least one".to_owned())
            .plain(|answer| answer.json())
    }

    /// Takes tags from many contacts: those named by [`BulkRemoveTags::tags`], or [all](BulkRemoveTags::all).
    pub fn bulk_remove_tags<C: Into<ContactId>>(
        &self,
        location: impl Into<LocationId>,
        contacts: impl IntoIterator<Item = C>,
    ) -> BulkRemoveTags {
        BulkRemoveTags { builder: self.bulk_tags("remove", location, contacts) }
    }

    /// Lets contacts belong to a business: at most 50 of them.
    pub fn set_business<C: Into<ContactId>>(
        &self,
        location: impl Into<LocationId>,
        business: impl Into<BusinessId>,
        contacts: impl IntoIterator<Item = C>,
    ) -> PlainRequest<Vec<ContactId>> {
        self.business(&location.into(), Some(&business.into()), contacts)
    }

    /// Lets contacts belong to no business: at most 50 of them.
    pub fn clear_business<C: Into<ContactId>>(
        &self,
        location: impl Into<LocationId>,
        contacts: impl IntoIterator<Item = C>,
    ) -> PlainRequest<Vec<ContactId>> {
        self.business(&location.into(), None, contacts)
    }

    fn bulk_tags<C: Into<ContactId>>(
        &self,
        change: &str,
        location: impl Into<LocationId>,
        contacts: impl IntoIterator<Item = C>,
    ) -> RequestBuilder {
        let location = location.into();
        let contacts: Vec<ContactId> = contacts.into_iter().map(Into::into).collect();
        let builder = RequestBuilder::new(&self.0, &TAGS, location.clone()).argument(change).repeatable();
        builder
            .require(!contacts.is_empty(), || "no contacts given: name at least one".to_owned())
            .set("contacts", json!(contacts))
            .set("locationId", json!(location))
    }

    fn business<C: Into<ContactId>>(
        &self,
        location: &LocationId,
        business: Option<&BusinessId>,
        contacts: impl IntoIterator<Item = C>,
    ) -> PlainRequest<Vec<ContactId>> {
        let contacts: Vec<ContactId> = contacts.into_iter().map(Into::into).collect();
        let count = contacts.len();
        let builder = RequestBuilder::new(&self.0, &BUSINESS, location.clone())
            .require((1..=MOST_OF_BUSINESS).contains(&count), || {
                format!("one call takes 1 to {MOST_OF_BUSINESS} contacts, not {count}: make several calls")
            });
        let builder = builder.set("locationId", json!(location)).set("ids", json!(contacts));
        builder.set("businessId", json!(business)).repeatable().plain(|answer| answer.part(&["ids"]))
    }
}

impl BulkRemoveTags {
    /// These tags.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        for tag in tags {
            self.builder = self.builder.push("tags", tag.into());
        }
        self
    }

    /// All that they have.
    pub fn all(mut self) -> Self {
        self.builder = self.builder.set("tags", json!([])).set("removeAllTags", true);
        self
    }

    async fn send(self) -> Result<BulkTagged> {
        let named = self.builder.has("tags");
        self.builder.require(named, || "no tags given: name them with `tags`, or say `all`".to_owned()).json().await
    }
}
