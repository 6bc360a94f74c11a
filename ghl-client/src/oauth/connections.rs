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

/// How often a connection that others are changing is tried to be replaced.
pub(super) const ATTEMPTS: usize = 8;

/// Every connection of the app, of all organizations. Cheap to clone; keep one per process.
///
/// Companies and locations have a manager each, because renewing a location's token may need the company's. The first call of a
/// location that has no tokens mints one from its connected company, once in all processes.
#[derive(Debug, Clone)]
pub struct GhlConnections {
    oauth: GhlOAuth,
    pub(super) store: Arc<dyn TokenStore>,
    leases: Arc<dyn LeaseStore>,
    pub(super) clock: Arc<dyn Clock>,
    config: TokenConfig,
    pub(super) companies: TokenManager,
    pub(super) locations: TokenManager,
    pub(super) mints_by_itself: bool,
}

impl GhlConnections {
    /// Connections that are kept in `store` and renewed under its leases, with the usual [`TokenConfig`].
    pub fn new(
        oauth: GhlOAuth,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_config(oauth, store, leases, clock, TokenConfig::default())
    }

    /// The same with times of your own.
    pub fn with_config(
        oauth: GhlOAuth,
        store: Arc<dyn TokenStore>,
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        config: TokenConfig,
    ) -> Self {
        let refreshing = Arc::new(GhlExchange::new(oauth.clone()));
        let companies = TokenManager::with_config(store.clone(), leases.clone(), refreshing, clock.clone(), config);
        let minting = GhlExchange::new(oauth.clone()).minting_from(companies.clone()).minting_first_from(store.clone());
        let locations =
            TokenManager::with_config(store.clone(), leases.clone(), Arc::new(minting), clock.clone(), config);
        Self { oauth, store, leases, clock, config, companies, locations, mints_by_itself: true }
    }

    /// The same, but a location's first token is minted by [`GhlTokens::mint`] alone: for an application that decides itself
    /// which organization has which location. Renewing is not touched.
    #[must_use]
    pub fn minting_on_request(mut self) -> Self {
        let minting = Arc::new(GhlExchange::new(self.oauth.clone()).minting_from(self.companies.clone()));
        let (store, leases, clock) = (self.store.clone(), self.leases.clone(), self.clock.clone());
        self.locations = TokenManager::with_config(store, leases, minting, clock, self.config);
        self.mints_by_itself = false;
        self
    }

    /// The connections of one organization.
    pub fn of(&self, organization: impl Into<OrganizationId>) -> GhlTokens {
        GhlTokens { connections: self.clone(), organization: organization.into() }
    }

    /// Waits until no renewal is under way; see [`TokenManager::drain_refreshes`].
    pub async fn settle(&self) {
        self.locations.drain_refreshes().await;
        self.companies.drain_refreshes().await;
    }

    /// The app.
    pub fn oauth(&self) -> &GhlOAuth {
        &self.oauth
    }
}

/// The tokens of one organization: of its company, and of each location. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GhlTokens {
    pub(super) connections: GhlConnections,
    pub(super) organization: OrganizationId,
}

impl GhlTokens {
    /// The organization.
    pub fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    /// A company's credentials.
    pub fn company(&self, company: &CompanyId) -> TokenHandle {
        self.connections.companies.handle(self.company_key(company))
    }

    /// A location's credentials: its own connection, or tokens minted from its company's, at the first call unless
    /// [`minting_on_request`](GhlConnections::minting_on_request) says otherwise. That call fails with [`ErrorKind::Auth`] when
    /// neither the location nor a company that has it is connected, or the location was disconnected.
    pub fn location(&self, location: &LocationId) -> TokenHandle {
        self.connections.locations.handle(self.location_key(location))
    }

    /// Where a company's tokens are kept.
    pub fn company_key(&self, company: &CompanyId) -> TokenKey {
        company_key(&self.organization, company)
    }

    /// Where a location's tokens are kept.
    pub fn location_key(&self, location: &LocationId) -> TokenKey {
        location_key(&self.organization, location)
    }

    /// What the organization has connected: its companies and its locations, minted ones included.
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

    /// Keeps the tokens of a fresh connection, a company's or a location's, in place of those that were there.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] when the set names neither company nor location; [`ErrorKind::Store`].
    pub async fn adopt(&self, tokens: &TokenSet) -> Result<TokenKey> {
        let (key, manager) = match (user_type_of(tokens), company_of(tokens), location_of(tokens)) {
            (UserType::Location, _, Some(location)) => (self.location_key(&location), &self.connections.locations),
            (UserType::Company, Some(company), _) => (self.company_key(&company), &self.connections.companies),
            (kind, ..) => {
                let why = format!("the token endpoint gave a token for a {kind} but not the id of one");
                return Err(Error::new(ErrorKind::Decode, why));
            }
        };
        self.replace(&key, tokens).await?;
        manager.invalidate(&key);
        Ok(key)
    }

    /// Mints a location's token from its company's and keeps it, in place of those that were there, also after a disconnect;
    /// from then on it renews itself. For a location that has none yet its first call does the same.
    ///
    /// # Errors
    /// As [`GhlOAuth::location_token`]; [`ErrorKind::Store`].
    pub async fn mint(&self, company: &CompanyId, location: &LocationId) -> Result<TokenKey> {
        let credentials = Arc::new(self.company(company));
        let tokens = self.connections.oauth.location_token(company, location, credentials).await?;
        self.adopt(&tokens).await
    }

    /// Puts a set in place of whatever is there.
    async fn replace(&self, key: &TokenKey, tokens: &TokenSet) -> Result<()> {
        let store = &self.connections.store;
        let mut expected = store.load(key).await?.map_or(0, |connection| connection.tokens.generation);
        for _ in 0..ATTEMPTS {
            match store.swap(key, expected, tokens, &ConnectionState::Active).await? {
                CasResult::Stored(_) => return Ok(()),
                CasResult::Conflict(now) => expected = now.map_or(0, |connection| connection.tokens.generation),
            }
        }
        Err(changing(key))
    }
}

pub(super) fn changing(key: &TokenKey) -> Error {
    Error::new(ErrorKind::Store, format!("{key} is being changed by others all the time: try again"))
}
