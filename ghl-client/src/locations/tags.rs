use http::Method;

use super::Locations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, ignore_body},
    config::ApiVersion,
    model::{LocationId, Tag, TagId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
static LIST: Operation = Operation::new("locations.tags.list", Method::GET, "/locations/{locationId}/tags", VERSION);
static CREATE: Operation =
    Operation::new("locations.tags.create", Method::POST, "/locations/{locationId}/tags", VERSION);
static GET: Operation =
    Operation::new("locations.tags.get", Method::GET, "/locations/{locationId}/tags/{tagId}", VERSION);
static RENAME: Operation =
    Operation::new("locations.tags.rename", Method::PUT, "/locations/{locationId}/tags/{tagId}", VERSION);
static DELETE: Operation =
    Operation::new("locations.tags.delete", Method::DELETE, "/locations/{locationId}/tags/{tagId}", VERSION);

/// The tags that a location knows. From [`Locations::tags`].
#[derive(Debug, Clone)]
pub struct Tags {
    client: GhlClient,
    location: LocationId,
}

impl Locations {
    /// The tags that a location knows: list, create, read, rename, delete.
    pub fn tags(&self, location: impl Into<LocationId>) -> Tags {
        Tags { client: self.0.clone(), location: location.into() }
    }
}

impl Tags {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.location)
    }

    /// Lists them all.
    pub fn list(&self) -> PlainRequest<Vec<Tag>> {
        self.builder(&LIST).plain(|answer| answer.part(&["tags"]))
    }

    /// Creates a tag.
    pub fn create(&self, name: impl Into<String>) -> PlainRequest<Tag> {
        self.builder(&CREATE).set("name", name.into()).plain(|answer| answer.part(&["tag"]))
    }

    /// Reads one.
    pub fn get(&self, tag: impl Into<TagId>) -> PlainRequest<Tag> {
        self.builder(&GET).argument(tag.into()).plain(|answer| answer.part(&["tag"]))
    }

    /// Gives one another name.
    pub fn rename(&self, tag: impl Into<TagId>, name: impl Into<String>) -> PlainRequest<Tag> {
        self.builder(&RENAME).argument(tag.into()).set("name", name.into()).plain(|answer| answer.part(&["tag"]))
    }

    /// Deletes one.
    pub fn delete(&self, tag: impl Into<TagId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(tag.into()).plain(ignore_body)
    }
}
