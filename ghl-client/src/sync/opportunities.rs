use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result, Timestamp,
    http::Answer,
    record::{Change, ChangeOrigin, Doc},
    sync::{Source, SourcePage, Span},
};

use super::change::{OPPORTUNITIES, id_of};
use crate::{
    client::{GhlClient, Operation, Resource, Settings},
    config::ApiVersion,
    model::LocationId,
};

const LIST: Operation =
    Operation::new("opportunities.search", Method::GET, "/opportunities/search", ApiVersion::V2021_07_28);
const READ: Operation =
    Operation::new("opportunities.get", Method::GET, "/opportunities/{id}", ApiVersion::V2021_07_28);

/// Opportunities in a page: the most that the provider gives.
const PAGE_SIZE: u32 = 100;

/// The opportunities of a location, as a listing that can be copied. One value is one pass.
///
/// Every pass goes through all of them, by creation, for the provider's search knows no update time to go by; those that did
/// not change are found by their `updatedAt` and not written.
#[derive(Debug, Clone)]
pub struct OpportunitiesSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
}

/// Where a page of opportunities starts: behind this one, by creation in epoch milliseconds and id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpportunitiesCursor {
    created_at: Timestamp,
    id: Arc<str>,
}

/// A search's answer.
#[derive(Deserialize)]
struct Found {
    opportunities: Vec<Doc>,
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    total: Option<u64>,
}

/// A read's answer.
#[derive(Deserialize)]
struct Enveloped {
    opportunity: Doc,
}

impl OpportunitiesSource {
    /// Every opportunity.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into() }
    }

    async fn answer(&self, operation: &Operation, call: sidecar_core::http::Call) -> Result<Answer> {
        let resource = Resource::Location(self.location.clone());
        self.client.answer(call, &resource, operation, &Settings::background()).await
    }

    async fn list(&self, at: Option<&OpportunitiesCursor>) -> Result<Found> {
        let call = LIST
            .call(&[])
            .query("location_id", &self.location)
            .query("order", "added_asc")
            .query("limit", PAGE_SIZE)
            .query_opt("startAfter", at.map(|at| at.created_at.as_millis()))
            .query_opt("startAfterId", at.map(|at| &at.id));
        self.answer(&LIST, call).await?.json()
    }

    async fn read_document(&self, id: &str) -> Result<Doc> {
        Ok(self.answer(&READ, READ.call(&[id])).await?.json::<Enveloped>()?.opportunity)
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }
}

impl Source for OpportunitiesSource {
    type Cursor = OpportunitiesCursor;

    async fn page(&self, at: Option<OpportunitiesCursor>) -> Result<SourcePage<OpportunitiesCursor>> {
        let asked_at = self.client.clock().now();
        let Found { opportunities, meta } = self.list(at.as_ref()).await?;
        let place = |document: &Doc| Ok::<_, Error>((OPPORTUNITIES.position(document), id_of(document)?));
        let last = opportunities.last().map(place).transpose()?;
        // An empty page ends the listing, not one that is only shorter than asked for.
        let next = last.map(|(created_at, id)| OpportunitiesCursor { created_at, id });
        if next.is_some() && next == at {
            let why = "the listing of opportunities does not move on: the same page came twice";
            return Err(Error::new(ErrorKind::Decode, why).at("ghl", LIST.name));
        }
        let start = at.map(|at| (at.created_at, at.id));
        let end = next.as_ref().map(|next| (next.created_at, Arc::clone(&next.id)));
        let span = Span { kind: OPPORTUNITIES.name, location: self.location(), after: start, up_to: end };
        let listed = |document| {
            OPPORTUNITIES.fetched(&self.organization, self.location(), document, asked_at, ChangeOrigin::Listed)
        };
        let items = opportunities.into_iter().map(listed).collect::<Result<_>>()?;
        let total = meta.and_then(|meta| meta.total);
        Ok(SourcePage { page: Page { items, next, total }, span: Some(span) })
    }

    async fn read(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.read_document(id).await;
        OPPORTUNITIES.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}
