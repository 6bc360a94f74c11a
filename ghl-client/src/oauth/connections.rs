use std::sync::Arc;

use sidecar_core::{
    Clock, Error, ErrorKind, OrganizationId, Result,
    lease::LeaseStore,
    token::{Connection, Swap, TokenConfig, TokenHandle, TokenKey, TokenManager, TokenSet, TokenStore},
};

use super::{
    client::GhlOAuth,
    exchange::GhlExchange,
    grant::{UserType, company_of, location_of, minted_from, user_type_of},
};
use crate::{
    model::{CompanyId, LocationId, WireTime},
    webhook::{Event, InstallPayload},
};

/// How often a connection that others are changing is tried to be replaced.
const ATTEMPTS: usize = 8;

/// How the resources of token keys begin.
const COMPANY: &str = "ghl:company:";
const LOCATION: &str = "ghl:location:";

/// Where a company's tokens are kept.
pub(super) fn company_key(organization: &OrganizationId, company: &CompanyId) -> TokenKey {
    TokenKey::new(organization, format!("{COMPANY}{company}"))
}

/// Where a location's tokens are kept.
pub(super) fn location_key(organization: &OrganizationId, location: &LocationId) -> TokenKey {
    TokenKey::new(organization, format!("{LOCATION}{location}"))
}

/// Every connection of the app, of all organizations. Cheap to clone; keep one per process.
///
/// Companies and locations have a manager each, because renewing a location's token may need the company's.
#[derive(Debug, Clone)]
pub struct GhlConnections {
    oauth: GhlOAuth,
    store: Arc<dyn TokenStore>,
    companies: TokenManager,
    locations: TokenManager,
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
        let minting = Arc::new(GhlExchange::new(oauth.clone()).minting_from(companies.clone()));
        let locations = TokenManager::with_config(store.clone(), leases, minting, clock, config);
        Self { oauth, store, companies, locations }
    }

    /// The connections of one organization.
    pub fn of(&self, organization: impl Into<OrganizationId>) -> GhlTokens {
        GhlTokens { connections: self.clone(), organization: organization.into() }
    }

    /// Waits until no renewal is under way; see [`TokenManager::settle`].
    pub async fn settle(&self) {
        self.locations.settle().await;
        self.companies.settle().await;
    }

    /// The app.
    pub fn oauth(&self) -> &GhlOAuth {
        &self.oauth
    }
}

/// The tokens of one organization: of its company, and of each location. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GhlTokens {
    connections: GhlConnections,
    organization: OrganizationId,
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

    /// A location's credentials: its own connection, or one minted from its company's by [`GhlTokens::mint`].
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
        for connection in self.connections.store.connections(&self.organization).await? {
            let resource = connection.key.resource();
            if let Some(id) = resource.strip_prefix(COMPANY) {
                companies.push(CompanyId::from(id));
            } else if let Some(id) = resource.strip_prefix(LOCATION) {
                locations.push(LocationId::from(id));
            }
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

    /// Mints a location's token from its company's and keeps it; from then on it renews itself.
    ///
    /// # Errors
    /// As [`GhlOAuth::location_token`]; [`ErrorKind::Store`].
    pub async fn mint(&self, company: &CompanyId, location: &LocationId) -> Result<TokenKey> {
        let credentials = Arc::new(self.company(company));
        let tokens = self.connections.oauth.location_token(company, location, credentials).await?;
        self.adopt(&tokens).await
    }

    /// Erases the company's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget_company(&self, company: &CompanyId) -> Result<()> {
        self.forget(&self.company_key(company)).await
    }

    /// Erases the location's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget_location(&self, location: &LocationId) -> Result<()> {
        self.forget(&self.location_key(location)).await
    }

    /// Erases the tokens that an `UNINSTALL` took the ground from: the location's, or the company's with those of every
    /// location that were minted from it. Tokens that were bought after the event stay, for deliveries overtake each other and
    /// the app may be installed again meanwhile. Answers with the keys that are gone.
    ///
    /// Whether the event concerns this organization at all is the application's to know.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the event names neither location nor company; [`ErrorKind::Store`]: repeat it later.
    pub async fn uninstalled(&self, event: &Event<InstallPayload>) -> Result<Vec<TokenKey>> {
        let (location, company) = (event.data.location_id.as_ref(), event.data.company_id.as_ref());
        if location.is_none() && company.is_none() {
            return Err(Error::new(ErrorKind::Invalid, "the UNINSTALL names neither a location nor a company"));
        }
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        let outlived = |tokens: &TokenSet| matches!((at, tokens.issued_at()), (Some(at), Some(issued)) if issued >= at);
        let mut gone = Vec::new();
        for Connection { key, tokens, .. } in self.connections.store.connections(&self.organization).await? {
            let concerned = match (location, company) {
                (Some(location), _) => key == self.location_key(location),
                (None, Some(company)) => {
                    key == self.company_key(company) || minted_from(&tokens).as_ref() == Some(company)
                }
                (None, None) => false,
            };
            if concerned && !outlived(&tokens) {
                self.forget(&key).await?;
                gone.push(key);
            }
        }
        Ok(gone)
    }

    async fn forget(&self, key: &TokenKey) -> Result<()> {
        self.connections.store.forget(key).await?;
        self.connections.companies.invalidate(key);
        self.connections.locations.invalidate(key);
        Ok(())
    }

    /// Lets go of the location's token in this process if another one has disconnected the location: it would be handed out
    /// for some seconds more. Call it before what must not happen after a disconnect; the next call then says what to do.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn notice_disconnect(&self, location: &LocationId) -> Result<()> {
        let key = self.location_key(location);
        if self.connections.store.load(&key).await?.is_none() {
            self.connections.locations.invalidate(&key);
        }
        Ok(())
    }

    async fn replace(&self, key: &TokenKey, tokens: &TokenSet) -> Result<()> {
        let store = &self.connections.store;
        let mut expected = store.load(key).await?.map_or(0, |connection| connection.tokens.generation);
        for _ in 0..ATTEMPTS {
            match store.swap(key, expected, tokens).await? {
                Swap::Stored(_) => return Ok(()),
                Swap::Lost(now) => expected = now.map_or(0, |connection| connection.tokens.generation),
            }
        }
        Err(Error::new(ErrorKind::Store, format!("{key} is being changed by others all the time: try again")))
    }
}
