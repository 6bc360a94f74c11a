//! Executes the tasks of GHL: refetching a record, connecting an installed location, disconnecting a removed one.
//!
//! `events` and the store create the tasks; `installations` says what an installation changes.

use async_trait::async_trait;
use ghl_client::{
    model::{CompanyId, LocationId},
    sync::{
        APPOINTMENT, CONTACT, ContactsSource, EventsSource, LOCATION, LocationsSource, OPPORTUNITY,
        OpportunitiesSource, PIPELINE, PipelinesSource, READ_APPOINTMENT, READ_CONTACT, READ_LOCATION,
        READ_OPPORTUNITY, READ_PIPELINE,
    },
};
use sidecar_core::{
    OrganizationId,
    commit::Batch,
    queue::outbox::{Task, TaskHandler, TaskOutcome},
    record::Change,
    sync::Lookup as _,
};

use super::{access, installations};
use crate::{
    app::App,
    mirror,
    tasks::{Refetch, TaskError, payload, refetch},
};

/// The app was installed in a location: mint its token, sync it for the first time.
pub const INSTALL: &str = "ghl.install";
/// The app was removed from a location or company: erase the tokens, stop syncing.
pub const UNINSTALL: &str = "ghl.uninstall";

/// Executes the tasks of GHL.
#[derive(Debug, Clone)]
pub struct GhlTasks {
    app: App,
}

impl GhlTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn attempt(&self, task: &Task) -> Result<Batch, TaskError> {
        let organization = &task.organization;
        match task.kind.as_str() {
            INSTALL => installations::install(&self.app, organization, &payload(task)?).await?,
            UNINSTALL => installations::uninstall(&self.app, organization, &payload(task)?).await?,
            _ => return refetch(&self.app, organization, payload(task)?, async |what| self.fetch(what).await).await,
        }
        Ok(Batch::default())
    }

    async fn fetch(&self, Refetch { key, location, revision }: Refetch) -> Result<Change, TaskError> {
        let client = self.app.ghl.client(&key.organization).ok_or_else(access::ghl_is_off)?;
        let (organization, id) = (&key.organization, &*key.id);
        let Some(location) = location.map(LocationId::from) else {
            return Err(TaskError::Permanent(format!("the location of {} {id} is unknown", key.kind)));
        };
        let company = self.connected_company(organization, &location, &key.kind).await?;
        let mut change = match (&*key.kind, company) {
            (CONTACT, _) => ContactsSource::new(client, organization, location).lookup(id, revision).await?,
            (APPOINTMENT, _) => EventsSource::new(client, organization, location).lookup(id, revision).await?,
            (OPPORTUNITY, _) => OpportunitiesSource::new(client, organization, location).lookup(id, revision).await?,
            (PIPELINE, _) => PipelinesSource::new(client, organization, location).lookup(id, revision).await?,
            (LOCATION, Some(company)) => {
                LocationsSource::of_company(client, organization, company).lookup(id, revision).await?
            }
            (LOCATION, None) => {
                LocationsSource::of_location(client, organization, location).lookup(id, revision).await?
            }
            (kind, _) => return Err(TaskError::Permanent(format!("records of kind `{kind}` cannot be refetched"))),
        };
        mirror::watch(&self.app, organization, std::slice::from_mut(&mut change)).await?;
        Ok(change)
    }

    /// Returns the company whose token reads the record, if it is a location; fails if the location has no token either.
    async fn connected_company(
        &self,
        organization: &OrganizationId,
        location: &LocationId,
        kind: &str,
    ) -> Result<Option<CompanyId>, TaskError> {
        let connections = self.app.connections(organization).await?;
        let company = connections.company_of(location).filter(|_| kind == LOCATION);
        if company.is_some() || connections.has_location(location) {
            return Ok(company);
        }
        let why = format!("location {location} is not connected");
        // A location that is claimed is being connected. Otherwise its next connection syncs everything.
        match installations::is_claimed(&self.app, organization, None, Some(location)).await? {
            true => Err(TaskError::NotReady(why)),
            false => Err(TaskError::Permanent(why)),
        }
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
            Err(error) => error.outcome(&self.app, task),
        }
    }
}
