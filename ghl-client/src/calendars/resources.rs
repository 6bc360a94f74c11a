use http::Method;
use serde_json::json;
use sidecar_core::{Page, Result};

use super::Calendars;
use crate::{
    client::{
        GhlClient, OffsetPaging, Operation, PlainRequest, RequestBuilder, ignore_body, listing, request, setters,
    },
    config::ApiVersion,
    model::{CalendarId, CalendarResource, CalendarResourceId, LocationId, ResourceType},
};

const VERSION: ApiVersion = ApiVersion::V2021_04_15;
const ALL: &str = "/calendars/resources/{resourceType}";
const ONE: &str = "/calendars/resources/{resourceType}/{id}";
static LIST: Operation = Operation::new("calendars.resources.list", Method::GET, ALL, VERSION);
static CREATE: Operation = Operation::new("calendars.resources.create", Method::POST, ALL, VERSION);
static GET: Operation = Operation::new("calendars.resources.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("calendars.resources.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("calendars.resources.delete", Method::DELETE, ONE, VERSION);

/// A location's rooms, or its equipments. From [`Calendars::resources`].
#[derive(Debug, Clone)]
pub struct Resources {
    client: GhlClient,
    location: LocationId,
    kind: ResourceType,
}

request! {
    /// Lists rooms or equipments; 100 in a page unless set otherwise. From [`Resources::list`].
    pub struct ListResources { paging: OffsetPaging } => Page<CalendarResource, u64>
}
listing!(ListResources => CalendarResource, skip, |resource| {
    Some(resource.id().map_or_else(|| resource.name.clone(), |id| id.to_string()))
});
request! {
    /// Creates a room or an equipment. From [`Resources::create`].
    pub struct CreateResource => CalendarResource
}
request! {
    /// Changes a room or an equipment. From [`Resources::update`].
    pub struct UpdateResource => CalendarResource
}
setters! { body of CreateResource, UpdateResource; {
    /// The description.
    "description" description: into String,
    /// How many there are.
    "quantity" quantity: u32,
    /// How many of them are out of service.
    "outOfService" out_of_service: u32,
    /// How many people it is for.
    "capacity" capacity: u32,
    /// The calendars that book it.
    "calendarIds" calendars: each CalendarId,
}}
setters! { body of UpdateResource; {
    /// Its name.
    "name" name: into String,
    /// Whether it can be booked.
    "isActive" is_active: bool,
}}

impl Calendars {
    /// A location's rooms or equipments: list, create, read, change, delete. v3 of the API is about to drop them.
    pub fn resources(&self, location: impl Into<LocationId>, kind: ResourceType) -> Resources {
        Resources { client: self.0.clone(), location: location.into(), kind }
    }
}

impl Resources {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(self.kind.as_str())
    }

    /// Lists them, a page when awaited.
    pub fn list(&self) -> ListResources {
        ListResources {
            builder: self.builder(&LIST).query("locationId", &self.location),
            paging: OffsetPaging::new(100, u32::MAX),
        }
    }

    /// Creates one: a single one for one person, which no calendar books, unless set otherwise.
    pub fn create(&self, name: impl Into<String>) -> CreateResource {
        // The specification requires all of these.
        let builder = self.builder(&CREATE).set("locationId", json!(self.location)).set("name", name.into());
        let builder = builder.set("description", "").set("quantity", 1).set("outOfService", 0).set("capacity", 1);
        CreateResource { builder: builder.set("calendarIds", json!([])) }
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<CalendarResourceId>) -> PlainRequest<CalendarResource> {
        self.builder(&GET).argument(id.into()).plain(|answer| answer.json())
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<CalendarResourceId>) -> UpdateResource {
        UpdateResource { builder: self.builder(&UPDATE).argument(id.into()).set("locationId", json!(self.location)) }
    }

    /// Deletes one.
    pub fn delete(&self, id: impl Into<CalendarResourceId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(id.into()).plain(ignore_body)
    }
}

impl ListResources {
    async fn send(self) -> Result<Page<CalendarResource, u64>> {
        let resources = self.paging.query(self.builder, "skip").json().await?;
        Ok(self.paging.page(resources, None))
    }
}

impl CreateResource {
    async fn send(self) -> Result<CalendarResource> {
        self.builder.json().await
    }
}

impl UpdateResource {
    async fn send(self) -> Result<CalendarResource> {
        self.builder.json().await
    }
}
