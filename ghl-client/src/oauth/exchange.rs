use std::sync::Arc;

use async_trait::async_trait;
use sidecar_core::{
    Error, ErrorKind, Result,
    token::{Connection, TokenKey, TokenManager, TokenProvider, TokenSet, TokenStore},
};

use super::{
    client::GhlOAuth,
    grant::{location_of, minted_from, user_type_of},
    keys::{company_key, company_of_key, location_of_key},
};

use crate::{
    error::{GhlErrorExt, GhlErrorReason},
    model::{CompanyId, LocationId},
};

/// The [`TokenProvider`] of GHL: refreshes tokens by refresh token, or mints them with the company's token.
#[derive(Debug, Clone)]
pub struct GhlExchange {
    oauth: GhlOAuth,
    companies: Option<TokenManager>,
    connected: Option<Arc<dyn TokenStore>>,
}

impl GhlExchange {
    /// Returns a provider that refreshes only by refresh token.
    pub fn new(oauth: GhlOAuth) -> Self {
        Self { oauth, companies: None, connected: None }
    }

    /// Also mints tokens of locations with those of their companies, from `companies`.
    #[must_use]
    pub fn minting_from(mut self, companies: TokenManager) -> Self {
        self.companies = Some(companies);
        self
    }

    /// Also mints a location's first token, with the first company of its organization in `store` that can. Needs [`minting_from`](Self::minting_from).
    #[must_use]
    pub fn minting_first_from(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.connected = Some(store);
        self
    }

    async fn remint(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let (Some(company), Some(location)) = (minted_from(current), location_of(current)) else {
            return Err(Error::new(
                ErrorKind::Auth,
                format!("{key} has no refresh token and no company to mint with; connect again"),
            ));
        };
        let Some(companies) = &self.companies else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{key} is minted with a company's token; configure `minting_from`"),
            ));
        };
        self.mint(key, companies, &company, &location).await
    }

    async fn mint(
        &self,
        key: &TokenKey,
        companies: &TokenManager,
        company: &CompanyId,
        location: &LocationId,
    ) -> Result<TokenSet> {
        let credentials = companies.handle(company_key(key.organization(), company));
        let minted = self.oauth.location_token(company, location, Arc::new(credentials)).await;
        minted.map_err(|error| company_unavailable(key, error))
    }

    /// Returns the connected companies of the organization.
    async fn companies_of(&self, key: &TokenKey) -> Result<Vec<CompanyId>> {
        let Some(store) = &self.connected else { return Ok(Vec::new()) };
        let connections = store.connections(key.organization()).await?;
        Ok(connections.iter().filter_map(|Connection { key, .. }| company_of_key(key)).collect())
    }
}

/// Returns the error of a location for which no company of the organization mints a token.
fn no_company_for(key: &TokenKey, rejection: Option<Error>) -> Error {
    let why = match &rejection {
        None => format!("{key} is not connected, and neither is a company; connect one of the two"),
        Some(error) => format!("{key} is not connected, and no company mints a token for it: {}", error.message()),
    };
    let error = Error::new(ErrorKind::Auth, why);
    match rejection {
        Some(rejection) => error.with_source(rejection),
        None => error,
    }
}

/// Returns whether another company may be able to mint the token: the location belongs to another company, the app is not installed
/// there, or the company is suspended.
fn may_try_next_company(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Rejected)
        || matches!(
            error.problem(),
            Some(GhlErrorReason::WrongLocation | GhlErrorReason::Suspended | GhlErrorReason::GrantInvalid)
        )
}

/// Converts a company's `Auth` error: the location's connection must not be marked as rejected, because minting works again when the
/// company is connected again.
fn company_unavailable(key: &TokenKey, error: Error) -> Error {
    if error.kind() != ErrorKind::Auth {
        return error;
    }
    let why = format!("the company's token for {key} is invalid; connect the company again: {}", error.message());
    Error::new(ErrorKind::Forbidden, why)
        .with_send_state(error.send_state())
        .with_detail(GhlErrorReason::GrantInvalid)
        .with_source(error)
}

#[async_trait]
impl TokenProvider for GhlExchange {
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let Some(refresh) = &current.refresh else { return self.remint(key, current).await };
        let mut next = self.oauth.refresh(refresh, &user_type_of(current)).await?;
        // Fields that the response omits stay valid: the ids that later calls need, and a refresh token that was not rotated.
        for (name, value) in &current.extra {
            next.extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
        next.refresh = next.refresh.or_else(|| current.refresh.clone());
        next.scope = next.scope.or_else(|| current.scope.clone());
        Ok(next)
    }

    fn can_issue(&self) -> bool {
        self.companies.is_some() && self.connected.is_some()
    }

    async fn issue(&self, key: &TokenKey) -> Result<TokenSet> {
        let (Some(companies), Some(location)) = (&self.companies, location_of_key(key)) else {
            return Err(no_company_for(key, None));
        };
        let mut rejection = None;
        for company in self.companies_of(key).await? {
            match self.mint(key, companies, &company, &location).await {
                Err(error) if may_try_next_company(&error) => rejection = Some(error),
                outcome => return outcome,
            }
        }
        Err(no_company_for(key, rejection))
    }
}
