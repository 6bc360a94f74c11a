//! One run of one source: the listing that it syncs, and what follows from it.

use std::borrow::Cow;

use calcom_client::sync::{BookingsCursor, BookingsSource};
use futures_util::{StreamExt, TryStreamExt, future, stream};
use ghl_client::{
    GhlClient,
    model::{CompanyId, LocationId},
    sync::{ContactsSource, EventsSource, LocationsSource, OpportunitiesSource, PipelinesSource},
};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, StoreError,
    commit::Batch,
    queue::outbox::{Dedup, NewTask},
    record::Change,
    sync::{Lookup, Mode, PageRequest, Source, SourcePage, SyncError, SyncKey, SyncObserver, SyncReport},
};
use tokio::sync::OnceCell;

use super::{
    schedule::SyncOptions,
    sources::{CALCOM_BOOKINGS, GHL_CONTACTS, GHL_EVENTS, GHL_LOCATIONS, GHL_OPPORTUNITIES, GHL_PIPELINES},
};
use crate::{
    app::App,
    ghl::{
        access::ghl_is_off,
        installations::{self, Installation},
        tasks,
    },
    mirror::{self, Watched},
};

/// Runs in parallel of one `sync` command.
const MAX_PARALLEL_RUNS: usize = 8;

/// Runs the sync of `key`.
///
/// # Errors
/// [`SyncError`]; it is stored in the source's status, unless another process runs the sync or this one is stopping.
pub async fn run(app: &App, key: &SyncKey, observer: &dyn SyncObserver) -> Result<SyncReport, SyncError> {
    if &*key.source == CALCOM_BOOKINGS {
        return Box::pin(bookings(app, key, observer)).await;
    }
    let Some(client) = app.ghl.client(&key.organization) else {
        return Err(start_failed(app, key, ghl_is_off()).await);
    };
    let (organization, location) = (&key.organization, LocationId::from(&*key.location));
    match &*key.source {
        GHL_LOCATIONS => {
            let connected = app.connections(organization).await?;
            let source = match (key.location.is_empty(), connected.company()) {
                (false, _) => LocationsSource::of_location(client, organization, location),
                (true, Some(company)) => LocationsSource::of_company(client, organization, company),
                (true, None) => return Err(start_failed(app, key, no_company()).await),
            };
            let report = run_source(app, key, &source, observer).await?;
            if key.location.is_empty() {
                Box::pin(enqueue_installs(app, organization)).await?;
            }
            Ok(report)
        }
        GHL_CONTACTS => run_source(app, key, &ContactsSource::new(client, organization, location), observer).await,
        GHL_EVENTS => {
            let events = EventsSource::new(client, organization, location);
            run_source(app, key, &Watched::new(app, organization, events), observer).await
        }
        GHL_PIPELINES => run_source(app, key, &PipelinesSource::new(client, organization, location), observer).await,
        GHL_OPPORTUNITIES => {
            run_source(app, key, &OpportunitiesSource::new(client, organization, location), observer).await
        }
        _ => {
            let why = "this version of the server does not know the source";
            Err(start_failed(app, key, Error::new(ErrorKind::InvalidInput, why)).await)
        }
    }
}

/// Runs a source. The future is boxed: those of several sources side by side are large.
async fn run_source<S: Source>(
    app: &App,
    key: &SyncKey,
    source: &S,
    observer: &dyn SyncObserver,
) -> Result<SyncReport, SyncError> {
    Box::pin(app.engine.run(key, source, observer)).await
}

/// Syncs the bookings of Cal.com. A full run, which a new connection starts with, ends with a backfill of everything upcoming on both
/// sides: changes from before the connection, or from before every process noticed it, had no triggers.
async fn bookings(app: &App, key: &SyncKey, observer: &dyn SyncObserver) -> Result<SyncReport, SyncError> {
    if let Err(error) = app.calcom.client(&key.organization).await {
        return Err(start_failed(app, key, error).await);
    }
    let source = ConnectedBookings { app, organization: &key.organization, source: OnceCell::new() };
    let report = run_source(app, key, &Watched::new(app, &key.organization, source).with_backfill(), observer).await?;
    app.outbox_wake.notify_one();
    Ok(report)
}

/// The bookings of the account that is connected when the run starts. A run satisfies the requests made before its start, and a
/// reconnect requests one, so the account must not be read earlier.
struct ConnectedBookings<'a> {
    app: &'a App,
    organization: &'a OrganizationId,
    source: OnceCell<BookingsSource>,
}

impl ConnectedBookings<'_> {
    /// Returns the source. Before a full run it waits until every process has noticed the connection.
    async fn source(&self, mode: Mode) -> Result<&BookingsSource, Error> {
        let connect = async || {
            let client = self.app.calcom.client(self.organization).await?;
            if mode == Mode::Full {
                self.app.clock.sleep(mirror::UNNOTICED).await;
            }
            Ok(BookingsSource::new(client, self.organization.clone()))
        };
        self.source.get_or_try_init(connect).await
    }
}

impl Lookup for ConnectedBookings<'_> {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change, Error> {
        self.source(Mode::Incremental).await?.lookup(id, revision).await
    }
}

impl Source for ConnectedBookings<'_> {
    type Cursor = BookingsCursor;

    async fn page(&self, request: PageRequest<BookingsCursor>) -> Result<SourcePage<BookingsCursor>, Error> {
        self.source(request.mode).await?.page(request).await
    }
}

fn no_company() -> Error {
    Error::new(ErrorKind::Auth, "no company is connected: connect again")
}

/// Counts a run that could not start as failed, so that it does not stay due.
async fn start_failed(app: &App, key: &SyncKey, error: Error) -> SyncError {
    let retry_at = app.clock.now() + app.engine.config().interval;
    match app.store.failed(key, &error.to_string(), retry_at).await {
        Ok(()) => error.into(),
        Err(error) => error.into(),
    }
}

/// Returns locations that are installed but not connected: their INSTALL was not delivered, or its task failed.
///
/// Reads the provider's list of installations: stored locations remain after the app was removed.
async fn unconnected_installations(app: &App, organization: &OrganizationId) -> Result<Vec<Installation>, SyncError> {
    let connected = app.connections(organization).await?;
    let (Some(client), Some(company)) = (app.ghl.client(organization), connected.company()) else {
        return Ok(Vec::new());
    };
    let mut found = installed(&client, &company).await?;
    found.retain(|location| !connected.has_location(location));
    let installation = |location| Installation { company: Some(company.clone()), location: Some(location), at: None };
    Ok(found.into_iter().map(installation).collect())
}

async fn installed(client: &GhlClient, company: &CompanyId) -> Result<Vec<LocationId>, Error> {
    let listed = client.locations().installed(company).is_installed(true).background().items();
    let installed = listed.try_filter(|location| future::ready(location.is_installed != Some(false)));
    installed.map_ok(|location| location.id).try_collect().await
}

/// Enqueues the connection of locations that are installed but not connected.
async fn enqueue_installs(app: &App, organization: &OrganizationId) -> Result<(), SyncError> {
    let found = unconnected_installations(app, organization).await?;
    let outbox: Vec<NewTask> = found.iter().map(|installation| install_task(app, organization, installation)).collect();
    if !outbox.is_empty() {
        app.store.commit(Batch { outbox, ..Batch::default() }).await?;
        app.outbox_wake.notify_one();
    }
    Ok(())
}

fn install_task(app: &App, organization: &OrganizationId, what: &Installation) -> NewTask {
    let location = what.location.as_ref().map_or_else(String::new, ToString::to_string);
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::INSTALL),
        key: format!("{}:{location}", tasks::INSTALL).into(),
        order_key: what.order_key().into(),
        payload: what.to_json(),
        not_before: app.clock.now(),
        dedup: Dedup::Coalesce,
    }
}

/// The outcome of one source's run.
pub type RunOutcome = (SyncKey, Result<SyncReport, SyncError>);

/// Syncs every source of the organization in this process: the locations first, then the rest in parallel. Installed locations that
/// are not connected are connected in between.
///
/// # Errors
/// The store cannot be written. The outcome of each run is in the result.
pub async fn sync_now(
    app: &App,
    organization: &OrganizationId,
    options: SyncOptions,
    observer: &dyn SyncObserver,
) -> Result<Vec<RunOutcome>, StoreError> {
    let sources = app.sync_schedule.schedule_all(organization, options).await?;
    let mut ended = run_all(app, sources.into_iter().filter(lists_locations).collect(), observer).await;
    ended.extend(connect_installations(app, organization).await);
    let sources = app.sync_schedule.sources(organization).await?;
    ended.extend(run_all(app, sources.into_iter().filter(|key| !lists_locations(key)).collect(), observer).await);
    Ok(ended)
}

fn lists_locations(key: &SyncKey) -> bool {
    &*key.source == GHL_LOCATIONS
}

/// Connects locations that are installed but not connected. Returns the failures.
async fn connect_installations(app: &App, organization: &OrganizationId) -> Vec<RunOutcome> {
    let failed = |location: &str, error| (SyncKey::new(organization, GHL_CONTACTS, location), Err(error));
    let found = match Box::pin(unconnected_installations(app, organization)).await {
        Ok(found) => found,
        Err(error) => return vec![(SyncKey::new(organization, GHL_LOCATIONS, ""), Err(error))],
    };
    let mut failures = Vec::new();
    for what in found {
        if let Err(error) = Box::pin(installations::install(app, organization, &what)).await {
            failures.push(failed(what.location.as_ref().map_or("", LocationId::as_str), error.into()));
        }
    }
    failures
}

async fn run_all(app: &App, sources: Vec<SyncKey>, observer: &dyn SyncObserver) -> Vec<RunOutcome> {
    let run = |key: SyncKey| async move {
        let outcome = Box::pin(run(app, &key, observer)).await;
        (key, outcome)
    };
    stream::iter(sources).map(run).buffer_unordered(MAX_PARALLEL_RUNS).collect().await
}
