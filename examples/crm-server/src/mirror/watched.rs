use sidecar_core::{
    Error, OrganizationId, Result,
    queue::outbox::NewTask,
    record::Change,
    sync::{Source, SourcePage},
};

use super::{look_at_all, watch};
use crate::app::App;

/// A listing whose changes are followed, where the organization has both sides.
#[derive(Debug)]
pub(crate) struct Watched<'a, S> {
    app: &'a App,
    organization: &'a OrganizationId,
    source: S,
    /// Whether everything is looked at once the listing was copied.
    all: bool,
}

impl<'a, S> Watched<'a, S> {
    /// The listing of this organization.
    pub(crate) fn new(app: &'a App, organization: &'a OrganizationId, source: S) -> Self {
        Self { app, organization, source, all: false }
    }

    /// After its pass, everything is looked at on both sides, and not only what it changes.
    #[must_use]
    pub(crate) fn and_look_at_all(mut self, all: bool) -> Self {
        self.all = all;
        self
    }
}

impl<S: Source> Source for Watched<'_, S> {
    type Cursor = S::Cursor;

    async fn page(&self, at: Option<S::Cursor>) -> Result<SourcePage<S::Cursor>> {
        let mut page = self.source.page(at).await?;
        watch(self.app, self.organization, &mut page.page.items).await.map_err(Error::from)?;
        Ok(page)
    }

    async fn read(&self, id: &str, revision: u64) -> Result<Change> {
        let mut change = self.source.read(id, revision).await?;
        watch(self.app, self.organization, std::slice::from_mut(&mut change)).await.map_err(Error::from)?;
        Ok(change)
    }

    fn on_complete(&self) -> Vec<NewTask> {
        let all = self.all.then(|| look_at_all(self.organization, self.app.now()));
        all.into_iter().chain(self.source.on_complete()).collect()
    }
}
