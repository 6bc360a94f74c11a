//! Starts and stops the server: listeners, workers, maintenance.
//!
//! Invariant: a stopping server accepts nothing new, gives running work [`SHUTDOWN_GRACE`], and closes the store last.

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
    http::listener::{self, ConnectionLimits},
    router,
    workers::{self, Workers, maintenance},
};

/// How long running requests and workers may take when the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// The address of the metrics without a token, if there is one.
    pub metrics_addr: Option<SocketAddr>,
    app: App,
    database: Arc<SqlStore>,
    listeners: Vec<JoinHandle<()>>,
    workers: Workers,
    maintenance: JoinHandle<()>,
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
        maintenance: tokio::spawn(maintenance::run(app.clone(), Arc::clone(&database))),
        app,
        database,
        listeners,
    })
}

impl Running {
    /// The ports of the server.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Stops the server: no new requests, ten seconds for running requests and workers, leases released.
    pub async fn stop(self) {
        let Self { app, database, listeners, workers, maintenance, .. } = self;
        app.stopping.cancel();
        maintenance.abort();
        let aborts: Vec<_> = listeners.iter().map(JoinHandle::abort_handle).collect();
        let drained = async {
            for listener in listeners {
                // A panic is in the log already.
                let _ = listener.await;
            }
            workers.join().await;
        };
        if timeout(&*app.clock, SHUTDOWN_GRACE, drained).await.is_err() {
            tracing::warn!(
                "shutdown timed out after {SHUTDOWN_GRACE:?}; unfinished claims will be retried when their leases expire"
            );
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
    tokio::spawn(listener::run(listener, router, ConnectionLimits::default(), stop))
}

/// Waits for Ctrl-C, or for SIGTERM as init systems send it. Signals are handled from the call on.
///
/// # Errors
/// The signal handler cannot be installed.
#[cfg(unix)]
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
