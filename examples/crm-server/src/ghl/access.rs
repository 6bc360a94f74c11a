//! The GHL clients and tokens of each organization, with a shared transport, rate limiter and token store.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ghl_client::{GhlClient, GhlConnections, GhlOAuth, GhlTokens, GhlWebhookVerifier};
use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result,
    http::{Observer, ReqwestTransport, Transport},
    rate_limit::RateLimiter,
};
use sidecar_store::Store;

use crate::{
    config::{GhlApp, GhlConfig},
    error::StartError,
};

/// The error of every call while GHL is not configured.
pub fn ghl_is_off() -> Error {
    Error::new(ErrorKind::InvalidInput, "GHL is off: set GHL_CLIENT_ID, GHL_CLIENT_SECRET and GHL_REDIRECT_URI")
}

/// Access to GHL for each organization. Cheap to clone.
#[derive(Clone)]
pub struct GhlAccess {
    verifier: Arc<GhlWebhookVerifier>,
    transport: Arc<dyn Transport>,
    app: Option<Arc<AppAccess>>,
}

/// What exists once GHL is configured.
struct AppAccess {
    connections: GhlConnections,
    config: GhlConfig,
    client_id: String,
    app_id: String,
    limiter: Arc<dyn RateLimiter>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    /// One client per organization, so that its circuit breaker and retry budget outlive a request.
    clients: Mutex<HashMap<OrganizationId, GhlClient>>,
}

impl fmt::Debug for GhlAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GhlAccess").field("app_id", &self.app_id()).finish_non_exhaustive()
    }
}

impl GhlAccess {
    /// Builds the clients' shared parts; nothing is sent.
    ///
    /// # Errors
    /// [`StartError`] for invalid configuration.
    pub fn new(
        config: &GhlConfig,
        store: &Arc<dyn Store>,
        limiter: &Arc<dyn RateLimiter>,
        clock: &Arc<dyn Clock>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let verifier = match config.webhook_keys.as_slice() {
            [] => GhlWebhookVerifier::new()?,
            keys => GhlWebhookVerifier::with_keys(keys)?,
        };
        let verifier = Arc::new(verifier.allow_legacy_rsa(config.allow_legacy_rsa)?);
        let transport = transport()?;
        let Some(app) = &config.app else { return Ok(Self { verifier, transport, app: None }) };
        let oauth = oauth(config, app, &transport, limiter, clock, observer)?;
        let connections = GhlConnections::new(oauth, Arc::clone(store) as _, Arc::clone(store) as _, Arc::clone(clock));
        let access = AppAccess {
            // Claims decide which organization owns a location; a call must not bypass them.
            connections: connections.auto_mint(false),
            config: config.clone(),
            client_id: app.client_id.clone(),
            app_id: app.client_id.split('-').next().unwrap_or_default().to_owned(),
            limiter: Arc::clone(limiter),
            clock: Arc::clone(clock),
            observer: Arc::clone(observer),
            clients: Mutex::default(),
        };
        // Reports invalid settings at the start and not in the first request.
        access.build(&"check".into(), &transport)?;
        Ok(Self { verifier, transport, app: Some(Arc::new(access)) })
    }

    /// Whether GHL is on.
    pub fn is_on(&self) -> bool {
        self.app.is_some()
    }

    /// Whether the error says that GHL is off: a task that meets it waits until an operator configures GHL.
    pub(crate) fn is_off_error(&self, error: &Error) -> bool {
        !self.is_on() && error.kind() == ErrorKind::InvalidInput && error.provider() != "calcom"
    }

    /// Returns the webhook verifier; it works also while GHL is off.
    pub fn verifier(&self) -> &GhlWebhookVerifier {
        &self.verifier
    }

    /// Returns the transport, for health checks.
    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// Returns the app's id; `None` while GHL is off.
    pub fn app_id(&self) -> Option<&str> {
        self.app.as_ref().map(|app| app.app_id.as_str())
    }

    /// Returns the OAuth client; `None` while GHL is off.
    pub fn oauth(&self) -> Option<&GhlOAuth> {
        self.app.as_ref().map(|app| app.connections.oauth())
    }

    /// Waits for running token refreshes.
    pub async fn drain_refreshes(&self) {
        if let Some(app) = &self.app {
            app.connections.drain_refreshes().await;
        }
    }

    /// Returns an organization's tokens; `None` while GHL is off.
    pub fn tokens(&self, organization: &OrganizationId) -> Option<GhlTokens> {
        self.app.as_ref().map(|app| app.connections.of(organization))
    }

    /// Returns an organization's client, which uses the token of each call's location or company; `None` while GHL is off.
    pub fn client(&self, organization: &OrganizationId) -> Option<GhlClient> {
        let app = self.app.as_ref()?;
        let mut clients = app.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(organization) {
            return Some(client.clone());
        }
        let built = app.build(organization, &self.transport);
        let client = built.inspect_err(|error| tracing::error!(%error, "no client could be built")).ok()?;
        clients.insert(organization.clone(), client.clone());
        Some(client)
    }
}

impl AppAccess {
    fn build(&self, organization: &OrganizationId, transport: &Arc<dyn Transport>) -> Result<GhlClient> {
        let mut builder = GhlClient::builder()
            .tokens(self.connections.of(organization))
            .client_id(&self.client_id)
            .base_url(&self.config.api_url)
            .transport(Arc::clone(transport))
            .limiter(Arc::clone(&self.limiter))
            .clock(Arc::clone(&self.clock))
            .observer(Arc::clone(&self.observer));
        if let Some(version) = &self.config.version {
            builder = builder.version(version.clone());
        }
        builder.build()
    }
}

fn oauth(
    config: &GhlConfig,
    app: &GhlApp,
    transport: &Arc<dyn Transport>,
    limiter: &Arc<dyn RateLimiter>,
    clock: &Arc<dyn Clock>,
    observer: &Arc<dyn Observer>,
) -> Result<GhlOAuth> {
    let mut builder = GhlOAuth::builder(&app.client_id, app.client_secret.clone())
        .base_url(&config.api_url)
        .authorize_url(&config.authorize_url)
        .transport(Arc::clone(transport))
        .limiter(Arc::clone(limiter))
        .clock(Arc::clone(clock))
        .observer(Arc::clone(observer));
    if let Some(uri) = &app.redirect_uri {
        builder = builder.redirect_uri(uri);
    }
    builder.build()
}

fn transport() -> Result<Arc<dyn Transport>, Error> {
    let transport: Arc<dyn Transport> = Arc::new(ReqwestTransport::new()?);
    #[cfg(feature = "failpoints")]
    let transport: Arc<dyn Transport> = Arc::new(super::crash::CrashingTransport(transport));
    Ok(transport)
}
