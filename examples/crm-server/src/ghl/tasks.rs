//! What has to be done at GHL because of a delivery: reading a record whose order could not be told, connecting a new
//! location, letting go of a removed one.
//!
//! When a task is made lives in `handler` and in the store. Invariant: carrying a task out twice does no harm.

use std::{borrow::Cow, time::Duration};

use async_trait::async_trait;
use ghl_client::{
    GhlClient, GhlTokens,
    model::{CompanyId, LocationId},
    sync::{
        APPOINTMENT, CONTACT, ContactsSource, EventsSource, LOCATION, LocationsSource, READ_APPOINTMENT, READ_CONTACT,
        READ_LOCATION,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Result, StoreError,
    outbox::{Task, TaskHandler, TaskOutcome},
    record::{Batch, Change, RecordKey},
    sync::Source,
};
use sidecar_store::Claimed;

use super::handler::SOURCE;
use crate::{
    app::App,
    work::{self, connected::Connected},
};

/// The app was installed in a location: mint its token, copy it for the first time.
pub const INSTALL: &str = "ghl.install";
/// The app was removed from a location or company: erase the tokens, stop copying.
pub const UNINSTALL: &str = "ghl.uninstall";
/// Installations of an organization are carried out one after another, lest a removal overtakes what it removes.
pub const INSTALLATION_ORDER: &str = "ghl:installation";

/// How long a task waits for somebody to connect again.
const RECONNECT_WAIT: Duration = Duration::from_secs(300);
/// How long a task waits for a limit that does not say when it ends.
const LIMIT_WAIT: Duration = Duration::from_secs(10);

/// What an installation task speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The company; UNINSTALL of a location does not name it.
    pub company: Option<CompanyId>,
    /// The location; none when it is about the company.
    pub location: Option<LocationId>,
}

impl Installation {
    /// As a task's payload.
    pub fn to_json(&self) -> Value {
        json!({ "company": self.company, "location": self.location })
    }
}

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

/// Why a task is not carried out.
enum Trouble {
    Provider(Error),
    Store(StoreError),
    /// Trying again cannot help.
    Never(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Provider(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl GhlTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn attempt(&self, task: &Task) -> Result<Batch, Trouble> {
        let organization = &task.organization;
        match task.kind.as_str() {
            INSTALL => self.install(organization, &payload(task)?).await,
            UNINSTALL => self.uninstall(organization, &payload(task)?).await,
            _ => self.read(organization, payload(task)?).await,
        }
    }

    fn client(&self, organization: &OrganizationId) -> Result<GhlClient> {
        self.app.ghl.client(organization).ok_or_else(work::ghl_is_off)
    }

    fn tokens(&self, organization: &OrganizationId) -> Result<GhlTokens> {
        self.app.ghl.tokens(organization).ok_or_else(work::ghl_is_off)
    }

    /// Reads a record by id. Its stored revision is taken before the request leaves, so that a change that arrives
    /// meanwhile is not written over.
    async fn read(&self, organization: &OrganizationId, wanted: Wanted) -> Result<Batch, Trouble> {
        let Some(kind) = [CONTACT, APPOINTMENT, LOCATION].into_iter().find(|kind| *kind == wanted.kind) else {
            return Err(Trouble::Never(format!("there are no records of kind `{}`", wanted.kind)));
        };
        let key = RecordKey { organization: organization.clone(), kind: Cow::Borrowed(kind), id: wanted.id.into() };
        let stored = self.app.store.record(&key).await?;
        let revision = stored.as_ref().map_or(0, |record| record.revision);
        let location = wanted.location.or_else(|| stored?.location.map(|location| location.to_string()));
        let change = self.read_change(&key, location.map(LocationId::from), revision).await?;
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
        let change = match &*key.kind {
            CONTACT => ContactsSource::full(client, organization, location).read(id, revision).await?,
            APPOINTMENT => EventsSource::new(client, organization, location).read(id, revision).await?,
            _ => {
                let connected = Connected::of(&*self.app.store, organization).await?;
                let source = match connected.company_of(&location) {
                    Some(company) => LocationsSource::of_company(client, organization, company),
                    None => LocationsSource::of_location(client, organization, location),
                };
                source.read(id, revision).await?
            }
        };
        Ok(change)
    }

    async fn install(&self, organization: &OrganizationId, what: &Installation) -> Result<Batch, Trouble> {
        let Some(location) = &what.location else {
            // The company's token came with the connection; its locations have events of their own.
            return Ok(Batch::default());
        };
        let claimed = self.app.store.claim_location(SOURCE, location.as_str(), organization).await?;
        if claimed == Claimed::TakenBySomeoneElse {
            return Err(Trouble::Never(format!(
                "location {location} belongs to another organization (location_taken)"
            )));
        }
        let connected = Connected::of(&*self.app.store, organization).await?;
        if !connected.has_location(location) {
            let Some(company) = what.company.clone().or_else(|| connected.any_company()) else {
                return Err(Trouble::Never(format!(
                    "no company is connected that a token for {location} could be minted from"
                )));
            };
            self.tokens(organization)?.mint(&company, location).await.map_err(not_installed)?;
        }
        work::schedule_location(&self.app, organization, location).await?;
        Ok(Batch::default())
    }

    async fn uninstall(&self, organization: &OrganizationId, what: &Installation) -> Result<Batch, Trouble> {
        let tokens = self.tokens(organization)?;
        match (&what.location, &what.company) {
            (Some(location), _) => self.let_go(organization, &tokens, location).await?,
            (None, Some(company)) => {
                let connected = Connected::of(&*self.app.store, organization).await?;
                for location in connected.locations_of(company) {
                    self.let_go(organization, &tokens, &location).await?;
                }
                tokens.forget_company(company).await?;
                self.app.store.stop(organization, Some("")).await?;
                self.app.store.release_company(SOURCE, company.as_str(), organization).await?;
            }
            (None, None) => return Err(Trouble::Never("the event names neither location nor company".to_owned())),
        }
        Ok(Batch::default())
    }

    async fn let_go(
        &self,
        organization: &OrganizationId,
        tokens: &GhlTokens,
        location: &LocationId,
    ) -> Result<(), Trouble> {
        tokens.forget_location(location).await?;
        self.app.store.stop(organization, Some(location.as_str())).await?;
        self.app.store.release_location(SOURCE, location.as_str(), organization).await?;
        Ok(())
    }

    fn outcome(&self, trouble: Trouble) -> TaskOutcome {
        let now = self.app.clock.now();
        match trouble {
            Trouble::Never(why) => TaskOutcome::Refused(why),
            Trouble::Store(error) => TaskOutcome::Later(now + LIMIT_WAIT, error.to_string()),
            Trouble::Provider(error) => match error.kind() {
                ErrorKind::Auth | ErrorKind::Config => TaskOutcome::Later(now + RECONNECT_WAIT, error.to_string()),
                ErrorKind::RateLimited => {
                    TaskOutcome::Later(now + error.retry_after().unwrap_or(LIMIT_WAIT), error.to_string())
                }
                _ => TaskOutcome::Failed(error.to_string()),
            },
        }
    }
}

#[async_trait]
impl TaskHandler for GhlTasks {
    fn kinds(&self) -> &[&'static str] {
        &[READ_CONTACT, READ_APPOINTMENT, READ_LOCATION, INSTALL, UNINSTALL]
    }

    async fn carry_out(&self, task: &Task) -> TaskOutcome {
        match self.attempt(task).await {
            Ok(batch) => TaskOutcome::Done(Box::new(batch)),
            Err(trouble) => self.outcome(trouble),
        }
    }
}

/// A refusal to mint is final: the app is no longer installed there. Should it be again, another event says so.
fn not_installed(error: Error) -> Trouble {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Invalid => Trouble::Never(error.to_string()),
        _ => Trouble::Provider(error),
    }
}

fn payload<T: for<'de> Deserialize<'de>>(task: &Task) -> Result<T, Trouble> {
    T::deserialize(&task.payload).map_err(|error| Trouble::Never(format!("the task's payload cannot be read: {error}")))
}
