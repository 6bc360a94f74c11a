use futures_core::Stream;
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Page, Result};

use super::paging::{items, next_skip};
use crate::{
    client::{GhlClient, Operation, Resource, Settings, TokenKinds, request},
    config::ApiVersion,
    model::{CompanyId, Location},
};

const SEARCH: Operation = Operation::new("locations.search", Method::GET, "/locations/search", ApiVersion::V2021_07_28)
    .accepting(TokenKinds::ANY);

/// Locations in a page unless set otherwise.
const PAGE_SIZE: u32 = 100;

/// Searches locations. From [`Locations::search`](super::Locations::search).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited or streamed"]
pub struct SearchLocations {
    client: GhlClient,
    company: CompanyId,
    email: Option<String>,
    limit: u32,
    skip: u64,
    settings: Settings,
}

request!(SearchLocations => Page<Location, u64>);

#[derive(Deserialize)]
struct Found<T> {
    locations: Vec<T>,
}

impl SearchLocations {
    pub(super) fn new(client: GhlClient, company: CompanyId) -> Self {
        Self { client, company, email: None, limit: PAGE_SIZE, skip: 0, settings: Settings::default() }
    }

    /// Only the location with this e-mail address.
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Locations in a page; 100 unless set.
    pub fn page_size(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves out the first ones: an earlier page's `next`.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// All locations, one by one.
    pub fn items(self) -> impl Stream<Item = Result<Location>> + Send {
        items(self.skip, move |at| self.clone().skip(at).send(), |location| Some(location.id.to_string()))
    }

    /// All locations' whole documents, as sent.
    pub(crate) fn documents(self) -> impl Stream<Item = Result<Map<String, Value>>> + Send {
        items(
            self.skip,
            move |at| self.clone().skip(at).fetch(),
            |document: &Map<String, Value>| Some(document.get("id")?.to_string()),
        )
    }

    async fn send(self) -> Result<Page<Location, u64>> {
        self.fetch().await
    }

    async fn fetch<T: DeserializeOwned>(self) -> Result<Page<T, u64>> {
        if self.limit == 0 {
            return Err(Error::new(ErrorKind::Config, "a page has at least one location").at("ghl", SEARCH.name));
        }
        let (skip, limit) = (self.skip, self.limit);
        let call = SEARCH
            .call(&[])
            .query("companyId", &self.company)
            .query("skip", skip)
            .query("limit", limit)
            .query_opt("email", self.email);
        let answer = self.client.answer(call, &Resource::Company(self.company), &SEARCH, &self.settings).await?;
        let items = answer.json::<Found<T>>()?.locations;
        Ok(Page { next: next_skip(skip, limit, items.len()), total: None, items })
    }
}
