use std::sync::Arc;

use secrecy::SecretString;
use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result,
    client::check_token,
    lease::LeaseStore,
    token::{
        CasResult, Connection, ConnectionState, TokenConfig, TokenHandle, TokenKey, TokenManager, TokenSet, TokenStore,
    },
};

use super::{client::CalcomOAuth, exchange::CalcomExchange};

/// How often a connection that others are changing is tried to be replaced.
const ATTEMPTS: usize = 8;

/// The resource of token keys: an organization has one account at Cal.com.
const ACCOUNT: &str = "calcom:account";

/// Every connection to Cal.com, of all organizations. Cheap to clone; keep one per process.
#[derive(Debug, Clone)]
pub struct CalcomConnections {
    store: Arc<dyn TokenStore>,
    manager: TokenManager,
    clock: Arc<dyn Clock>,
}

impl CalcomConnections {
    /// Connections that are kept in `store` and renewed under its leases, with the usual [`TokenConfig`]. Without an OAuth client
    /// they are by API key only.
    pub fn new(
        oauth: Option<CalcomOAuth>,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(oauth, store, leases, clock, TokenConfig::default())
    }

    /// The same with times of your own.
    pub fn with_config(
        oauth: Option<CalcomOAuth>,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        config: TokenConfig,
    ) -> Self {
        let exchange = Arc::new(oauth.map_or_else(CalcomExchange::keys_only, CalcomExchange::new));
        let manager = TokenManager::with_config(Arc::clone(&store), leases, exchange, Arc::clone(&clock), config);
        Self { store, manager, clock }
    }

    /// The connection of one organization.
    pub fn of(&self, organization: impl Into<OrganizationId>) -> CalcomTokens {
        CalcomTokens { connections: self.clone(), organization: organization.into(), resource: ACCOUNT.into() }
    }

    /// Waits until no renewal is under way; see [`TokenManager::drain_refreshes`].
    pub async fn settle(&self) {
        self.manager.drain_refreshes().await;
    }
}

/// The connection of one organization. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CalcomTokens {
    connections: CalcomConnections,
    organization: OrganizationId,
    resource: Arc<str>,
}

impl CalcomTokens {
    /// The organization.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// The organization's connection at an API of this address, such as a host of its own: kept apart, so that neither's credentials
    /// are ever used at the other, whoever changes the address meanwhile.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        Self { resource: format!("{ACCOUNT}:{address}").into(), ..self }
    }

    /// Where the connection is kept.
    pub fn key(&self) -> TokenKey {
        TokenKey::new(&self.organization, Arc::clone(&self.resource))
    }

    /// What calls are made with.
    pub fn credentials(&self) -> TokenHandle {
        self.connections.manager.handle(self.key())
    }

    /// The connection as it is stored, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn connection(&self) -> Result<Option<Connection>> {
        Ok(self.connections.store.load(&self.key()).await?)
    }

    /// Keeps the tokens of a fresh connection by OAuth, in place of what was there.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn adopt(&self, tokens: &TokenSet) -> Result<()> {
        let (store, key) = (&self.connections.store, self.key());
        let mut expected = store.load(&key).await?.map_or(0, |connection| connection.tokens.generation);
        for _ in 0..ATTEMPTS {
            match store.swap(&key, expected, tokens, &ConnectionState::Active).await? {
                CasResult::Stored(_) => {
                    self.connections.manager.invalidate(&key);
                    return Ok(());
                }
                CasResult::Conflict(now) => expected = now.map_or(0, |connection| connection.tokens.generation),
            }
        }
        Err(Error::new(ErrorKind::Store, format!("{key} is being changed by others all the time: try again")))
    }

    /// Keeps an API key as the connection, in place of what was there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it cannot be a key; [`ErrorKind::Store`].
    pub async fn adopt_api_key(&self, key: SecretString) -> Result<()> {
        check_token(&key, "API key", "cal_…")?;
        let tokens = TokenSet { issued_at: Some(self.connections.clock.now()), ..TokenSet::new(key) };
        self.adopt(&tokens).await
    }

    /// Forgets what this process remembers of the connection: the next call asks the store. For when something else tells that another
    /// process has changed it; without it that shows within seconds.
    pub fn invalidate(&self) {
        self.connections.manager.invalidate(&self.key());
    }

    /// Erases the connection.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget(&self) -> Result<()> {
        self.connections.store.delete_tokens(&self.key()).await?;
        self.connections.manager.invalidate(&self.key());
        Ok(())
    }
}
