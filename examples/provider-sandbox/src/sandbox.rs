//! Starting and stopping: one listener, one clock, the rooms of the providers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::calcom::{self, Calcom};
use crate::clock::Clock;
use crate::connection::{Cut, CuttableListener};
use crate::control::{self, Control};
use crate::deliveries::{Mailer, WebhookSettings};
use crate::ghl::state::World;
use crate::ghl::{self, Ghl, Identity};

/// What calls under way get when the sandbox stops, in milliseconds.
const LAST_CALLS_MS: u64 = 500;

/// Why the sandbox refused.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could not be bound.
    #[error("cannot listen on {address}: {source}; give another --bind address, port 0 picks a free one")]
    Bind {
        /// As asked for.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The sender of webhooks could not be built.
    #[error("cannot build the webhook sender: {0}")]
    Sender(#[from] reqwest::Error),
    /// The plan cannot be carried out.
    #[error("{0}")]
    Plan(&'static str),
    /// No such thing in the sandbox.
    #[error("the sandbox has no {0}")]
    Unknown(String),
    /// The provider would refuse this.
    #[error("the provider refuses: {0}")]
    Refused(String),
}

/// What is built before the start.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) contacts: u32,
    pub(crate) locations: u32,
    pub(crate) redirect_uri: Option<String>,
    bind: String,
    start_ms: Option<i64>,
}

/// Sets a sandbox up.
#[derive(Debug, Clone)]
#[must_use]
pub struct SandboxBuilder(Plan);

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self(Plan {
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
    /// What all people, ids and chances are made from. Default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// People in each location, at most 1,000,000. Default 500.
    pub fn contacts(mut self, contacts: u32) -> Self {
        self.0.contacts = contacts;
        self
    }

    /// Locations of the company, 1 to 1,000. Default 2.
    pub fn locations(mut self, locations: u32) -> Self {
        self.0.locations = locations;
        self
    }

    /// Address to listen on; port 0 picks a free one. Default `127.0.0.1:0`.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.0.bind = address.into();
        self
    }

    /// The only redirect URI the app may use. Default: any.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.0.redirect_uri = Some(uri.into());
        self
    }

    /// What the sandbox's clock reads at its start, in epoch milliseconds. Default: the machine's time.
    pub fn start_ms(mut self, start_ms: i64) -> Self {
        self.0.start_ms = Some(start_ms);
        self
    }

    /// Builds the rooms and listens.
    pub async fn start(self) -> Result<Sandbox, SandboxError> {
        let plan = self.0;
        if !(1..=1_000).contains(&plan.locations) {
            return Err(SandboxError::Plan("locations must be 1 to 1,000"));
        }
        if plan.contacts > 1_000_000 {
            return Err(SandboxError::Plan("contacts must be at most 1,000,000 in each location"));
        }
        let refused = |source| SandboxError::Bind { address: plan.bind.clone(), source };
        let listener = TcpListener::bind(&plan.bind).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let clock = plan.start_ms.map_or_else(Clock::of_the_machine, Clock::starting_at);
        let identity = Arc::new(Identity::new(plan.seed));
        let (mailer, events) = Mailer::new(plan.seed, clock.clone(), ghl::PERSISTENCE, WebhookSettings::default())?;
        let world = Arc::new(World::new(&plan, &clock, mailer.clone(), identity));
        let (calcom_mailer, calcom_events) =
            Mailer::new(plan.seed, clock.clone(), calcom::PERSISTENCE, calcom::settings())?;
        let calcom_world = Arc::new(calcom::state::World::new(plan.seed, &clock, calcom_mailer.clone()));
        let senders = [tokio::spawn(mailer.run(events)), tokio::spawn(calcom_mailer.run(calcom_events))];
        let url = format!("http://{address}");
        let calcom = Calcom::new(calcom_world, &format!("{url}/calcom"));
        let control = Control::new(Ghl { world }, calcom, url);
        let router = router(&control);
        let service = router.clone().into_make_service_with_connect_info::<Cut>();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            // The listener is ours and never ends; there is no error to report.
            let serve = axum::serve(CuttableListener(listener), service);
            let _ = serve.with_graceful_shutdown(async { drop(stopped.await) }).await;
        });
        Ok(Sandbox { address, clock, control, router, server, senders, stop: Some(stop) })
    }
}

fn router(control: &Control) -> Router {
    Router::new()
        .nest("/ghl", ghl::router(control.ghl().world.clone()))
        .nest("/calcom", calcom::router(control.calcom().world().clone()))
        .merge(control::router(control.clone()))
}

/// The running stand-ins. Dropping it stops them.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    control: Control,
    router: Router,
    clock: Clock,
    server: JoinHandle<()>,
    senders: [JoinHandle<()>; 2],
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Starts with the defaults on a free loopback port.
    pub async fn start() -> Result<Self, SandboxError> {
        Self::builder().start().await
    }

    /// Chooses seed, sizes and address first.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// `http://ADDRESS:PORT`, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment to start a server with.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        self.control.env()
    }

    /// The GHL stand-in.
    #[must_use]
    pub fn ghl(&self) -> Ghl {
        self.control.ghl().clone()
    }

    /// The Cal.com stand-in.
    #[must_use]
    pub fn calcom(&self) -> Calcom {
        self.control.calcom().handle().clone()
    }

    /// Every route, to be called in process.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Faults, time, limits and the rest, to order.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops sending and listening; calls under way get half a second, idle connections end.
    pub async fn stop(mut self) {
        self.senders.iter().for_each(JoinHandle::abort);
        drop(self.stop.take());
        tokio::select! {
            _ = &mut self.server => {}
            () = self.clock.sleep(LAST_CALLS_MS) => {}
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.senders.iter().for_each(JoinHandle::abort);
        self.server.abort();
    }
}
