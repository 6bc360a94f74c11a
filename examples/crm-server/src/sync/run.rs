//! One pass of one source: which listing it copies, and what follows from it.

use std::borrow::Cow;

use calcom_client::sync::BookingsSource;
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
    sync::{Mode, Source, SyncError, SyncKey, SyncObserver, SyncReport},
};

use super::{
    schedule::SyncOptions,
    sources::{CALCOM_BOOKINGS, GHL_CONTACTS, GHL_EVENTS, GHL_LOCATIONS, GHL_OPPORTUNITIES, GHL_PIPELINES},
};
use crate::{
    app::App,
    booking_sync::{BackfillAfterSync, PROPAGATION_DELAY},
    ghl::{
        access::ghl_is_off,
        installations::{self, Installation},
        tasks,
    },
};

/// Passes that a person's `sync` runs at once.
const PASSES_AT_ONCE: usize = 8;

/// Runs the pass that is due for `key`.
///
/// # Errors
/// [`SyncError`]; it stands in the source's status, unless another process runs the pass or this one is stopping.
pub async fn run(app: &App, key: &SyncKey, observer: &dyn SyncObserver) -> Result<SyncReport, SyncError> {
    if &*key.source == CALCOM_BOOKINGS {
        return Box::pin(bookings(app, key, observer)).await;
    }
    let Some(client) = app.ghl.client(&key.organization) else {
        return Err(not_begun(app, key, ghl_is_off()).await);
    };
    let (organization, location) = (&key.organization, LocationId::from(&*key.location));
    match &*key.source {
        GHL_LOCATIONS => {
            let connected = app.connections(organization).await?;
            let source = match (key.location.is_empty(), connected.company()) {
                (false, _) => LocationsSource::of_location(client, organization, location),
                (true, Some(company)) => LocationsSource::of_company(client, organization, company),
                (true, None) => return Err(not_begun(app, key, no_company()).await),
            };
            let report = copy(app, key, &source, observer).await?;
            if key.location.is_empty() {
                Box::pin(install_new(app, organization)).await?;
            }
            Ok(report)
        }
        GHL_CONTACTS => {
            let pass = app.engine.begin(key).await?;
            let source = match (pass.mode(), pass.since(app.engine.config())) {
                (Mode::Incremental, Some(since)) => {
                    ContactsSource::changed_since(client, organization, location, since)
                }
                _ => ContactsSource::full(client, organization, location),
            };
            Box::pin(app.engine.run(pass, &source, false, observer)).await
        }
        GHL_EVENTS => {
            let events = EventsSource::new(client, organization, location);
            copy(app, key, &events, observer).await
        }
        GHL_PIPELINES => copy(app, key, &PipelinesSource::new(client, organization, location), observer).await,
        GHL_OPPORTUNITIES => copy(app, key, &OpportunitiesSource::new(client, organization, location), observer).await,
        _ => {
            let why = "this version of the server does not know the source";
            Err(not_begun(app, key, Error::new(ErrorKind::InvalidInput, why)).await)
        }
    }
}

/// Copies a listing that every pass goes through whole. On the heap: the futures of several sources side by side are large.
async fn copy<S: Source>(
    app: &App,
    key: &SyncKey,
    source: &S,
    observer: &dyn SyncObserver,
) -> Result<SyncReport, SyncError> {
    let pass = app.engine.begin(key).await?;
    Box::pin(app.engine.run(pass, source, false, observer)).await
}

/// Copies the bookings of Cal.com. After all of them, which is what a new connection begins with, everything that is yet to come is
/// looked at on both sides: what was known before the connection, or written before all processes noticed it, was not followed. They
/// are given the time to notice it.
async fn bookings(app: &App, key: &SyncKey, observer: &dyn SyncObserver) -> Result<SyncReport, SyncError> {
    let organization = &key.organization;
    let pass = app.engine.begin(key).await?;
    // Not before: the pass answers what was wished for so far, and a copy is wished for after its account was connected.
    let client = match app.calcom.client(organization).await {
        Ok(client) => client,
        Err(error) => return Err(not_begun(app, key, error).await),
    };
    let (full, source) = match (pass.mode(), pass.since(app.engine.config())) {
        (Mode::Incremental, Some(since)) => (false, BookingsSource::changed_since(client, organization.clone(), since)),
        _ => (true, BookingsSource::full(client, organization.clone())),
    };
    let report = if full {
        app.clock.sleep(PROPAGATION_DELAY).await;
        let source = BackfillAfterSync { app, organization, source };
        Box::pin(app.engine.run(pass, &source, false, observer)).await?
    } else {
        Box::pin(app.engine.run(pass, &source, false, observer)).await?
    };
    app.outbox_wake.notify_one();
    Ok(report)
}

fn no_company() -> Error {
    Error::new(ErrorKind::Auth, "no company is connected any more: connect again")
}

/// A pass that could not begin counts as failed, lest it stays due and is tried again at once.
async fn not_begun(app: &App, key: &SyncKey, error: Error) -> SyncError {
    let again = app.clock.now() + app.engine.config().interval;
    match app.store.failed(key, &error.to_string(), again).await {
        Ok(()) => error.into(),
        Err(error) => error.into(),
    }
}

/// Installed and not connected: their INSTALL was never delivered, or could not be carried out when it was.
///
/// The provider's list of installations tells, never the stored locations: those stay after the app was removed.
pub(super) async fn not_connected(app: &App, organization: &OrganizationId) -> Result<Vec<Installation>, SyncError> {
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

async fn install_new(app: &App, organization: &OrganizationId) -> Result<(), SyncError> {
    let new = not_connected(app, organization).await?;
    let outbox: Vec<NewTask> = new.iter().map(|installation| install(app, organization, installation)).collect();
    if !outbox.is_empty() {
        app.records.commit(Batch { outbox, ..Batch::default() }).await?;
        app.outbox_wake.notify_one();
    }
    Ok(())
}

fn install(app: &App, organization: &OrganizationId, what: &Installation) -> NewTask {
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

/// How the pass of one source ended.
pub type Ended = (SyncKey, Result<SyncReport, SyncError>);

/// Runs a pass of every source of the organization in this process: the locations first, then the rest side by side.
/// Locations that are found to be installed are connected before, and not left to a worker: they may be all there is.
///
/// # Errors
/// The store could not be written. What became of each pass stands in the answer.
pub async fn sync_now(
    app: &App,
    organization: &OrganizationId,
    options: SyncOptions,
    observer: &dyn SyncObserver,
) -> Result<Vec<Ended>, StoreError> {
    let sources = app.sync_schedule.schedule_all(organization, options).await?;
    let mut ended = run_all(app, sources.into_iter().filter(of_locations).collect(), observer).await;
    ended.extend(connect_found(app, organization).await);
    let sources = app.sync_schedule.sources(organization).await?;
    ended.extend(run_all(app, sources.into_iter().filter(|key| !of_locations(key)).collect(), observer).await);
    Ok(ended)
}

fn of_locations(key: &SyncKey) -> bool {
    &*key.source == GHL_LOCATIONS
}

/// Connects what is installed and was not connected yet; what went wrong.
async fn connect_found(app: &App, organization: &OrganizationId) -> Vec<Ended> {
    let failed = |location: &str, error| (SyncKey::new(organization, GHL_CONTACTS, location), Err(error));
    let found = match Box::pin(not_connected(app, organization)).await {
        Ok(found) => found,
        Err(error) => return vec![(SyncKey::new(organization, GHL_LOCATIONS, ""), Err(error))],
    };
    let mut wrong = Vec::new();
    for what in found {
        if let Err(trouble) = Box::pin(installations::install(app, organization, &what)).await {
            wrong.push(failed(what.location.as_ref().map_or("", LocationId::as_str), trouble.into()));
        }
    }
    wrong
}

async fn run_all(app: &App, sources: Vec<SyncKey>, observer: &dyn SyncObserver) -> Vec<Ended> {
    let run = |key: SyncKey| async move {
        let outcome = Box::pin(run(app, &key, observer)).await;
        (key, outcome)
    };
    stream::iter(sources).map(run).buffer_unordered(PASSES_AT_ONCE).collect().await
}
