use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result,
    record::{Change, ChangeOrigin, Doc},
    sync::{Source, SourcePage, Span},
};

use super::{
    change::{PIPELINES, id_of},
    snapshot::{Kept, Place, Row, Snapshot},
};
use crate::{
    client::{GhlClient, Operation, Resource, Settings},
    config::ApiVersion,
    model::LocationId,
};

const LIST: Operation =
    Operation::new("opportunities.pipelines", Method::GET, "/opportunities/pipelines", ApiVersion::V2021_07_28);

/// The pipelines of a location with their stages, as a listing that can be copied. One value is one pass. There are few, the
/// provider gives them whole, and no webhook tells of them.
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

#[derive(Deserialize)]
struct Found {
    pipelines: Vec<Doc>,
}

impl PipelinesSource {
    /// Every pipeline.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into(), kept: Kept::default() }
    }

    async fn list(&self) -> Result<Vec<Doc>> {
        let call = LIST.call(&[]).query("locationId", &self.location);
        let resource = Resource::Location(self.location.clone());
        let answer = self.client.answer(call, &resource, &LIST, &Settings::background()).await?;
        Ok(answer.json::<Found>()?.pipelines)
    }

    async fn fetch(&self) -> Result<Snapshot> {
        let asked_at = self.client.clock().now();
        Snapshot::new(PIPELINES, self.list().await?, asked_at)
    }

    /// There is no read of a single one.
    async fn read_document(&self, id: &str) -> Result<Doc> {
        let is_it = |document: &Doc| id_of(document).is_ok_and(|own| &*own == id);
        let found = self.list().await?.into_iter().find(is_it);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "the location has no such pipeline").at("ghl", LIST.name))
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn listed(&self, row: &Row, snapshot: &Snapshot) -> Result<Change> {
        let (document, asked_at) = (row.document.clone(), snapshot.asked_at);
        PIPELINES.fetched(&self.organization, self.location(), document, asked_at, ChangeOrigin::Listed)
    }
}

impl Source for PipelinesSource {
    type Cursor = PipelinesCursor;

    async fn page(&self, at: Option<PipelinesCursor>) -> Result<SourcePage<PipelinesCursor>> {
        let after = at.map(|cursor| cursor.after);
        let snapshot = self.kept.get(after.is_none(), self.fetch()).await?;
        let (rows, next) = snapshot.page(after.as_ref());
        let items = rows.iter().map(|row| self.listed(row, &snapshot)).collect::<Result<_>>()?;
        let span = Span { kind: PIPELINES.name, location: self.location(), after, up_to: next.clone() };
        let total = Some(snapshot.rows.len() as u64);
        let next = next.map(|after| PipelinesCursor { after });
        Ok(SourcePage { page: Page { items, next, total }, span: Some(span) })
    }

    async fn read(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.read_document(id).await;
        PIPELINES.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}
