use http::Method;
use serde_json::json;
use sidecar_core::Result;

use super::Calendars;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, ignore_body, request, setters},
    config::ApiVersion,
    model::{CalendarGroup, CalendarGroupId, LocationId},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
static LIST: Operation = Operation::new("calendars.groups.list", Method::GET, "/calendars/groups", VERSION);
static CREATE: Operation = Operation::new("calendars.groups.create", Method::POST, "/calendars/groups", VERSION);
static CHECK_SLUG: Operation =
    Operation::new("calendars.groups.slug_is_free", Method::POST, "/calendars/groups/validate-slug", VERSION);
static UPDATE: Operation =
    Operation::new("calendars.groups.update", Method::PUT, "/calendars/groups/{groupId}", VERSION);
static DELETE: Operation =
    Operation::new("calendars.groups.delete", Method::DELETE, "/calendars/groups/{groupId}", VERSION);
static SET_ACTIVE: Operation =
    Operation::new("calendars.groups.set_active", Method::PUT, "/calendars/groups/{groupId}/status", VERSION);

/// A location's calendar groups. From [`Calendars::groups`].
#[derive(Debug, Clone)]
pub struct Groups {
    client: GhlClient,
    location: LocationId,
}

request! {
    /// Creates a calendar group. From [`Groups::create`].
    pub struct CreateGroup => CalendarGroup
}
setters! { body of CreateGroup; {
    /// Whether it can be booked.
    "isActive" is_active: bool,
}}

impl Calendars {
    /// A location's calendar groups: list, create, change, switch on and off, delete.
    pub fn groups(&self, location: impl Into<LocationId>) -> Groups {
        Groups { client: self.0.clone(), location: location.into() }
    }
}

impl Groups {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone())
    }

    /// Lists them all.
    pub fn list(&self) -> PlainRequest<Vec<CalendarGroup>> {
        self.builder(&LIST).query("locationId", &self.location).plain(|answer| answer.part(&["groups"]))
    }

    /// Creates a group; `slug` is its part of a booking link.
    pub fn create(
        &self,
        name: impl Into<String>,
        description: impl Into<String>,
        slug: impl Into<String>,
    ) -> CreateGroup {
        let builder = self.builder(&CREATE).set("locationId", json!(self.location));
        CreateGroup { builder: described(builder, name, description, slug) }
    }

    /// Whether no other group of the location has this part of a booking link.
    pub fn slug_is_free(&self, slug: impl Into<String>) -> PlainRequest<bool> {
        let builder = self.builder(&CHECK_SLUG).set("locationId", json!(self.location)).set("slug", slug.into());
        builder.repeatable().plain(|answer| answer.part(&["available"]))
    }

    /// Gives a group this name, description and slug; the provider wants all three.
    pub fn update(
        &self,
        group: impl Into<CalendarGroupId>,
        name: impl Into<String>,
        description: impl Into<String>,
        slug: impl Into<String>,
    ) -> PlainRequest<CalendarGroup> {
        let builder = described(self.builder(&UPDATE).argument(group.into()), name, description, slug);
        builder.plain(|answer| answer.part(&["group"]))
    }

    /// Lets a group be booked, or not.
    pub fn set_active(&self, group: impl Into<CalendarGroupId>, active: bool) -> PlainRequest<()> {
        self.builder(&SET_ACTIVE).argument(group.into()).set("isActive", active).plain(ignore_body)
    }

    /// Deletes a group.
    pub fn delete(&self, group: impl Into<CalendarGroupId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(group.into()).plain(ignore_body)
    }
}

fn described(
    builder: RequestBuilder,
    name: impl Into<String>,
    description: impl Into<String>,
    slug: impl Into<String>,
) -> RequestBuilder {
    builder.set("name", name.into()).set("description", description.into()).set("slug", slug.into())
}

impl CreateGroup {
    async fn send(self) -> Result<CalendarGroup> {
        self.builder.part(&["group"]).await
    }
}
