//! What runs beside the routes: the workers of inbox and outbox, and the scheduler of syncs.
//!
//! What a delivery or a task means lives with its provider (`ghl`, `calcom`) and in the `mirror`. Invariant: everything here may run in several processes
//! at once; what must happen only once is guarded by a claim or a lease in the store.

pub mod connected;
mod handlers;
pub mod pass;
pub(crate) mod presence;
mod scheduler;
pub(crate) mod trouble;

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use ghl_client::model::LocationId;
use sidecar_core::{
    OrganizationId, StoreError,
    inbox::{InboxWorker, WorkerConfig},
    outbox::OutboxWorker,
    sync::{Report, SyncError, SyncKey, SyncObserver},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{app::App, config::Role, ghl::installations};
use connected::{CALCOM_ACCOUNT, CALCOM_BOOKINGS, Connected, GHL_CONTACTS, GHL_LOCATIONS};
pub use handlers::{Deliveries, Tasks};

pub use pass::ghl_is_off;

/// A task may wait for limits (30 s) and mint a token (45 s); its claim must outlast that.
const TASK_LEASE: Duration = Duration::from_secs(120);
/// How often a worker looks for what other processes kept. Its own process wakes it.
const LOOK: Duration = Duration::from_millis(100);
/// When what the store refused at the start is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Passes that a person's `sync` runs at once.
const PASSES_AT_ONCE: usize = 8;

/// The workers of this process.
#[derive(Debug)]
pub struct Workers(JoinSet<()>);

impl Workers {
    /// Waits until all have ended, which they do when their token is cancelled and what they hold is finished.
    pub async fn join(mut self) {
        while let Some(ended) = self.0.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker broke off");
            }
        }
    }
}

/// Starts what `role` asks for; [`Role::Web`] only says that it is alive. Everything ends after `stop` is cancelled.
pub fn start(app: &App, role: Role, stop: CancellationToken) -> Workers {
    let mut workers = JoinSet::new();
    workers.spawn(presence::run(app.clone(), stop.clone()));
    if role == Role::Web {
        return Workers(workers);
    }
    let app = app.with_engine(app.engine.clone().until(stop.clone()));
    let config = WorkerConfig { poll: LOOK, ..WorkerConfig::default() };
    let handed = app.committer.hand_over(Arc::clone(&app.clock));
    let inbox = InboxWorker::new(
        Arc::clone(&app.store) as _,
        Arc::clone(&app.store) as _,
        Arc::new(Deliveries::new(app.clone())),
        Arc::clone(&app.clock),
        config,
        Arc::clone(&app.inbox_wake),
    );
    let outbox = OutboxWorker::new(
        Arc::clone(&app.store) as _,
        Arc::clone(&app.store) as _,
        Arc::new(Tasks::new(&app)),
        Arc::clone(&app.clock),
        WorkerConfig { lease: TASK_LEASE, poll: LOOK, ..WorkerConfig::for_tasks() },
        Arc::clone(&app.outbox_wake),
    );
    let (inbox_stop, outbox_stop) = (stop.clone(), stop.clone());
    workers.spawn(async move { inbox.run_with(handed, inbox_stop).await });
    workers.spawn(async move { outbox.run(outbox_stop).await });
    workers.spawn(begin_environments_bookings(app.clone(), stop.clone()));
    workers.spawn(scheduler::run(app, stop));
    Workers(workers)
}

/// Makes every source of the organization due now and wakes the scheduler of this process. Answers the sources; none when
/// nothing is connected.
///
/// # Errors
/// The store could not be written.
pub async fn schedule(app: &App, organization: &OrganizationId, wish: Wish) -> Result<Vec<SyncKey>, StoreError> {
    let sources = Connected::of(app, organization).await?.sources(organization);
    let now = app.clock.now();
    for key in &sources {
        app.store.schedule(key, now, wish.full || wish.force).await?;
        if wish.force {
            app.store.force(key).await?;
        }
    }
    app.sync_wake.notify_one();
    Ok(sources)
}

/// Makes the sources of a location due now, provided that they are new or were stopped, and those of the organization that
/// would show it.
///
/// # Errors
/// The store could not be written.
pub async fn schedule_location(
    app: &App,
    organization: &OrganizationId,
    location: &LocationId,
) -> Result<(), StoreError> {
    let sources = Connected::of(app, organization).await?.sources(organization);
    let concerned = |key: &&SyncKey| key.location.is_empty() || *key.location == *location.as_str();
    for key in sources.iter().filter(concerned) {
        let runs = app.store.status(key).await?.is_some_and(|status| status.next_run_at.is_some());
        if !runs {
            app.store.schedule(key, app.clock.now(), true).await?;
        }
    }
    app.sync_wake.notify_one();
    Ok(())
}

/// Makes a whole copy of the organization's bookings at Cal.com due now, where it is connected.
///
/// # Errors
/// The store could not be written.
pub async fn schedule_bookings(app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
    if Connected::of(app, organization).await?.has_calcom() {
        app.store.schedule(&bookings_of(organization), app.clock.now(), true).await?;
        app.sync_wake.notify_one();
    }
    Ok(())
}

/// An account that the environment connects is copied from its first start on.
async fn begin_environments_bookings(app: App, stop: CancellationToken) {
    let Some(organization) = app.calcom.organization().filter(|of| app.calcom.is_from_environment(of)) else { return };
    while !stop.is_cancelled() {
        let begun = async {
            match app.store.status(&bookings_of(organization)).await?.and_then(|status| status.next_run_at) {
                Some(_) => Ok(()),
                None => schedule_bookings(&app, organization).await,
            }
        };
        match begun.await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "Cal.com's bookings could not be made due; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.clock.sleep(AGAIN) => {}
        }
    }
}

/// Copies the organization's bookings no more.
///
/// # Errors
/// The store could not be written.
pub async fn stop_bookings(app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
    app.store.stop(organization, Some(CALCOM_ACCOUNT)).await
}

fn bookings_of(organization: &OrganizationId) -> SyncKey {
    SyncKey::new(organization, CALCOM_BOOKINGS, CALCOM_ACCOUNT)
}

/// How a person wants a sync to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Everything, and what is gone is removed, instead of what changed.
    pub full: bool,
    /// Also when a large share of what is stored would be removed; the pass is full then.
    pub force: bool,
}

impl Wish {
    /// Everything.
    pub const FULL: Self = Self { full: true, force: false };
}

/// How the pass of one source ended.
pub type Ended = (SyncKey, Result<Report, SyncError>);

/// Runs a pass of every source of the organization in this process: the locations first, then the rest side by side.
/// Locations that are found to be installed are connected before, and not left to a worker: they may be all there is.
///
/// # Errors
/// The store could not be written. What became of each pass stands in the answer.
pub async fn sync_now(
    app: &App,
    organization: &OrganizationId,
    wish: Wish,
    observer: &dyn SyncObserver,
) -> Result<Vec<Ended>, StoreError> {
    let sources = schedule(app, organization, wish).await?;
    let mut ended = run_all(app, sources.into_iter().filter(of_locations).collect(), observer).await;
    ended.extend(connect_found(app, organization).await);
    let sources = Connected::of(app, organization).await?.sources(organization);
    ended.extend(run_all(app, sources.into_iter().filter(|key| !of_locations(key)).collect(), observer).await);
    Ok(ended)
}

fn of_locations(key: &SyncKey) -> bool {
    &*key.source == GHL_LOCATIONS
}

/// Connects what is installed and was not connected yet; what went wrong.
async fn connect_found(app: &App, organization: &OrganizationId) -> Vec<Ended> {
    let failed = |location: &str, error| (SyncKey::new(organization, GHL_CONTACTS, location), Err(error));
    let found = match Box::pin(pass::not_connected(app, organization)).await {
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
        let outcome = Box::pin(pass::run(app, &key, observer)).await;
        (key, outcome)
    };
    stream::iter(sources).map(run).buffer_unordered(PASSES_AT_ONCE).collect().await
}
