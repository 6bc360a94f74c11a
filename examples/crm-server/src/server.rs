//! Starting and stopping: listeners, workers, housekeeping.
//!
//! Invariant: on the way out nothing new is taken, what was taken is finished within [`DRAIN`], and only then the store closes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use sidecar_core::time::timeout;
use sidecar_store::SqlStore;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    config::{Config, Role},
    error::StartError,
    http::listener::{self, Bounds},
    router,
    workers::{self, Workers},
};

/// How long requests and workers under way get when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How often recorded durations are folded.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often finished rows are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3_600);
/// How long finished deliveries and tasks are remembered, so that a repetition is known as one.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics_addr: Option<SocketAddr>,
    app: App,
    database: Arc<SqlStore>,
    listeners: Vec<JoinHandle<()>>,
    workers: Workers,
    housekeeping: JoinHandle<()>,
}

/// Starts a server.
///
/// # Errors
/// [`StartError`] says what to do.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    let role = config.role;
    let listener = listen("BIND_ADDR", config.bind).await?;
    let metrics_listener = match config.metrics_bind {
        Some(address) => Some(listen("METRICS_ADDR", address).await?),
        None => None,
    };
    let (app, database) = App::open(config).await?;
    let addr = local(&listener, "BIND_ADDR")?;
    let routes = if role == Role::Worker { router::worker(app.clone()) } else { router::web(app.clone()) };
    let mut listeners = vec![spawn(listener, routes, app.stopping.clone())];
    let mut metrics_addr = None;
    if let Some(listener) = metrics_listener {
        metrics_addr = Some(local(&listener, "METRICS_ADDR")?);
        listeners.push(spawn(listener, router::metrics_only(app.clone()), app.stopping.clone()));
    }
    Ok(Running {
        addr,
        metrics_addr,
        workers: workers::start(&app, role, app.stopping.clone()),
        housekeeping: tokio::spawn(keep_house(app.clone(), Arc::clone(&database))),
        app,
        database,
        listeners,
    })
}

impl Running {
    /// What the server runs on.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops: no new requests, those under way and the workers get ten seconds, leases are handed back.
    pub async fn stop(self) {
        let Self { app, database, listeners, workers, housekeeping, .. } = self;
        app.stopping.cancel();
        housekeeping.abort();
        let aborts: Vec<_> = listeners.iter().map(JoinHandle::abort_handle).collect();
        let drained = async {
            for listener in listeners {
                // A listener that panicked has said so in the log.
                let _ = listener.await;
            }
            workers.join().await;
        };
        if timeout(&*app.clock, DRAIN, drained).await.is_err() {
            tracing::warn!("not everything ended within {DRAIN:?}; what was held is due again when its lease ends");
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
        app.close(&database).await;
    }
}

async fn listen(variable: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|why| StartError::Bind { variable, address, why })
}

fn local(listener: &TcpListener, variable: &'static str) -> Result<SocketAddr, StartError> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|why| StartError::Bind { variable, address: unknown, why })
}

fn spawn(listener: TcpListener, router: Router, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(listener::run(listener, router, Bounds::default(), stop))
}

async fn keep_house(app: App, database: Arc<SqlStore>) {
    let mut swept = None;
    loop {
        app.metrics.upkeep();
        let now = app.clock.monotonic();
        if swept.is_none_or(|last| now.saturating_sub(last) >= SWEEP_EVERY) {
            swept = Some(now);
            match database.sweep(app.now(), REMEMBERED).await {
                Ok(swept) => tracing::debug!(?swept, "removed what was finished long ago"),
                Err(error) => tracing::warn!(%error, "finished rows could not be removed"),
            }
        }
        app.clock.sleep(UPKEEP).await;
    }
}
