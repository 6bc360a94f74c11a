//! Starts and stops the sandbox: one listener, one clock, and the state of each provider.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::calcom::{self, Calcom};
use crate::clock::Clock;
use crate::connection::{ResetHandle, ResettableListener};
use crate::control::{self, Control};
use crate::deliveries::{Dispatcher, WebhookSettings};
use crate::ghl::state::GhlState;
use crate::ghl::{self, Ghl, Identity};

/// Time that requests in flight have to finish when the sandbox stops, in milliseconds.
const SHUTDOWN_GRACE_MS: u64 = 500;

/// An error of the sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could not be bound.
    #[error("cannot listen on {address}: {source}; give another --bind address, port 0 picks a free one")]
    Bind {
        /// The requested address.
        address: String,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The HTTP client that sends webhooks could not be built.
    #[error("cannot build the webhook client: {0}")]
    HttpClient(#[from] reqwest::Error),
    /// A setting of the builder is out of range.
    #[error("{0}")]
    InvalidConfig(&'static str),
    /// The sandbox has no record with this id.
    #[error("the sandbox has no {0}")]
    NotFound(String),
    /// The provider would reject the change.
    #[error("rejected by the provider: {0}")]
    Rejected(String),
}

/// The configuration of a sandbox.
#[derive(Debug, Clone)]
pub(crate) struct SandboxConfig {
    pub(crate) seed: u64,
    pub(crate) contacts: u32,
    pub(crate) locations: u32,
    pub(crate) redirect_uri: Option<String>,
    bind: String,
    start_ms: Option<i64>,
}

/// Configures and starts a sandbox.
#[derive(Debug, Clone)]
#[must_use]
pub struct SandboxBuilder(SandboxConfig);

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self(SandboxConfig {
            seed: 1,
            contacts: 500,
            locations: 2,
            redirect_uri: None,
            bind: "127.0.0.1:0".to_owned(),
            start_ms: None,
        })
    }
}

impl SandboxBuilder {
    /// Sets the seed of all data, ids and probabilities. Default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Sets the number of contacts per location, at most 1,000,000. Default 500.
    pub fn contacts(mut self, contacts: u32) -> Self {
        self.0.contacts = contacts;
        self
    }

    /// Sets the number of the company's locations, 1 to 1,000. Default 2.
    pub fn locations(mut self, locations: u32) -> Self {
        self.0.locations = locations;
        self
    }

    /// Sets the address to listen on; port 0 picks a free one. Default `127.0.0.1:0`.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.0.bind = address.into();
        self
    }

    /// Sets the only redirect URI that GHL accepts. Default: any.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.0.redirect_uri = Some(uri.into());
        self
    }

    /// Sets the initial time of the sandbox's clock, in epoch milliseconds. Default: the machine's time.
    pub fn start_ms(mut self, start_ms: i64) -> Self {
        self.0.start_ms = Some(start_ms);
        self
    }

    /// Creates the providers' data and starts listening.
    pub async fn start(self) -> Result<Sandbox, SandboxError> {
        let config = self.0;
        if !(1..=1_000).contains(&config.locations) {
            return Err(SandboxError::InvalidConfig("locations must be 1 to 1,000"));
        }
        if config.contacts > 1_000_000 {
            return Err(SandboxError::InvalidConfig("contacts must be at most 1,000,000 in each location"));
        }
        let bind_error = |source| SandboxError::Bind { address: config.bind.clone(), source };
        let listener = TcpListener::bind(&config.bind).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let clock = config.start_ms.map_or_else(Clock::system, Clock::starting_at);
        let identity = Arc::new(Identity::new(config.seed));
        let (dispatcher, events) =
            Dispatcher::new(config.seed, clock.clone(), ghl::RETRY_POLICY, WebhookSettings::default())?;
        let ghl_state = Arc::new(GhlState::new(&config, &clock, dispatcher.clone(), identity));
        let (calcom_dispatcher, calcom_events) =
            Dispatcher::new(config.seed, clock.clone(), calcom::RETRY_POLICY, calcom::webhook_settings())?;
        let calcom_state = Arc::new(calcom::state::CalcomState::new(config.seed, &clock, calcom_dispatcher.clone()));
        let dispatchers = [tokio::spawn(dispatcher.run(events)), tokio::spawn(calcom_dispatcher.run(calcom_events))];
        let url = format!("http://{address}");
        let calcom = Calcom::new(calcom_state, &format!("{url}/calcom"));
        let control = Control::new(Ghl { state: ghl_state }, calcom, url);
        let router = router(&control);
        let service = router.clone().into_make_service_with_connect_info::<ResetHandle>();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let serve = axum::serve(ResettableListener(listener), service);
            // Never fails: `ResettableListener` retries failed accepts.
            let _ = serve.with_graceful_shutdown(async { drop(stopped.await) }).await;
        });
        Ok(Sandbox { address, clock, control, router, server, dispatchers, stop: Some(stop) })
    }
}

fn router(control: &Control) -> Router {
    Router::new()
        .nest("/ghl", ghl::router(control.ghl().state.clone()))
        .nest("/calcom", calcom::router(control.calcom().state().clone()))
        .merge(control::router(control.clone()))
}

/// A running sandbox. Dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    control: Control,
    router: Router,
    clock: Clock,
    server: JoinHandle<()>,
    dispatchers: [JoinHandle<()>; 2],
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Starts a sandbox with the default configuration on a free loopback port.
    pub async fn start() -> Result<Self, SandboxError> {
        Self::builder().start().await
    }

    /// Returns a builder with the default configuration.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Returns `http://ADDRESS:PORT`, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the environment variables that connect a server to the sandbox.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        self.control.env()
    }

    /// Returns the API of the GHL sandbox.
    #[must_use]
    pub fn ghl(&self) -> Ghl {
        self.control.ghl().clone()
    }

    /// Returns the API of the Cal.com sandbox.
    #[must_use]
    pub fn calcom(&self) -> Calcom {
        self.control.calcom().api().clone()
    }

    /// Returns the router with all routes, for in-process calls.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the control API: faults, time, rate limits, tokens and webhooks.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops the dispatchers and the listener. Requests in flight have half a second to finish.
    pub async fn stop(mut self) {
        self.dispatchers.iter().for_each(JoinHandle::abort);
        drop(self.stop.take());
        tokio::select! {
            _ = &mut self.server => {}
            () = self.clock.sleep(SHUTDOWN_GRACE_MS) => {}
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.dispatchers.iter().for_each(JoinHandle::abort);
        self.server.abort();
    }
}
