use std::{collections::BTreeMap, sync::Arc};

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result,
    commit::KeyRange,
    record::{Change, ChangeOrigin, Doc},
    sync::{Lookup, PageRequest, Source, SourcePage},
};

use super::{
    change::{LOCATIONS, id_of},
    snapshot::{Kept, Place, Row, Snapshot},
};
use crate::{
    client::GhlClient,
    config::ApiVersion,
    model::{CompanyId, InstalledLocation, LocationId},
};

/// Uses v2 also for a v3 client: a run needs numbered pages, which v3 lacks.
const INSTALLATIONS: ApiVersion = ApiVersion::V2021_07_28;

/// The locations that an organization may use, as a listing that can be copied. One value is one pass.
///
/// With a company's connection these are the locations where the app is installed; with a location's, that location.
#[derive(Debug)]
pub struct LocationsSource {
    client: GhlClient,
    organization: OrganizationId,
    scope: Scope,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Scope {
    Company(CompanyId),
    Location(LocationId),
}

/// Where a page of locations starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationsCursor {
    after: Place,
}

impl LocationsSource {
    /// The company's locations where the app is installed, or all of them when the client knows no app
    /// ([`GhlClientBuilder::client_id`](crate::GhlClientBuilder::client_id)).
    pub fn of_company(
        client: GhlClient,
        organization: impl Into<OrganizationId>,
        company: impl Into<CompanyId>,
    ) -> Self {
        Self { client, organization: organization.into(), scope: Scope::Company(company.into()), kept: Kept::default() }
    }

    /// One location, with its own token.
    pub fn of_location(
        client: GhlClient,
        organization: impl Into<OrganizationId>,
        location: impl Into<LocationId>,
    ) -> Self {
        Self {
            client,
            organization: organization.into(),
            scope: Scope::Location(location.into()),
            kept: Kept::default(),
        }
    }

    async fn fetch(&self) -> Result<Snapshot> {
        let asked_at = self.client.clock().now();
        let documents = match &self.scope {
            Scope::Location(location) => vec![self.client.locations().get(location).background().document().await?],
            Scope::Company(company) => self.of_app(company).await?,
        };
        Snapshot::new(LOCATIONS, documents, asked_at)
    }

    /// Where the app is installed, with what the company's search knows of each.
    async fn of_app(&self, company: &CompanyId) -> Result<Vec<Doc>> {
        let locations = self.client.locations();
        let mut found: Vec<Doc> = locations.search(company).background().documents().try_collect().await?;
        for document in &mut found {
            document.entry("companyId").or_insert_with(|| json!(company));
        }
        if self.client.app_id().is_none() {
            return Ok(found);
        }
        let installed = locations.installed(company).version(INSTALLATIONS).is_installed(true).background();
        let installed: Vec<InstalledLocation> = installed.items().try_collect().await?;
        let mut by_id = BTreeMap::new();
        for document in found {
            by_id.insert(id_of(&document)?, document);
        }
        let whole = |location: InstalledLocation| {
            by_id.remove(location.id.as_str()).unwrap_or_else(|| brief(company, &location))
        };
        Ok(installed.into_iter().filter(|location| location.is_installed != Some(false)).map(whole).collect())
    }

    async fn read_document(&self, id: &str) -> Result<Doc> {
        let gone = || Err(Error::new(ErrorKind::NotFound, "the app is not installed in this location"));
        match &self.scope {
            Scope::Location(location) if location.as_str() != id => gone(),
            Scope::Location(location) => self.client.locations().get(location).background().document().await,
            Scope::Company(company) => {
                let locations = self.client.locations();
                if self.client.app_id().is_some() {
                    let page = locations.installed(company).version(INSTALLATIONS).location(id).background().await?;
                    if !page.items.iter().any(|row| row.id.as_str() == id && row.is_installed != Some(false)) {
                        // One that the company may not read is another's, connected by itself: it is not ours to judge.
                        return locations
                            .get(id)
                            .as_company(company)
                            .background()
                            .document()
                            .await
                            .and_then(|_| gone());
                    }
                }
                locations.get(id).as_company(company).background().document().await
            }
        }
    }

    fn listed(&self, row: &Row, snapshot: &Snapshot) -> Result<Change> {
        let location = Some(Arc::clone(&row.place.1));
        LOCATIONS.fetched(&self.organization, location, row.document.clone(), snapshot.asked_at, ChangeOrigin::Listed)
    }
}

/// A location of which only the installation is known.
fn brief(company: &CompanyId, location: &InstalledLocation) -> Doc {
    let mut document = Doc::new();
    for (field, value) in [
        ("id", json!(location.id)),
        ("companyId", json!(company)),
        ("name", json!(location.name)),
        ("address", json!(location.address)),
    ] {
        document.insert(field.to_owned(), value);
    }
    document
}

impl Lookup for LocationsSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.read_document(id).await;
        LOCATIONS.read(&self.organization, id, Some(id.into()), read, asked_at, revision)
    }
}

impl Source for LocationsSource {
    type Cursor = LocationsCursor;

    async fn page(&self, request: PageRequest<LocationsCursor>) -> Result<SourcePage<LocationsCursor>> {
        let after = request.cursor.map(|cursor| cursor.after);
        let snapshot = self.kept.get(after.is_none(), self.fetch()).await?;
        let (rows, next) = snapshot.page(after.as_ref());
        let items = rows.iter().map(|row| self.listed(row, &snapshot)).collect::<Result<_>>()?;
        // The run of one location does not list the organization's other locations.
        let location = match &self.scope {
            Scope::Company(_) => None,
            Scope::Location(location) => Some(location.as_str().into()),
        };
        let span = KeyRange { kind: LOCATIONS.name, location, after, up_to: next.clone() };
        let total = Some(snapshot.rows.len() as u64);
        let next = next.map(|after| LocationsCursor { after });
        Ok(SourcePage { page: Page { items, next, total }, range: Some(span) })
    }
}
