use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, SendState, http::Response};

use super::Locations;
use crate::{
    client::{GhlClient, Operation, PlainRequest, RequestBuilder, RequestOptions, Resource, TokenKinds, request},
    config::ApiVersion,
    model::{CompanyId, Location, LocationId},
};

const GET: Operation = Operation::new("locations.get", Method::GET, "/locations/{locationId}", ApiVersion::V2021_07_28)
    .accepting(TokenKinds::ANY);
static TIMEZONES: Operation =
    Operation::new("locations.timezones", Method::GET, "/locations/{locationId}/timezones", ApiVersion::V2021_07_28);

impl Locations {
    /// The time zones that a location can be set to, by their IANA names.
    pub fn timezones(&self, location: impl Into<LocationId>) -> PlainRequest<Vec<String>> {
        let location = location.into();
        RequestBuilder::new(&self.0, &TIMEZONES, location.clone()).argument(location).plain(names)
    }
}

/// The specification has no schema for the response: reads a list, or the only list in an object.
fn names(answer: &Response) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        Bare(Vec<String>),
        Held(BTreeMap<String, Value>),
    }
    let list = match answer.json()? {
        Names::Bare(names) => return Ok(names),
        Names::Held(fields) => fields.into_values().find(Value::is_array),
    };
    list.and_then(|list| serde_json::from_value(list).ok()).ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the answer has no list of time zones")
            .at("ghl", TIMEZONES.name)
            .with_send_state(SendState::Responded)
            .with_status(answer.status)
            .with_body(&answer.body)
    })
}

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
    options: RequestOptions,
}

request!(GetLocation => Location);

impl GetLocation {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, company: None, options: RequestOptions::default() }
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

    async fn answer(self) -> Result<Response> {
        let call = GET.call(&[self.location.as_str()]);
        let resource = self.company.map_or(Resource::Location(self.location), Resource::Company);
        self.client.send(call, &resource, &GET, &self.options).await
    }
}
