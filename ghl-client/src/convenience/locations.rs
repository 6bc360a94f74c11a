use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use futures_util::TryStreamExt;
use sidecar_core::{Error, ErrorKind, Result};

use crate::{
    client::{GhlClient, RequestOptions, request},
    config::ApiVersion,
    model::{CompanyId, Location, LocationId},
};

/// Lists locations. From [`GhlClient::get_locations`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetLocations {
    client: GhlClient,
    whose: Option<Whose>,
    options: RequestOptions,
}

#[derive(Debug, Clone)]
enum Whose {
    Company(CompanyId),
    Location(LocationId),
}

request!(GetLocations => Vec<Location>);

impl GetLocations {
    pub(super) fn new(client: GhlClient) -> Self {
        Self { client, whose: None, options: RequestOptions::default() }
    }

    /// Those of this company only.
    pub fn company(mut self, company: impl Into<CompanyId>) -> Self {
        self.whose = Some(Whose::Company(company.into()));
        self
    }

    /// This one only, read with its own token.
    pub fn location(mut self, location: impl Into<LocationId>) -> Self {
        self.whose = Some(Whose::Location(location.into()));
        self
    }

    async fn send(self) -> Result<Vec<Location>> {
        match &self.whose {
            Some(Whose::Company(company)) => self.of_company(company).await,
            Some(Whose::Location(location)) => Ok(vec![self.one(location).await?]),
            None => self.of_organization().await,
        }
    }

    async fn of_organization(&self) -> Result<Vec<Location>> {
        let Some(tokens) = self.client.tokens() else {
            let why = "a client with one token cannot tell whose it is: name its company or location, `get_locations().company(id)` or `.location(id)`";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", "get_locations"));
        };
        let (companies, locations) = tokens.connected().await?;
        let mut found = BTreeMap::new();
        for company in &companies {
            let locations = self.of_company(company).await?;
            found.extend(locations.into_iter().map(|location| (location.id.clone(), location)));
        }
        for location in locations {
            if let Entry::Vacant(place) = found.entry(location) {
                let location = self.one(place.key()).await?;
                place.insert(location);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn one(&self, location: &LocationId) -> Result<Location> {
        self.client.locations().get(location).with_options(self.options.clone()).await
    }

    async fn of_company(&self, company: &CompanyId) -> Result<Vec<Location>> {
        let families = self.client.locations();
        let mut locations: Vec<Location> =
            families.search(company).with_options(self.options.clone()).items().try_collect().await?;
        // Only a company's OAuth token can list installations.
        if self.client.app_id().is_some() && self.client.tokens().is_some() {
            // Also for a v3 client: both listings return the same.
            let installed = families.installed(company).is_installed(true).with_options(self.options.clone());
            let installed = installed.version(ApiVersion::V2021_07_28).items();
            let installed: BTreeSet<LocationId> = installed.map_ok(|location| location.id).try_collect().await?;
            locations.retain(|location| installed.contains(&location.id));
        }
        Ok(locations)
    }
}
