//! Declares that every change of a booking or an appointment is routed, for organizations that have connected both providers.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use calcom_client::sync::BOOKING;
use ghl_client::sync::APPOINTMENT;
use sidecar_core::{
    Clock, OrganizationId, StoreError,
    commit::{Trigger, TriggerCondition},
};
use sidecar_store::Store;

use super::tasks;
use crate::{
    config::Config,
    tenancy::{cache::Cache, connections::OrganizationConnections},
};

/// How long an organization is taken to have both providers. Every task checks the connections again.
const CONNECTED_TTL: Duration = Duration::from_secs(5);
/// How long an organization is taken to lack a provider: changes in this window are picked up by the backfill after the full sync
/// that a new connection begins with.
pub const PROPAGATION_DELAY: Duration = Duration::from_millis(200);
const MAX_CACHED_ORGANIZATIONS: usize = 10_000;

/// Returns the trigger.
pub fn trigger(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: Arc<Config>) -> Trigger {
    let condition = BothConnected { store, clock, config, cache: Cache::new(MAX_CACHED_ORGANIZATIONS) };
    Trigger { records: &[BOOKING, APPOINTMENT], task: tasks::ROUTE, condition: Arc::new(condition) }
}

/// Whether an organization has connected both Cal.com and GHL.
struct BothConnected {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: Arc<Config>,
    cache: Cache<OrganizationId, bool>,
}

impl fmt::Debug for BothConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BothConnected").finish_non_exhaustive()
    }
}

#[async_trait]
impl TriggerCondition for BothConnected {
    async fn is_active(&self, organization: &OrganizationId) -> Result<bool, StoreError> {
        let now = self.clock.monotonic();
        let is_fresh = |age, is: &bool| age < if *is { CONNECTED_TTL } else { PROPAGATION_DELAY };
        if let Some(is) = self.cache.get_if(organization, now, is_fresh) {
            return Ok(is);
        }
        let connections = OrganizationConnections::load(&*self.store, &self.config.calcom, organization).await?;
        let is = connections.has_calcom() && connections.has_ghl();
        self.cache.insert(organization.clone(), now, is);
        Ok(is)
    }
}
