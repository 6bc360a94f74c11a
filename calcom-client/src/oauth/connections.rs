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

/// The attempts to replace a connection that others change at the same time.
const MAX_SWAP_ATTEMPTS: usize = 8;

/// The resource of token keys: an organization has one account at Cal.com.
const ACCOUNT_RESOURCE: &str = "calcom:account";

/// The connections of all organizations to Cal.com. Cheap to clone; create one per process.
#[derive(Debug, Clone)]
pub struct CalcomConnections {
    store: Arc<dyn TokenStore>,
    manager: TokenManager,
    clock: Arc<dyn Clock>,
}

impl CalcomConnections {
    /// Returns connections that are stored in `store` and refreshed under leases of `leases`, with the default [`TokenConfig`]. Without an
    /// OAuth client only API keys can be used.
    pub fn new(
        oauth: Option<CalcomOAuth>,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(oauth, store, leases, clock, TokenConfig::default())
    }

    /// Like [`new`](Self::new), with a custom [`TokenConfig`].
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

    /// Returns the connection of one organization.
    pub fn of(&self, organization: impl Into<OrganizationId>) -> CalcomTokens {
        CalcomTokens { connections: self.clone(), organization: organization.into(), resource: ACCOUNT_RESOURCE.into() }
    }

    /// Waits until no token refresh is running; see [`TokenManager::drain_refreshes`].
    pub async fn drain_refreshes(&self) {
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
    /// Returns the organization.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// Returns the organization's connection to the API at this address, such as a self-hosted instance. It is stored under another key, so
    /// that credentials of one address are never sent to another, even if the configured address changes in between.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        Self { resource: format!("{ACCOUNT_RESOURCE}:{address}").into(), ..self }
    }

    /// Returns the key of the connection in the token store.
    pub fn key(&self) -> TokenKey {
        TokenKey::new(&self.organization, Arc::clone(&self.resource))
    }

    /// Returns the credentials for a client.
    pub fn credentials(&self) -> TokenHandle {
        self.connections.manager.handle(self.key())
    }

    /// Returns the stored connection; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn connection(&self) -> Result<Option<Connection>> {
        Ok(self.connections.store.load(&self.key()).await?)
    }

    /// Saves the tokens of a new OAuth connection; they replace the stored connection.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn adopt(&self, tokens: &TokenSet) -> Result<()> {
        let (store, key) = (&self.connections.store, self.key());
        let mut expected = store.load(&key).await?.map_or(0, |connection| connection.tokens.generation);
        for _ in 0..MAX_SWAP_ATTEMPTS {
            match store.swap(&key, expected, tokens, &ConnectionState::Active).await? {
                CasResult::Stored(_) => {
                    self.connections.manager.invalidate(&key);
                    return Ok(());
                }
                CasResult::Conflict(now) => expected = now.map_or(0, |connection| connection.tokens.generation),
            }
        }
        Err(Error::new(
            ErrorKind::Store,
            format!("could not save {key}: other processes changed it {MAX_SWAP_ATTEMPTS} times in a row; try again"),
        ))
    }

    /// Saves an API key as the connection; it replaces the stored one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the key is malformed; [`ErrorKind::Store`].
    pub async fn adopt_api_key(&self, key: SecretString) -> Result<()> {
        check_token(&key, "API key", "cal_…")?;
        let tokens = TokenSet { issued_at: Some(self.connections.clock.now()), ..TokenSet::new(key) };
        self.adopt(&tokens).await
    }

    /// Discards this process's cached tokens, so that the next call loads them from the store. For applications that are notified of changes
    /// by other processes; without it the process notices a change within seconds.
    pub fn invalidate(&self) {
        self.connections.manager.invalidate(&self.key());
    }

    /// Deletes the stored connection.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget(&self) -> Result<()> {
        self.connections.store.delete_tokens(&self.key()).await?;
        self.connections.manager.invalidate(&self.key());
        Ok(())
    }
}
