use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sidecar_core::{
    OrganizationId, Page, Result, Timestamp,
    commit::KeyRange,
    record::{Change, ChangeOrigin, Doc},
    sync::{Lookup, PageRequest, Source, SourcePage},
};

use super::{
    change::{OPPORTUNITIES, id_of},
    snapshot::Place,
};
use crate::{
    client::GhlClient,
    model::{LocationId, field_time},
    opportunities::StartAfter,
};

/// The opportunities of a location, as a listing that can be copied. One value is one pass.
///
/// The provider's search cannot be asked for what changed, so that every pass goes through all of them, by creation. What a page
/// vouches for is taken from the order that its rows really have: one that is out of order vouches for nothing.
#[derive(Debug, Clone)]
pub struct OpportunitiesSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
    page_size: u32,
}

/// Where a page of opportunities starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpportunitiesCursor {
    /// The provider's cursor.
    after: StartAfter,
    /// Position and id of the opportunity before the page.
    last: Place,
}

impl OpportunitiesSource {
    /// Every opportunity.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into(), page_size: 100 }
    }

    /// Opportunities in a page: 1 to 100, 100 unless set.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn to_source_page(
        &self,
        start: Option<Place>,
        page: Page<Doc, StartAfter>,
        asked_at: Timestamp,
    ) -> Result<SourcePage<OpportunitiesCursor>> {
        let mut places = Vec::with_capacity(page.items.len());
        for document in &page.items {
            places.push((OPPORTUNITIES.position(document), id_of(document)?));
        }
        let in_order = start.iter().chain(&places).map(|(position, _)| position).is_sorted();
        let last = places.pop().or_else(|| start.clone());
        let next = page.next.zip(last).map(|(after, last)| OpportunitiesCursor { after, last });
        let span = in_order.then(|| KeyRange {
            kind: OPPORTUNITIES.name,
            location: self.location(),
            after: start,
            up_to: next.as_ref().map(|next| next.last.clone()),
        });
        let change = |document| self.listed(document, asked_at);
        let items = page.items.into_iter().map(change).collect::<Result<Vec<Change>>>()?;
        Ok(SourcePage { page: Page { items, next, total: page.total }, range: span })
    }

    fn listed(&self, document: Doc, asked_at: Timestamp) -> Result<Change> {
        // One that was never changed counts as of its creation, by the provider's clock and not by ours.
        let as_of = field_time(document.get("createdAt")).unwrap_or(asked_at);
        OPPORTUNITIES.fetched(&self.organization, self.location(), document, as_of, ChangeOrigin::Listed)
    }
}

impl Lookup for OpportunitiesSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let get = self.client.opportunities().get(&self.location, id).background();
        let read = get.document(&["opportunity"]).await;
        OPPORTUNITIES.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}

impl Source for OpportunitiesSource {
    type Cursor = OpportunitiesCursor;

    async fn page(&self, request: PageRequest<OpportunitiesCursor>) -> Result<SourcePage<OpportunitiesCursor>> {
        let asked_at = self.client.clock().now();
        let search = self.client.opportunities().search(&self.location).page_size(self.page_size);
        let search = search.order("added_asc").background();
        let (search, start) = match request.cursor {
            Some(cursor) => (search.after(cursor.after), Some(cursor.last)),
            None => (search, None),
        };
        self.to_source_page(start, search.documents().await?, asked_at)
    }
}
