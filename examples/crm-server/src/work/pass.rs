//! One pass of one source: which listing it copies, and what follows from it.

use std::{borrow::Cow, sync::Arc};

use ghl_client::{
    model::LocationId,
    sync::{ContactsSource, EventsSource, LOCATION, LocationsSource},
};
use sidecar_core::{
    Error, ErrorKind, StoreError,
    outbox::NewTask,
    record::{Batch, Listing},
    sync::{Mode, Report, SyncError, SyncKey, SyncObserver},
};

use super::connected::{Connected, GHL_CONTACTS, GHL_EVENTS, GHL_LOCATIONS};
use crate::{app::App, ghl::tasks};

/// Locations looked at in one go.
const LOCATIONS_AT_ONCE: u32 = 500;

/// What every call answers while GHL has no client id.
pub fn ghl_is_off() -> Error {
    Error::new(ErrorKind::Config, "GHL is off: set GHL_CLIENT_ID, GHL_CLIENT_SECRET and GHL_REDIRECT_URI")
}

/// Runs the pass that is due for `key`.
///
/// # Errors
/// [`SyncError`]; it stands in the source's status, unless another process runs the pass or this one is stopping.
pub async fn run(app: &App, key: &SyncKey, force: bool, observer: &dyn SyncObserver) -> Result<Report, SyncError> {
    let Some(client) = app.ghl.client(&key.organization) else {
        return Err(not_begun(app, key, ghl_is_off()).await);
    };
    let (organization, location) = (&key.organization, LocationId::from(&*key.location));
    match &*key.source {
        GHL_LOCATIONS => {
            let connected = Connected::of(&*app.store, organization).await?;
            let source = match (key.location.is_empty(), connected.any_company()) {
                (false, _) => LocationsSource::of_location(client, organization, location),
                (true, Some(company)) => LocationsSource::of_company(client, organization, company),
                (true, None) => return Err(not_begun(app, key, no_company()).await),
            };
            let report = app.engine.run(app.engine.begin(key).await?, &source, force, observer).await?;
            install_new(app, key).await?;
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
            app.engine.run(pass, &source, force, observer).await
        }
        GHL_EVENTS => {
            let source = EventsSource::new(client, organization, location);
            app.engine.run(app.engine.begin(key).await?, &source, force, observer).await
        }
        _ => {
            let why = "this version of the server does not know the source";
            Err(not_begun(app, key, Error::new(ErrorKind::Config, why)).await)
        }
    }
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

/// Locations that the company's listing knows and nobody connected yet: their INSTALL was never delivered.
async fn install_new(app: &App, key: &SyncKey) -> Result<(), StoreError> {
    if !key.location.is_empty() {
        return Ok(());
    }
    let connected = Connected::of(&*app.store, &key.organization).await?;
    let mut listing = Listing { limit: LOCATIONS_AT_ONCE, ..Listing::default() };
    loop {
        let page = app.store.list(&key.organization, LOCATION, &listing).await?;
        let new = page.iter().map(|record| LocationId::from(&*record.key.id)).filter(|id| !connected.has_location(id));
        let outbox: Vec<NewTask> = new.map(|id| install(app, key, &connected, id)).collect();
        if !outbox.is_empty() {
            app.store.commit(Batch { outbox, ..Batch::default() }).await?;
            app.outbox_wake.notify_one();
        }
        match page.last() {
            Some(last) if page.len() == LOCATIONS_AT_ONCE as usize => {
                listing.after = Some((last.position, Arc::clone(&last.key.id)));
            }
            _ => return Ok(()),
        }
    }
}

fn install(app: &App, key: &SyncKey, connected: &Connected, location: LocationId) -> NewTask {
    NewTask {
        organization: key.organization.clone(),
        kind: Cow::Borrowed(tasks::INSTALL),
        key: format!("{}:{location}", tasks::INSTALL).into(),
        order_key: tasks::INSTALLATION_ORDER.into(),
        payload: tasks::Installation { company: connected.any_company(), location: Some(location) }.to_json(),
        not_before: app.clock.now(),
        again: true,
    }
}
