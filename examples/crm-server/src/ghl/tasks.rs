//! What has to be done at GHL because of a delivery: reading a record whose order could not be told, connecting a new
//! location, letting go of a removed one.
//!
//! When a task is made lives in `handler` and in the store, what an installation means in `installations`. Invariant: carrying a task out twice does no harm.

use std::borrow::Cow;

use async_trait::async_trait;
use ghl_client::{
    GhlClient,
    model::LocationId,
    sync::{
        APPOINTMENT, CONTACT, ContactsSource, EventsSource, LOCATION, LocationsSource, OPPORTUNITY,
        OpportunitiesSource, PIPELINE, PipelinesSource, READ_APPOINTMENT, READ_CONTACT, READ_LOCATION,
        READ_OPPORTUNITY, READ_PIPELINE,
    },
};
use serde::Deserialize;
use sidecar_core::{
    OrganizationId, Result,
    commit::Batch,
    queue::outbox::{Task, TaskHandler, TaskOutcome},
    record::{Change, RecordKey},
    sync::Source,
};

use super::{access, installations};
use crate::{
    app::App,
    mirror,
    tasks::{Trouble, payload},
    tenancy::connections::Connected,
};

/// The app was installed in a location: mint its token, copy it for the first time.
pub const INSTALL: &str = "ghl.install";
/// The app was removed from a location or company: erase the tokens, stop copying.
pub const UNINSTALL: &str = "ghl.uninstall";
/// What a read-by-id task carries; the store writes it.
#[derive(Debug, Deserialize)]
struct Wanted {
    kind: String,
    id: String,
    location: Option<String>,
}

/// Carries out the tasks of GHL.
#[derive(Debug, Clone)]
pub struct GhlTasks {
    app: App,
}

impl GhlTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn attempt(&self, task: &Task) -> Result<Batch, Trouble> {
        let organization = &task.organization;
        match task.kind.as_str() {
            INSTALL => installations::install(&self.app, organization, &payload(task)?).await?,
            UNINSTALL => installations::uninstall(&self.app, organization, &payload(task)?).await?,
            _ => return self.read(organization, payload(task)?).await,
        }
        Ok(Batch::default())
    }

    fn client(&self, organization: &OrganizationId) -> Result<GhlClient> {
        self.app.ghl.client(organization).ok_or_else(access::ghl_is_off)
    }

    /// Reads a record by id. Its stored revision is taken before the request leaves, so that a change that arrives
    /// meanwhile is not written over.
    async fn read(&self, organization: &OrganizationId, wanted: Wanted) -> Result<Batch, Trouble> {
        let Some(kind) =
            [CONTACT, APPOINTMENT, LOCATION, OPPORTUNITY, PIPELINE].into_iter().find(|kind| *kind == wanted.kind)
        else {
            return Err(Trouble::Never(format!("there are no records of kind `{}`", wanted.kind)));
        };
        let key = RecordKey { organization: organization.clone(), kind: Cow::Borrowed(kind), id: wanted.id.into() };
        let stored = self.app.store.record(&key).await?;
        let revision = stored.as_ref().map_or(0, |record| record.revision);
        let location = wanted.location.or_else(|| stored?.location.map(|location| location.to_string()));
        let mut change = self.read_change(&key, location.map(LocationId::from), revision).await?;
        mirror::watch(&self.app, organization, std::slice::from_mut(&mut change)).await?;
        Ok(Batch { changes: vec![change], ..Batch::default() })
    }

    async fn read_change(
        &self,
        key: &RecordKey,
        location: Option<LocationId>,
        revision: u64,
    ) -> Result<Change, Trouble> {
        let client = self.client(&key.organization)?;
        let (organization, id) = (&key.organization, &*key.id);
        let Some(location) = location else {
            return Err(Trouble::Never(format!("nobody knows which location {} {id} belongs to", key.kind)));
        };
        let connected = Connected::of(&self.app, organization).await?;
        let company = connected.company_of(&location).filter(|_| key.kind == LOCATION);
        if company.is_none() && !connected.has_location(&location) {
            let why = format!("location {location} is not connected (any more)");
            let is_held = installations::still_held(&self.app, organization, None, Some(&location)).await?;
            // Connecting again copies everything.
            return Err(if is_held { Trouble::NotYet(why) } else { Trouble::Never(why) });
        }
        let change = match (&*key.kind, company) {
            (CONTACT, _) => ContactsSource::full(client, organization, location).read(id, revision).await?,
            (APPOINTMENT, _) => EventsSource::new(client, organization, location).read(id, revision).await?,
            (OPPORTUNITY, _) => OpportunitiesSource::new(client, organization, location).read(id, revision).await?,
            (PIPELINE, _) => PipelinesSource::new(client, organization, location).read(id, revision).await?,
            (_, Some(company)) => LocationsSource::of_company(client, organization, company).read(id, revision).await?,
            (_, None) => LocationsSource::of_location(client, organization, location).read(id, revision).await?,
        };
        Ok(change)
    }
}

#[async_trait]
impl TaskHandler for GhlTasks {
    fn kinds(&self) -> &[&'static str] {
        &[READ_CONTACT, READ_APPOINTMENT, READ_LOCATION, READ_OPPORTUNITY, READ_PIPELINE, INSTALL, UNINSTALL]
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        match self.attempt(task).await {
            Ok(batch) => TaskOutcome::Done(Box::new(batch)),
            Err(trouble) => trouble.outcome(&self.app, task),
        }
    }
}
