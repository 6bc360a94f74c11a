use futures_core::Stream;
use http::Method;
use serde::Deserialize;
use sidecar_core::{Error, ErrorKind, Page, Result};

use super::paging::{items, next_skip};
use crate::{
    client::{GhlClient, Operation, Resource, Settings, TokenKinds, request},
    config::ApiVersion,
    model::{CompanyId, InstalledLocation, LocationId},
};

const INSTALLED: Operation =
    Operation::new("oauth.installed_locations", Method::GET, "/oauth/installedLocations", ApiVersion::V2021_07_28)
        .accepting(TokenKinds::AGENCY_ACCESS_ONLY);

/// Locations in a page unless set otherwise.
const PAGE_SIZE: u32 = 100;

/// Lists where the app is installed. From [`Locations::installed`](super::Locations::installed).
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited or streamed"]
pub struct ListInstalled {
    client: GhlClient,
    company: CompanyId,
    location: Option<LocationId>,
    installed: Option<bool>,
    query: Option<String>,
    limit: u32,
    skip: u64,
    settings: Settings,
}

request!(ListInstalled => Page<InstalledLocation, u64>);

#[derive(Deserialize)]
struct Found {
    locations: Vec<InstalledLocation>,
    #[serde(default)]
    count: Option<u64>,
}

impl ListInstalled {
    pub(super) fn new(client: GhlClient, company: CompanyId) -> Self {
        Self {
            client,
            company,
            location: None,
            installed: None,
            query: None,
            limit: PAGE_SIZE,
            skip: 0,
            settings: Settings::default(),
        }
    }

    /// Only locations where it is installed (`true`) or is not.
    pub fn is_installed(mut self, installed: bool) -> Self {
        self.installed = Some(installed);
        self
    }

    /// Only this location.
    pub fn location(mut self, location: impl Into<LocationId>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Only locations whose name holds this.
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.query = Some(text.into());
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

    /// All of them, one by one.
    pub fn items(self) -> impl Stream<Item = Result<InstalledLocation>> + Send {
        items(self.skip, move |at| self.clone().skip(at).send(), |location| Some(location.id.to_string()))
    }

    async fn send(self) -> Result<Page<InstalledLocation, u64>> {
        let Some(app) = self.client.app_id().map(str::to_owned) else {
            let why = "the list of installations needs the app's id: give its client id to the client's builder with `client_id`";
            return Err(Error::new(ErrorKind::Config, why).at("ghl", INSTALLED.name));
        };
        if self.limit == 0 {
            return Err(Error::new(ErrorKind::Config, "a page has at least one location").at("ghl", INSTALLED.name));
        }
        let (skip, limit) = (self.skip, self.limit);
        let call = INSTALLED
            .call(&[])
            .query("companyId", &self.company)
            .query("appId", app)
            .query("skip", skip)
            .query("limit", limit)
            .query_opt("isInstalled", self.installed)
            .query_opt("locationId", self.location)
            .query_opt("query", self.query);
        let answer = self.client.answer(call, &Resource::Company(self.company), &INSTALLED, &self.settings).await?;
        let Found { locations, count } = answer.json()?;
        Ok(Page { next: next_skip(skip, limit, locations.len()), total: count, items: locations })
    }
}
