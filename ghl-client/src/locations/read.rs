use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Result, http::Answer};

use crate::{
    client::{GhlClient, Operation, Resource, Settings, TokenKinds, request},
    config::ApiVersion,
    model::{CompanyId, CustomField, Location, LocationId},
};

const GET: Operation = Operation::new("locations.get", Method::GET, "/locations/{locationId}", ApiVersion::V2021_07_28)
    .accepting(TokenKinds::ANY);
const CUSTOM_FIELDS: Operation = Operation::new(
    "locations.custom_fields",
    Method::GET,
    "/locations/{locationId}/customFields",
    ApiVersion::V2021_07_28,
);

#[derive(Deserialize)]
struct Enveloped<T> {
    location: T,
}

/// Reads a location. From [`Locations::get`](super::Locations::get).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetLocation {
    client: GhlClient,
    location: LocationId,
    company: Option<CompanyId>,
    settings: Settings,
}

request!(GetLocation => Location);

impl GetLocation {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, company: None, settings: Settings::default() }
    }

    /// Reads it with the company's token instead of the location's own.
    pub fn as_company(mut self, company: impl Into<CompanyId>) -> Self {
        self.company = Some(company.into());
        self
    }

    /// The location's whole document, as sent.
    pub(crate) async fn document(self) -> Result<Map<String, Value>> {
        Ok(self.answer().await?.json::<Enveloped<Map<String, Value>>>()?.location)
    }

    async fn send(self) -> Result<Location> {
        Ok(self.answer().await?.json::<Enveloped<Location>>()?.location)
    }

    async fn answer(self) -> Result<Answer> {
        let call = GET.call(&[self.location.as_str()]);
        let resource = self.company.map_or(Resource::Location(self.location), Resource::Company);
        self.client.answer(call, &resource, &GET, &self.settings).await
    }
}

/// Lists a location's custom fields. From [`Locations::custom_fields`](super::Locations::custom_fields).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ListCustomFields {
    client: GhlClient,
    location: LocationId,
    model: Option<&'static str>,
    settings: Settings,
}

request!(ListCustomFields => Vec<CustomField>);

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "customFields")]
    custom_fields: Vec<CustomField>,
}

impl ListCustomFields {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, model: None, settings: Settings::default() }
    }

    /// Only contacts' fields.
    pub fn of_contacts(mut self) -> Self {
        self.model = Some("contact");
        self
    }

    /// Only opportunities' fields.
    pub fn of_opportunities(mut self) -> Self {
        self.model = Some("opportunity");
        self
    }

    async fn send(self) -> Result<Vec<CustomField>> {
        let call = CUSTOM_FIELDS.call(&[self.location.as_str()]).query_opt("model", self.model);
        let answer =
            self.client.answer(call, &Resource::Location(self.location), &CUSTOM_FIELDS, &self.settings).await?;
        Ok(answer.json::<Fields>()?.custom_fields)
    }
}
