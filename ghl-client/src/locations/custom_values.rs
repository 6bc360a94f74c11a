use http::Method;

use super::Locations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, ignore_body},
    config::ApiVersion,
    model::{CustomValue, CustomValueId, LocationId},
};

const VERSION: ApiVersion = ApiVersion::V2021_07_28;
const ALL: &str = "/locations/{locationId}/customValues";
const ONE: &str = "/locations/{locationId}/customValues/{id}";
static LIST: Operation = Operation::new("locations.custom_values.list", Method::GET, ALL, VERSION);
static CREATE: Operation = Operation::new("locations.custom_values.create", Method::POST, ALL, VERSION);
static GET: Operation = Operation::new("locations.custom_values.get", Method::GET, ONE, VERSION);
static UPDATE: Operation = Operation::new("locations.custom_values.update", Method::PUT, ONE, VERSION);
static DELETE: Operation = Operation::new("locations.custom_values.delete", Method::DELETE, ONE, VERSION);

/// A location's custom values. From [`Locations::custom_values`].
#[derive(Debug, Clone)]
pub struct CustomValues {
    client: GhlClient,
    location: LocationId,
}

impl Locations {
    /// A location's custom values: list, create, read, change, delete.
    pub fn custom_values(&self, location: impl Into<LocationId>) -> CustomValues {
        CustomValues { client: self.0.clone(), location: location.into() }
    }
}

impl CustomValues {
    fn builder(&self, operation: &'static Operation) -> RequestBuilder {
        RequestBuilder::new(&self.client, operation, self.location.clone()).argument(&self.location)
    }

    /// Lists them all.
    pub fn list(&self) -> PlainRequest<Vec<CustomValue>> {
        self.builder(&LIST).plain(|answer| answer.part(&["customValues"]))
    }

    /// Creates one.
    pub fn create(&self, name: impl Into<String>, value: impl Into<String>) -> PlainRequest<CustomValue> {
        write(self.builder(&CREATE), name, value)
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<CustomValueId>) -> PlainRequest<CustomValue> {
        self.builder(&GET).argument(id.into()).plain(|answer| answer.part(&["customValue"]))
    }

    /// Gives one this name and this value; the provider wants both.
    pub fn update(
        &self,
        id: impl Into<CustomValueId>,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> PlainRequest<CustomValue> {
        write(self.builder(&UPDATE).argument(id.into()), name, value)
    }

    /// Deletes one.
    pub fn delete(&self, id: impl Into<CustomValueId>) -> PlainRequest<()> {
        self.builder(&DELETE).argument(id.into()).plain(ignore_body)
    }
}

fn write(builder: RequestBuilder, name: impl Into<String>, value: impl Into<String>) -> PlainRequest<CustomValue> {
    builder.set("name", name.into()).set("value", value.into()).plain(|answer| answer.part(&["customValue"]))
}
