//! What the routes, the workers and the commands share: the ports, built once from the configuration.

use std::{ops::Deref, sync::Arc};

use sidecar_core::{
    Clock, SystemClock,
    queue::inbox::{Committer, Inbox},
    sync::{Engine, EngineConfig},
    time::{Timestamp, timeout},
    token::TokenConfig,
};
use sidecar_store::{SqlStore, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    calcom::access::CalcomAccess,
    config::Config,
    error::StartError,
    ghl::access::GhlAccess,
    http::webhook_limits::Ingress,
    mirror::Mirrored,
    ops::{health::HealthDesk, metrics::Metrics, rate_limits::Limits},
    tenancy::owners::OwnerDesk,
};

/// The server's ports. Cheap to clone: every request has one.
#[derive(Clone, Debug)]
pub struct App(Arc<Ports>);

impl Deref for App {
    type Target = Ports;

    fn deref(&self) -> &Ports {
        &self.0
    }
}

/// What an [`App`] holds.
#[derive(Clone, Debug)]
pub struct Ports {
    /// What was configured.
    pub config: Arc<Config>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Everything that is kept.
    pub store: Arc<dyn Store>,
    /// GHL: clients and tokens of each organization.
    pub ghl: GhlAccess,
    /// Cal.com: clients, tokens and settings of each organization.
    pub calcom: CalcomAccess,
    /// How many deliveries may come in.
    pub ingress: Arc<Ingress>,
    /// Keeps deliveries, many to a commit.
    pub committer: Committer,
    /// There may be deliveries to work on.
    pub inbox_wake: Arc<Notify>,
    /// There may be tasks to carry out.
    pub outbox_wake: Arc<Notify>,
    /// There may be sources to sync.
    pub sync_wake: Arc<Notify>,
    /// Runs sync passes.
    pub engine: Engine,
    /// What was counted.
    pub metrics: Metrics,
    /// How the dependencies stood when they were last asked.
    pub health: Arc<HealthDesk>,
    /// Whose the deliveries are that come in.
    pub owners: Arc<OwnerDesk>,
    /// Which organizations have both sides of the mirror.
    pub mirrored: Arc<Mirrored>,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
}

impl App {
    /// Opens the store and builds everything on it, on the machine's clock.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub async fn open(config: Config) -> Result<(Self, Arc<SqlStore>), StartError> {
        let vault = config.vault()?;
        let database = sidecar_store::open(&config.database_url, vault).await?;
        let app = Self::new(config, Arc::clone(&database) as Arc<dyn Store>, SystemClock::shared())?;
        Ok((app, database))
    }

    /// Closes the store, after the token renewals under way: one that is cut off loses its connection.
    pub async fn close(&self, database: &SqlStore) {
        let limit = TokenConfig::default().exchange_timeout;
        let settled = async { tokio::join!(self.ghl.settle(), self.calcom.settle()) };
        if timeout(&*self.clock, limit, settled).await.is_err() {
            tracing::error!("a token renewal did not end within {limit:?}; its connection may have to be made again");
        }
        database.close().await;
    }

    /// Builds everything on a store and a clock of your own.
    ///
    /// # Errors
    /// [`StartError`] says what to do.
    pub fn new(config: Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let inbox_wake = Arc::default();
        let limits = Limits::new(config.redis_url.as_ref(), &clock)?;
        let ghl = GhlAccess::new(&config.ghl, &store, limits, &clock, &metrics)?;
        let calcom = CalcomAccess::new(&config, &store, ghl.limits(), ghl.transport(), &clock, &metrics)?;
        let engine = Engine::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Arc::clone(&clock),
            EngineConfig { interval: config.sync_interval, ..EngineConfig::default() },
        );
        Ok(Self(Arc::new(Ports {
            ingress: Arc::new(Ingress::new(Arc::clone(&clock), config.webhook_limit)),
            config: Arc::new(config),
            committer: Committer::new(Arc::clone(&store) as Arc<dyn Inbox>, Arc::clone(&inbox_wake)),
            clock,
            store,
            ghl,
            calcom,
            inbox_wake,
            outbox_wake: Arc::default(),
            sync_wake: Arc::default(),
            engine,
            metrics,
            health: Arc::default(),
            owners: Arc::default(),
            mirrored: Arc::default(),
            stopping: CancellationToken::new(),
        })))
    }

    /// The same, with sync passes that are run by this engine.
    #[must_use]
    pub fn with_engine(&self, engine: Engine) -> Self {
        Self(Arc::new(Ports { engine, ..Ports::clone(self) }))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
