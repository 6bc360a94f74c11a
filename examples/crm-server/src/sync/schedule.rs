//! Makes the sources of an organization due.

use ghl_client::model::LocationId;
use sidecar_core::{OrganizationId, StoreError, sync::SyncKey};

use crate::{
    app::App,
    tenancy::connections::{CALCOM_ACCOUNT, CALCOM_BOOKINGS, Connected},
};

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

/// Copies the organization's bookings no more.
///
/// # Errors
/// The store could not be written.
pub async fn stop_bookings(app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
    app.store.stop(organization, Some(CALCOM_ACCOUNT)).await
}

pub(crate) fn bookings_of(organization: &OrganizationId) -> SyncKey {
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
