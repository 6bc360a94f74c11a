//! Builds the [`App`]: which implementation stands behind each port.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use sidecar_core::{
    Clock, OrganizationId, StoreError, SystemClock,
    http::Observer,
    queue::inbox::{Committer, Inbox},
    sync::{Engine, EngineConfig},
    time::timeout,
    token::TokenConfig,
};
use sidecar_store::{SqlStore, Store};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{AccountHooks, App, Ports},
    calcom::access::CalcomAccess,
    config::Config,
    error::StartError,
    ghl::access::GhlAccess,
    http::webhook_limits::WebhookLimits,
    mirror,
    ops::{metrics::Metrics, rate_limits::RateLimits},
    sync::schedule::SyncSchedule,
};

impl App {
    /// Opens the store and builds the ports on it, with the system clock.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn open(config: Config) -> Result<(Self, Arc<SqlStore>), StartError> {
        let vault = config.vault()?;
        let database = sidecar_store::open(&config.database_url, vault).await?;
        let app = Self::new(config, Arc::clone(&database) as Arc<dyn Store>, SystemClock::shared())?;
        Ok((app, database))
    }

    /// Closes the store after the running token refreshes: a connection whose refresh is cut off is lost.
    pub async fn close(&self, database: &SqlStore) {
        let limit = TokenConfig::default().exchange_timeout;
        let refreshes = async { tokio::join!(self.ghl.drain_refreshes(), self.calcom.drain_refreshes()) };
        if timeout(&*self.clock, limit, refreshes).await.is_err() {
            tracing::error!("a token refresh did not end within {limit:?}; its connection may have to be made again");
        }
        database.close().await;
    }

    /// Builds the ports on a given store and clock.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub fn new(config: Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let metrics = Metrics::new();
        let observer: Arc<dyn Observer> = Arc::new(metrics.clone());
        let rate_limits = RateLimits::new(config.redis_url.as_ref(), &clock)?;
        let limiter = rate_limits.limiter();
        let ghl = GhlAccess::new(&config.ghl, &store, &limiter, &clock, &observer)?;
        let calcom = CalcomAccess::new(&config, &store, &limiter, ghl.transport(), &clock, &observer)?;
        let engine = Engine::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&clock),
            EngineConfig { interval: config.sync_interval, ..EngineConfig::default() },
        );
        let inbox_wake = Arc::default();
        Ok(Self(Arc::new(Ports {
            webhook_limits: Arc::new(WebhookLimits::new(Arc::clone(&clock), config.webhook_limit)),
            committer: Committer::new(Arc::clone(&store) as Arc<dyn Inbox>, Arc::clone(&inbox_wake)),
            sync_schedule: SyncSchedule {
                config: Arc::clone(&config),
                store: Arc::clone(&store),
                clock: Arc::clone(&clock),
                wake: Arc::default(),
            },
            config,
            clock,
            store,
            ghl,
            calcom,
            account_hooks: Arc::new(MirrorHooks),
            rate_limits,
            inbox_wake,
            outbox_wake: Arc::default(),
            engine,
            metrics,
            health: Arc::default(),
            owners: Arc::default(),
            mirrored: Arc::default(),
            stopping: CancellationToken::new(),
        })))
    }

    /// Returns the same ports with another sync engine.
    #[must_use]
    pub fn with_engine(&self, engine: Engine) -> Self {
        Self(Arc::new(Ports { engine, ..Ports::clone(self) }))
    }
}

/// Keeps the mirror in step with changes of the Cal.com account.
#[derive(Debug)]
struct MirrorHooks;

#[async_trait]
impl AccountHooks for MirrorHooks {
    async fn release_blocks_then(
        &self,
        app: &App,
        organization: &OrganizationId,
        change: BoxFuture<'_, ()>,
    ) -> Result<(), StoreError> {
        mirror::leaving(app, organization, change).await
    }

    async fn disconnected(&self, app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
        mirror::look_again(app, organization).await
    }
}
