use std::sync::Arc;

use ghl_client::model::LocationId;
use sidecar_core::{Clock, OrganizationId, StoreError, sync::SyncKey};
use sidecar_store::Store;
use tokio::sync::Notify;

use super::sources;
use crate::{
    config::Config,
    tenancy::connections::{CALCOM_ACCOUNT, OrganizationConnections},
};

/// Which rows a requested sync looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncOptions {
    /// Fetch every row and remove the deleted ones, instead of only the changed rows.
    pub full: bool,
    /// Continue when a large share of the stored rows would be removed. Implies a full run.
    pub force: bool,
}

/// Makes sources due and wakes the scheduler of this process.
#[derive(Debug, Clone)]
pub struct SyncSchedule {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Notified when a source may be due.
    pub(crate) wake: Arc<Notify>,
}

impl SyncSchedule {
    /// Makes every source of the organization due now and returns them; none when nothing is connected.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn schedule_all(
        &self,
        organization: &OrganizationId,
        options: SyncOptions,
    ) -> Result<Vec<SyncKey>, StoreError> {
        let keys = self.sources(organization).await?;
        for key in &keys {
            self.store.schedule(key, self.clock.now(), options.full || options.force).await?;
            if options.force {
                self.store.force(key).await?;
            }
        }
        self.wake.notify_one();
        Ok(keys)
    }

    /// Makes a full run of every source of the organization due now.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn schedule_full(&self, organization: &OrganizationId) -> Result<Vec<SyncKey>, StoreError> {
        self.schedule_all(organization, SyncOptions { full: true, force: false }).await
    }

    /// Makes the sources of a location, and those that list the location, due now if they are new or stopped.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn schedule_location(
        &self,
        organization: &OrganizationId,
        location: &LocationId,
    ) -> Result<(), StoreError> {
        let keys = self.sources(organization).await?;
        let affected = |key: &&SyncKey| key.location.is_empty() || *key.location == *location.as_str();
        for key in keys.iter().filter(affected) {
            if !self.is_scheduled(key).await? {
                self.store.schedule(key, self.clock.now(), true).await?;
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Makes a full run of the organization's bookings due now, if its Cal.com account is connected.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn schedule_bookings(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        if self.connections(organization).await?.has_calcom() {
            self.store.schedule(&sources::bookings(organization), self.clock.now(), true).await?;
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Makes a full run of the organization's bookings due now, unless they are scheduled already.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) async fn schedule_bookings_once(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        match self.is_scheduled(&sources::bookings(organization)).await? {
            true => Ok(()),
            false => self.schedule_bookings(organization).await,
        }
    }

    /// Stops syncing the organization's bookings.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn stop_bookings(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        self.store.stop(organization, Some(CALCOM_ACCOUNT)).await
    }

    /// Returns every source of the organization.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn sources(&self, organization: &OrganizationId) -> Result<Vec<SyncKey>, StoreError> {
        Ok(sources::all(&self.connections(organization).await?, organization))
    }

    async fn connections(&self, organization: &OrganizationId) -> Result<OrganizationConnections, StoreError> {
        OrganizationConnections::load(&*self.store, &self.config.calcom, organization).await
    }

    async fn is_scheduled(&self, key: &SyncKey) -> Result<bool, StoreError> {
        Ok(self.store.status(key).await?.is_some_and(|status| status.next_run_at.is_some()))
    }
}
