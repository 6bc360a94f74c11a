use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result,
    commit::KeyRange,
    record::{Change, ChangeOrigin, Doc},
    sync::{Lookup, PageRequest, Source, SourcePage},
};

use super::{
    change::{PIPELINES, id_of},
    snapshot::{Kept, Place, Row, Snapshot},
};
use crate::{client::GhlClient, model::LocationId};

/// The pipelines of a location with their stages, as a listing that can be copied. One value is one pass.
#[derive(Debug)]
pub struct PipelinesSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
    kept: Kept,
}

/// Where a page of pipelines starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelinesCursor {
    after: Place,
}

impl PipelinesSource {
    /// Every pipeline.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into(), kept: Kept::default() }
    }

    async fn documents(&self) -> Result<Vec<Doc>> {
        self.client.opportunities().pipelines(&self.location).background().document(&["pipelines"]).await
    }

    async fn fetch(&self) -> Result<Snapshot> {
        let asked_at = self.client.clock().now();
        Snapshot::new(PIPELINES, self.documents().await?, asked_at)
    }

    /// GHL has no operation for a single pipeline.
    async fn find(&self, id: &str) -> Result<Doc> {
        let is_it = |document: &Doc| id_of(document).is_ok_and(|found| *found == *id);
        let found = self.documents().await?.into_iter().find(is_it);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "the location has no such pipeline"))
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn listed(&self, row: &Row, snapshot: &Snapshot) -> Result<Change> {
        let document = row.document.clone();
        PIPELINES.fetched(&self.organization, self.location(), document, snapshot.asked_at, ChangeOrigin::Listed)
    }
}

impl Lookup for PipelinesSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.find(id).await;
        PIPELINES.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}

impl Source for PipelinesSource {
    type Cursor = PipelinesCursor;

    async fn page(&self, request: PageRequest<PipelinesCursor>) -> Result<SourcePage<PipelinesCursor>> {
        let after = request.cursor.map(|cursor| cursor.after);
        let snapshot = self.kept.get(after.is_none(), self.fetch()).await?;
        let (rows, next) = snapshot.page(after.as_ref());
        let items = rows.iter().map(|row| self.listed(row, &snapshot)).collect::<Result<_>>()?;
        let span = KeyRange { kind: PIPELINES.name, location: self.location(), after, up_to: next.clone() };
        let total = Some(snapshot.rows.len() as u64);
        let next = next.map(|after| PipelinesCursor { after });
        Ok(SourcePage { page: Page { items, next, total }, range: Some(span) })
    }
}
