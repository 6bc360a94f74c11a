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

/// Cal.com as this server is set up for it. Cheap to clone.
#[derive(Clone)]
pub struct CalcomAccess(Arc<Inner>);

struct Inner {
    config: CalcomConfig,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// To addresses that the operator set.
    transport: Arc<dyn Transport>,
    /// To addresses that an organization named.
    to_named: Arc<dyn Transport>,
    limiter: Arc<dyn RateLimiter>,
    observer: Arc<dyn Observer>,
    oauth: Option<CalcomOAuth>,
    connections: CalcomConnections,
    /// One client per organization, so that its circuit breaker and retry budget outlive a request; with the revision of the
    /// settings it was made of.
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
    /// Sets everything up; nothing is sent.
    ///
    /// # Errors
    /// [`StartError`] names what cannot be right.
    pub fn new(
        config: &Config,
        store: &Arc<dyn Store>,
        limiter: &Arc<dyn RateLimiter>,
        transport: &Arc<dyn Transport>,
        clock: &Arc<dyn Clock>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Self, StartError> {
        let to_named: Arc<dyn Transport> = match config.environment {
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
            to_named,
            limiter: Arc::clone(limiter),
            observer: Arc::clone(observer),
            oauth,
            connections,
            clients: Mutex::default(),
            users: Cache::new(MAX_CACHED_ORGANIZATIONS),
            settings: Cache::new(MAX_CACHED_ORGANIZATIONS),
        }));
        // Whatever is wrong with the settings shows here and not in the first request.
        let anybody = OrganizationId::from("check");
        let organization = config.calcom.organization.as_ref().unwrap_or(&anybody);
        access.build(organization, &CalcomSettings::default()).map_err(StartError::Calcom)?;
        Ok(access)
    }

    /// The organization that the environment's key and secrets belong to.
    pub fn organization(&self) -> Option<&OrganizationId> {
        self.0.config.organization.as_ref()
    }

    /// Whether the organization's connection is the environment's, which nobody changes from outside.
    pub fn is_from_environment(&self, organization: &OrganizationId) -> bool {
        self.0.config.key_of(organization).is_some()
    }

    /// Whether the organization has credentials at all, good or not.
    ///
    /// # Errors
    /// The store.
    pub async fn is_connected(&self, organization: &OrganizationId) -> Result<bool> {
        Ok(self.is_from_environment(organization) || self.connection(organization).await?.is_some())
    }

    /// The connection as it is stored, at the address that the settings have now.
    ///
    /// # Errors
    /// The store.
    pub async fn connection(&self, organization: &OrganizationId) -> Result<Option<Connection>> {
        let settled = self.settings(organization).await?;
        self.tokens(organization, &settled.settings).connection().await
    }

    /// The app towards the OAuth endpoints; none: organizations connect by API key.
    pub fn oauth(&self) -> Option<&CalcomOAuth> {
        self.0.oauth.as_ref()
    }

    /// An organization's stored connection, at the address of these settings: what is kept for another is never found.
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

    /// The way to the address that the operator set, for a look whether it is there.
    pub(crate) fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Waits until no token renewal is under way.
    pub async fn settle(&self) {
        self.0.connections.settle().await;
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

    /// The organization's client, of its settings as they are now. Without a connection its calls fail with
    /// [`ErrorKind::Auth`].
    ///
    /// # Errors
    /// The store, or [`ErrorKind::InvalidInput`] when the settings cannot be right.
    pub async fn client(&self, organization: &OrganizationId) -> Result<CalcomClient> {
        let settled = self.settings(organization).await?;
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, client)) = clients.get(organization)
            && *revision == settled.revision
        {
            return Ok(client.clone());
        }
        // Another process may have put another key in place of the one in hand.
        self.tokens(organization, &settled.settings).invalidate();
        let client = self.build(organization, &settled.settings)?;
        if clients.len() >= MAX_CACHED_ORGANIZATIONS {
            clients.clear();
        }
        clients.insert(organization.clone(), (settled.revision, client.clone()));
        Ok(client)
    }

    /// The user whose credentials the organization has, as Cal.com says. It is asked once for each of them.
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

    /// A name for the account that the organization has connected: its user, and the API's address. Another account has another.
    ///
    /// # Errors
    /// As [`user`](Self::user)'s.
    pub async fn account(&self, organization: &OrganizationId) -> Result<String> {
        let user = self.user(organization).await?;
        let settled = self.settings(organization).await?;
        Ok(format!("{user}@{}", settled.settings.base_url.as_ref().map_or("", Url::as_str)))
    }

    /// A client with settings and a key that are not kept yet, to try them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when they cannot be right.
    pub fn trial(&self, settings: &CalcomSettings, key: SecretString) -> Result<CalcomClient> {
        self.builder(settings).api_key(key).build()
    }

    /// Whether an organization may name this address of an API.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] says what is wrong with it.
    pub fn check_address(&self, settings: &CalcomSettings) -> Result<()> {
        let Some(url) = &settings.base_url else { return Ok(()) };
        // Without any guard in development and test: stand-ins are on this machine.
        if !Arc::ptr_eq(&self.0.to_named, &self.0.transport) {
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
            Some(url) => (url.as_str(), &inner.to_named),
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
