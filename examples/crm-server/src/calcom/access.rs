//! Clients, tokens, settings and verifiers of each organization.
//!
//! Invariant: a client is built from the settings that are stored when it is requested; cached settings only verify webhooks.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use calcom_client::{
    CalcomClient, CalcomClientBuilder, CalcomConnections, CalcomOAuth, CalcomTokens, CalcomVerifier, RateLimitPolicy,
    model::UserId,
};
use secrecy::SecretString;
use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result, StoreError,
    http::{Observer, PublicTransport, Transport},
    lease::LeaseStore,
    rate_limit::RateLimiter,
    token::Connection,
};
use sidecar_store::Store;
use url::Url;

use super::settings::{self, CalcomSettings, VersionedSettings};
use crate::{
    config::{CalcomApp, CalcomConfig, Config, Environment},
    error::StartError,
    tenancy::cache::Cache,
};

/// How long settings are cached for verifiers.
const SETTINGS_TTL: Duration = Duration::from_secs(5);
/// How old they may be when a signature does not match: a secret may have been added just now.
const SETTINGS_TTL_AFTER_MISMATCH: Duration = Duration::from_secs(1);
/// The most organizations whose clients, users and settings are cached.
const MAX_CACHED_ORGANIZATIONS: usize = 10_000;

/// Access to Cal.com for each organization. Cheap to clone.
#[derive(Clone)]
pub struct CalcomAccess(Arc<Inner>);

struct Inner {
    config: CalcomConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// For addresses that the operator configured.
    transport: Arc<dyn Transport>,
    /// For addresses that an organization set: blocks private networks.
    tenant_transport: Arc<dyn Transport>,
    limiter: Arc<dyn RateLimiter>,
    observer: Arc<dyn Observer>,
    oauth: Option<CalcomOAuth>,
    connections: CalcomConnections,
    /// One client per organization, so that its circuit breaker and retry budget outlive a request; with the revision of the
    /// settings that it was built from.
    clients: Mutex<HashMap<OrganizationId, (u64, CalcomClient)>>,
    users: Cache<OrganizationId, User>,
    settings: Cache<OrganizationId, CachedSettings>,
}

/// The user whose credentials an organization has.
#[derive(Clone, Copy)]
struct User {
    /// The revision of the settings that it was read with.
    revision: u64,
    /// The generation of the tokens that it was read with.
    generation: u64,
    id: UserId,
}

#[derive(Clone)]
struct CachedSettings {
    settings: Arc<VersionedSettings>,
    verifier: Option<CalcomVerifier>,
}

impl fmt::Debug for CalcomAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalcomAccess").field("oauth", &self.0.oauth).finish_non_exhaustive()
    }
}

impl CalcomAccess {
    /// Builds the clients' shared parts; nothing is sent.
    ///
    /// # Errors
    /// [`StartError`] for invalid configuration.
    pub fn new(
        config: &Config,
        store: &Arc<dyn Store>,
        limiter: &Arc<dyn RateLimiter>,
        transport: &Arc<dyn Transport>,
        clock: &Arc<dyn Clock>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let tenant_transport: Arc<dyn Transport> = match config.environment {
            Environment::Production => Arc::new(PublicTransport::new().map_err(StartError::Calcom)?),
            Environment::Development | Environment::Test => Arc::clone(transport),
        };
        let oauth = config.calcom.app.as_ref().map(|app| {
            oauth(&config.calcom, app)
                .transport(Arc::clone(transport))
                .limiter(Arc::clone(limiter))
                .clock(Arc::clone(clock))
                .observer(Arc::clone(observer))
                .build()
        });
        let oauth = oauth.transpose().map_err(StartError::Calcom)?;
        let connections =
            CalcomConnections::new(oauth.clone(), Arc::clone(store) as _, Arc::clone(store) as _, Arc::clone(clock));
        let access = Self(Arc::new(Inner {
            config: config.calcom.clone(),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            transport: Arc::clone(transport),
            tenant_transport,
            limiter: Arc::clone(limiter),
            observer: Arc::clone(observer),
            oauth,
            connections,
            clients: Mutex::default(),
            users: Cache::new(MAX_CACHED_ORGANIZATIONS),
            settings: Cache::new(MAX_CACHED_ORGANIZATIONS),
        }));
        // Reports invalid settings at the start and not in the first request.
        let any = OrganizationId::from("check");
        let organization = config.calcom.organization.as_ref().unwrap_or(&any);
        access.build(organization, &CalcomSettings::default()).map_err(StartError::Calcom)?;
        Ok(access)
    }

    /// Returns the organization of the environment's key and secrets.
    pub fn organization(&self) -> Option<&OrganizationId> {
        self.0.config.organization.as_ref()
    }

    /// Whether the environment configures the organization's connection, which cannot be changed over the API.
    pub fn is_from_environment(&self, organization: &OrganizationId) -> bool {
        self.0.config.key_of(organization).is_some()
    }

    /// Whether the organization has credentials, valid or not.
    ///
    /// # Errors
    /// The store.
    pub async fn is_connected(&self, organization: &OrganizationId) -> Result<bool> {
        Ok(self.is_from_environment(organization) || self.connection(organization).await?.is_some())
    }

    /// Returns the stored connection for the address of the current settings.
    ///
    /// # Errors
    /// The store.
    pub async fn connection(&self, organization: &OrganizationId) -> Result<Option<Connection>> {
        let stored = self.settings(organization).await?;
        self.tokens(organization, &stored.settings).connection().await
    }

    /// Returns the OAuth client; `None` when organizations connect by API key.
    pub fn oauth(&self) -> Option<&CalcomOAuth> {
        self.0.oauth.as_ref()
    }

    /// Returns an organization's tokens for the address of these settings. Tokens of other addresses are never used.
    pub fn tokens(&self, organization: &OrganizationId, settings: &CalcomSettings) -> CalcomTokens {
        let tokens = self.0.connections.of(organization);
        match &settings.base_url {
            Some(url) => tokens.at(url.as_str()),
            None => tokens,
        }
    }

    /// Erases the organization's credentials for every address.
    ///
    /// # Errors
    /// The store.
    pub async fn delete_credentials(&self, organization: &OrganizationId) -> Result<()> {
        let own = self.0.connections.of(organization);
        let account = own.key();
        for connection in self.0.store.connections(organization).await? {
            let Some(at) = connection.key.resource().strip_prefix(account.resource()) else { continue };
            match at.strip_prefix(':') {
                Some(address) => own.clone().at(address).forget().await?,
                None if at.is_empty() => own.forget().await?,
                None => {}
            }
        }
        Ok(())
    }

    /// Returns the transport for the configured address, for health checks.
    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Waits for running token refreshes.
    pub async fn drain_refreshes(&self) {
        self.0.connections.drain_refreshes().await;
    }

    /// Reads what the organization has set. For everything that has an effect.
    ///
    /// # Errors
    /// The store.
    pub async fn settings(&self, organization: &OrganizationId) -> Result<Arc<VersionedSettings>, StoreError> {
        Ok(self.read_settings(organization).await?.settings)
    }

    /// Returns the organization's webhook verifier, which may be some seconds old; `None` without a secret. When it rejects a
    /// delivery, ask [`fresh_verifier`](Self::fresh_verifier).
    ///
    /// # Errors
    /// The store.
    pub async fn cached_verifier(&self, organization: &OrganizationId) -> Result<Option<CalcomVerifier>, StoreError> {
        Ok(self.cached_settings(SETTINGS_TTL, organization).await?.verifier)
    }

    /// Returns the organization's webhook verifier, at most a second old; `None` without a secret.
    ///
    /// # Errors
    /// The store.
    pub async fn fresh_verifier(&self, organization: &OrganizationId) -> Result<Option<CalcomVerifier>, StoreError> {
        Ok(self.cached_settings(SETTINGS_TTL_AFTER_MISMATCH, organization).await?.verifier)
    }

    /// Returns the organization's client, built from its current settings. Without a connection its calls fail with
    /// [`ErrorKind::Auth`].
    ///
    /// # Errors
    /// The store, or [`ErrorKind::InvalidInput`] for invalid settings.
    pub async fn client(&self, organization: &OrganizationId) -> Result<CalcomClient> {
        let stored = self.settings(organization).await?;
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, client)) = clients.get(organization)
            && *revision == stored.revision
        {
            return Ok(client.clone());
        }
        // Another process may have replaced the key that this one has cached.
        self.tokens(organization, &stored.settings).invalidate();
        let client = self.build(organization, &stored.settings)?;
        if clients.len() >= MAX_CACHED_ORGANIZATIONS {
            clients.clear();
        }
        clients.insert(organization.clone(), (stored.revision, client.clone()));
        Ok(client)
    }

    /// Returns the user whose credentials the organization has. Cal.com is asked once for each pair of credentials.
    ///
    /// # Errors
    /// As the client's; [`ErrorKind::Auth`] without a connection.
    pub async fn user(&self, organization: &OrganizationId) -> Result<UserId> {
        let revision = self.settings(organization).await?.revision;
        let connection = self.connection(organization).await?;
        let generation = connection.map_or(0, |connection| connection.tokens.generation);
        let now = self.0.clock.monotonic();
        let is_same = |_, user: &User| (user.revision, user.generation) == (revision, generation);
        if let Some(user) = self.0.users.get_if(organization, now, is_same) {
            return Ok(user.id);
        }
        let id = self.client(organization).await?.me().get().background().await?.id;
        self.0.users.insert(organization.clone(), now, User { revision, generation, id });
        Ok(id)
    }

    /// Returns an identifier of the connected account: its user and the API's address.
    ///
    /// # Errors
    /// As [`user`](Self::user)'s.
    pub async fn account(&self, organization: &OrganizationId) -> Result<String> {
        let user = self.user(organization).await?;
        let stored = self.settings(organization).await?;
        Ok(format!("{user}@{}", stored.settings.base_url.as_ref().map_or("", Url::as_str)))
    }

    /// Returns a client for settings and a key that are not stored yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when they are not valid.
    pub fn trial(&self, settings: &CalcomSettings, key: SecretString) -> Result<CalcomClient> {
        self.builder(settings).api_key(key).build()
    }

    /// Checks that an organization may use this API address.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] says what is wrong with it.
    pub fn check_address(&self, settings: &CalcomSettings) -> Result<()> {
        let Some(url) = &settings.base_url else { return Ok(()) };
        // Not checked in development and test: the sandbox runs on this machine.
        if !Arc::ptr_eq(&self.0.tenant_transport, &self.0.transport) {
            PublicTransport::check(url.as_str())
                .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        }
        self.builder(settings).build().map(drop)
    }

    fn build(&self, organization: &OrganizationId, settings: &CalcomSettings) -> Result<CalcomClient> {
        let builder = self.builder(settings);
        match self.0.config.key_of(organization) {
            Some(key) => builder.api_key(key.clone()).build(),
            None => builder.tokens(self.tokens(organization, settings)).build(),
        }
    }

    fn builder(&self, settings: &CalcomSettings) -> CalcomClientBuilder {
        let inner = &*self.0;
        let (base, transport) = match &settings.base_url {
            Some(url) => (url.as_str(), &inner.tenant_transport),
            None => (inner.config.api_url.as_str(), &inner.transport),
        };
        let mut builder = CalcomClient::builder()
            .base_url(base)
            .transport(Arc::clone(transport))
            .limiter(Arc::clone(&inner.limiter))
            .clock(Arc::clone(&inner.clock))
            .observer(Arc::clone(&inner.observer))
            .leases(Arc::clone(&inner.store) as Arc<dyn LeaseStore>);
        if let Some(profile) = settings.profile {
            builder = builder.profile(profile.into());
        }
        if let Some(calls) = settings.calls_per_minute {
            builder = builder.rate_limit(RateLimitPolicy::API_KEY.per_minute(calls).burst((calls / 10).max(1)));
        }
        builder
    }

    async fn cached_settings(
        &self,
        ttl: Duration,
        organization: &OrganizationId,
    ) -> Result<CachedSettings, StoreError> {
        match self.0.settings.get(organization, self.0.clock.monotonic(), ttl) {
            Some(cached) => Ok(cached),
            None => self.read_settings(organization).await,
        }
    }

    async fn read_settings(&self, organization: &OrganizationId) -> Result<CachedSettings, StoreError> {
        // Taken before the read, so that an entry is never older than its age says.
        let read_at = self.0.clock.monotonic();
        let settings = Arc::new(settings::read(&*self.0.store, organization).await?);
        let secrets = self.0.config.secrets_of(organization).iter().chain(&settings.settings.webhook_secrets);
        let secrets: Vec<SecretString> = secrets.cloned().collect();
        let verifier = match secrets.is_empty() {
            true => None,
            false => Some(CalcomVerifier::new(secrets).map_err(|error| {
                StoreError::broken("a webhook secret of Cal.com cannot be used").with_source(error)
            })?),
        };
        let cached = CachedSettings { settings, verifier };
        if cached.settings.revision == 0 && cached.verifier.is_none() {
            // Not cached: anyone can request webhooks of made-up organizations.
            self.0.settings.remove(organization);
        } else {
            self.0.settings.insert(organization.clone(), read_at, cached.clone());
        }
        Ok(cached)
    }
}

fn oauth(config: &CalcomConfig, app: &CalcomApp) -> calcom_client::oauth::CalcomOAuthBuilder {
    let mut builder = CalcomOAuth::builder(&app.client_id).base_url(&config.api_url);
    if let Some(secret) = &app.client_secret {
        builder = builder.client_secret(secret.clone());
    }
    if let Some(uri) = &app.redirect_uri {
        builder = builder.redirect_uri(uri);
    }
    if let Some(page) = &config.authorize_url {
        builder = builder.authorize_url(page);
    }
    builder
}
