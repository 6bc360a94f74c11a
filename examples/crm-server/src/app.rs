//! The ports that the routes, the workers and the commands share.
//!
//! [`App`] is built in `compose`. Invariant: it holds ports only (stores, clocks, clients, caches, configuration); what uses them
//! lives in the modules above.

use std::{fmt::Debug, ops::Deref, sync::Arc};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sidecar_core::{
    Clock, OrganizationId, StoreError, commit::Records, queue::inbox::Committer, sync::Engine, time::Timestamp,
};
use sidecar_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    calcom::access::CalcomAccess,
    config::Config,
    ghl::access::GhlAccess,
    http::webhook_limits::WebhookLimits,
    ops::{health::cache::HealthCache, metrics::Metrics, rate_limits::RateLimits},
    sync::schedule::SyncSchedule,
    tenancy::{connections::OrganizationConnections, owners::OwnerCache},
};

/// The server's ports. Cheap to clone: every request has one.
#[derive(Clone, Debug)]
pub struct App(pub(crate) Arc<Ports>);

impl Deref for App {
    type Target = Ports;

    fn deref(&self) -> &Ports {
        &self.0
    }
}

/// The ports of an [`App`].
#[derive(Clone, Debug)]
pub struct Ports {
    /// The configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Everything that is stored, except that changes of records are committed by `records`.
    pub store: Arc<dyn Store>,
    /// Commits changes of records, with the declared triggers.
    pub records: Arc<dyn Records>,
    /// GHL: clients and tokens of each organization.
    pub ghl: GhlAccess,
    /// Cal.com: clients, tokens and settings of each organization.
    pub calcom: CalcomAccess,
    /// Runs before and after an organization's Cal.com account changes.
    pub account_hooks: Arc<dyn AccountHooks>,
    /// The rate limits of the providers.
    pub rate_limits: RateLimits,
    /// The rate limits of incoming deliveries.
    pub webhook_limits: Arc<WebhookLimits>,
    /// Stores deliveries, many to a commit.
    pub committer: Committer,
    /// Notified when a delivery may be pending.
    pub inbox_wake: Arc<Notify>,
    /// Notified when a task may be pending.
    pub outbox_wake: Arc<Notify>,
    /// Makes sources due.
    pub sync_schedule: SyncSchedule,
    /// Runs syncs.
    pub engine: Engine,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// The last health checks.
    pub health: Arc<HealthCache>,
    /// The organizations that own deliveries.
    pub owners: Arc<OwnerCache>,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
}

impl Ports {
    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns what the organization has connected.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn connections(&self, organization: &OrganizationId) -> Result<OrganizationConnections, StoreError> {
        OrganizationConnections::load(&*self.store, &self.config.calcom, organization).await
    }
}

/// What other modules do when an organization's Cal.com account changes.
#[async_trait]
pub trait AccountHooks: Debug + Send + Sync {
    /// Runs `change`, which ends the connection to the account, after freeing the times that the server blocked there.
    async fn release_blocks_then(
        &self,
        app: &App,
        organization: &OrganizationId,
        change: BoxFuture<'_, ()>,
    ) -> Result<(), StoreError>;

    /// Runs after the organization has disconnected the account.
    async fn disconnected(&self, app: &App, organization: &OrganizationId) -> Result<(), StoreError>;
}
