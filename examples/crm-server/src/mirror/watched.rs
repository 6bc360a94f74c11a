use sidecar_core::{
    Error, OrganizationId, Result,
    queue::outbox::NewTask,
    record::Change,
    sync::{Lookup, Mode, PageRequest, Source, SourcePage},
};

use super::{look_at_all, watch};
use crate::app::App;

/// A listing whose changes are followed, where the organization has both sides.
#[derive(Debug)]
pub(crate) struct Watched<'a, S> {
    app: &'a App,
    organization: &'a OrganizationId,
    source: S,
    backfill: bool,
}

impl<'a, S> Watched<'a, S> {
    /// The listing of this organization.
    pub(crate) fn new(app: &'a App, organization: &'a OrganizationId, source: S) -> Self {
        Self { app, organization, source, backfill: false }
    }

    /// After a full run, everything upcoming is reconciled on both sides, and not only what the run changes.
    #[must_use]
    pub(crate) fn with_backfill(mut self) -> Self {
        self.backfill = true;
        self
    }
}

impl<S: Source> Lookup for Watched<'_, S> {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let mut change = self.source.lookup(id, revision).await?;
        watch(self.app, self.organization, std::slice::from_mut(&mut change)).await.map_err(Error::from)?;
        Ok(change)
    }
}

impl<S: Source> Source for Watched<'_, S> {
    type Cursor = S::Cursor;

    async fn page(&self, request: PageRequest<S::Cursor>) -> Result<SourcePage<S::Cursor>> {
        let mut page = self.source.page(request).await?;
        watch(self.app, self.organization, &mut page.page.items).await.map_err(Error::from)?;
        Ok(page)
    }

    fn on_complete(&self, mode: Mode) -> Vec<NewTask> {
        let all = (self.backfill && mode == Mode::Full).then(|| look_at_all(self.organization, self.app.now()));
        all.into_iter().chain(self.source.on_complete(mode)).collect()
    }
}
