use std::sync::Arc;

use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result,
    lease::LeaseStore,
    token::{
        CasResult, Connection, ConnectionState, TokenConfig, TokenHandle, TokenKey, TokenManager, TokenSet, TokenStore,
    },
};

use super::{
    client::GhlOAuth,
    exchange::GhlExchange,
    grant::{UserType, company_of, location_of, user_type_of},
    keys::{company_key, company_of_key, location_key, location_of_key},
};
use crate::model::{CompanyId, LocationId};

/// How often a compare-and-swap of a connection is tried while other callers change it.
pub(super) const MAX_SWAP_ATTEMPTS: usize = 8;

/// The connections of the app, of all organizations. Cheap to clone; use one per process.
///
/// Companies and locations have separate managers, because the refresh of a location's token may need that of its company. The first
/// call of a location without tokens mints one with its connected company, once in all processes.
#[derive(Debug, Clone)]
pub struct GhlConnections {
    oauth: GhlOAuth,
    pub(super) store: Arc<dyn TokenStore>,
    leases: Arc<dyn LeaseStore>,
    pub(super) clock: Arc<dyn Clock>,
    config: TokenConfig,
    pub(super) companies: TokenManager,
    pub(super) locations: TokenManager,
    pub(super) auto_mint: bool,
}

impl GhlConnections {
    /// Returns connections that are stored in `store` and refreshed under its leases, with the default [`TokenConfig`].
    pub fn new(
        oauth: GhlOAuth,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(oauth, store, leases, clock, TokenConfig::default())
    }

    /// Returns connections like [`GhlConnections::new`], with this configuration.
    pub fn with_config(
        oauth: GhlOAuth,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        config: TokenConfig,
    ) -> Self {
        let refreshing = Arc::new(GhlExchange::new(oauth.clone()));
        let companies = TokenManager::with_config(store.clone(), leases.clone(), refreshing, clock.clone(), config);
        let locations = companies.clone();
        Self { oauth, store, leases, clock, config, companies, locations, auto_mint: true }.auto_mint(true)
    }

    /// Sets whether the first call of a location mints its first token; `true` by default. With `false` only [`GhlTokens::mint`]
    /// does, for an application that decides which organization has which location. Refreshes do not change.
    #[must_use]
    pub fn auto_mint(mut self, auto_mint: bool) -> Self {
        let mut exchange = GhlExchange::new(self.oauth.clone()).minting_from(self.companies.clone());
        if auto_mint {
            exchange = exchange.minting_first_from(self.store.clone());
        }
        let (store, leases, clock) = (self.store.clone(), self.leases.clone(), self.clock.clone());
        self.locations = TokenManager::with_config(store, leases, Arc::new(exchange), clock, self.config);
        self.auto_mint = auto_mint;
        self
    }

    /// Returns the connections of one organization.
    pub fn of(&self, organization: impl Into<OrganizationId>) -> GhlTokens {
        GhlTokens { connections: self.clone(), organization: organization.into() }
    }

    /// Waits until no refresh is running; see [`TokenManager::drain_refreshes`].
    pub async fn drain_refreshes(&self) {
        self.locations.drain_refreshes().await;
        self.companies.drain_refreshes().await;
    }

    /// Returns the app's OAuth client.
    pub fn oauth(&self) -> &GhlOAuth {
        &self.oauth
    }
}

/// The tokens of one organization: those of its companies and locations. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GhlTokens {
    pub(super) connections: GhlConnections,
    pub(super) organization: OrganizationId,
}

impl GhlTokens {
    /// Returns the organization.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// Returns a company's credentials.
    pub fn company(&self, company: &CompanyId) -> TokenHandle {
        self.connections.companies.handle(self.company_key(company))
    }

    /// Returns a location's credentials: its own connection, or tokens that are minted with its company's token at the first call
    /// (see [`auto_mint`](GhlConnections::auto_mint)). That call fails with [`ErrorKind::Auth`] if neither the location nor a company
    /// that has it is connected, or if the location was disconnected.
    pub fn location(&self, location: &LocationId) -> TokenHandle {
        self.connections.locations.handle(self.location_key(location))
    }

    /// Returns the storage key of a company's tokens.
    pub fn company_key(&self, company: &CompanyId) -> TokenKey {
        company_key(&self.organization, company)
    }

    /// Returns the storage key of a location's tokens.
    pub fn location_key(&self, location: &LocationId) -> TokenKey {
        location_key(&self.organization, location)
    }

    /// Returns the connections of the organization: companies and locations, including issued ones.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn connected(&self) -> Result<(Vec<CompanyId>, Vec<LocationId>)> {
        let (mut companies, mut locations) = (Vec::new(), Vec::new());
        for Connection { key, state, .. } in self.connections.store.connections(&self.organization).await? {
            companies.extend(company_of_key(&key));
            locations.extend(location_of_key(&key).filter(|_| !state.is_disconnected()));
        }
        Ok((companies, locations))
    }

    /// Stores the tokens of a new connection of a company or a location. Replaces existing ones.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if the set names neither a company nor a location; [`ErrorKind::Store`].
    pub async fn adopt(&self, tokens: &TokenSet) -> Result<TokenKey> {
        let (key, manager) = match (user_type_of(tokens), company_of(tokens), location_of(tokens)) {
            (UserType::Location, _, Some(location)) => (self.location_key(&location), &self.connections.locations),
            (UserType::Company, Some(company), _) => (self.company_key(&company), &self.connections.companies),
            (kind, ..) => {
                let why = format!("the token endpoint returned a token of a {kind} without its id");
                return Err(Error::new(ErrorKind::Decode, why));
            }
        };
        self.replace(&key, tokens).await?;
        manager.invalidate(&key);
        Ok(key)
    }

    /// Mints a location's token with its company's token and stores it, also after a disconnect. Replaces existing tokens; later
    /// ones are minted automatically. The first call of a location without tokens does the same.
    ///
    /// # Errors
    /// Those of [`GhlOAuth::location_token`]; [`ErrorKind::Store`].
    pub async fn mint(&self, company: &CompanyId, location: &LocationId) -> Result<TokenKey> {
        let credentials = Arc::new(self.company(company));
        let tokens = self.connections.oauth.location_token(company, location, credentials).await?;
        self.adopt(&tokens).await
    }

    /// Replaces the stored set.
    async fn replace(&self, key: &TokenKey, tokens: &TokenSet) -> Result<()> {
        let store = &self.connections.store;
        let mut expected = store.load(key).await?.map_or(0, |connection| connection.tokens.generation);
        for _ in 0..MAX_SWAP_ATTEMPTS {
            match store.swap(key, expected, tokens, &ConnectionState::Active).await? {
                CasResult::Stored(_) => return Ok(()),
                CasResult::Conflict(now) => expected = now.map_or(0, |connection| connection.tokens.generation),
            }
        }
        Err(swap_contended(key))
    }
}

pub(super) fn swap_contended(key: &TokenKey) -> Error {
    Error::new(ErrorKind::Store, format!("could not store {key}, because other callers keep changing it; try again"))
}
