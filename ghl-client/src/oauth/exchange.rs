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

/// How a [`TokenManager`] renews this provider's tokens: by refresh token, or minted anew from the company's token.
#[derive(Debug, Clone)]
pub struct GhlExchange {
    oauth: GhlOAuth,
    companies: Option<TokenManager>,
    connected: Option<Arc<dyn TokenStore>>,
}

impl GhlExchange {
    /// Renews by refresh token only.
    pub fn new(oauth: GhlOAuth) -> Self {
        Self { oauth, companies: None, connected: None }
    }

    /// Also mints tokens of locations from those of their companies, which `companies` hands out.
    #[must_use]
    pub fn minting_from(mut self, companies: TokenManager) -> Self {
        self.companies = Some(companies);
        self
    }

    /// Also mints a location's first token, from that company among those of its organization in `store` that gives it one.
    /// It needs [`minting_from`](Self::minting_from).
    #[must_use]
    pub fn minting_first_from(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.connected = Some(store);
        self
    }

    async fn mint_again(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let (Some(company), Some(location)) = (minted_from(current), location_of(current)) else {
            return Err(Error::new(
                ErrorKind::Auth,
                format!("{key} has no refresh token and no company to mint from: connect again"),
            ));
        };
        let Some(companies) = &self.companies else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("{key} is minted from a company's token: renew it with `minting_from`"),
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
        minted.map_err(|error| as_company_trouble(key, error))
    }

    /// The companies that the organization has connected.
    async fn companies_of(&self, key: &TokenKey) -> Result<Vec<CompanyId>> {
        let Some(store) = &self.connected else { return Ok(Vec::new()) };
        let connections = store.connections(key.organization()).await?;
        Ok(connections.iter().filter_map(|Connection { key, .. }| company_of_key(key)).collect())
    }
}

/// What there is to do about a location that none of the organization's companies gives a token for.
fn no_company_for(key: &TokenKey, refusal: Option<Error>) -> Error {
    let why = match &refusal {
        None => format!("{key} is not connected, nor is a company: connect one of the two"),
        Some(error) => format!("{key} is not connected, and no company mints a token for it: {}", error.message()),
    };
    let error = Error::new(ErrorKind::Auth, why);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}

/// Whether another company may give what this one does not: the provider says that the location is not this one's, that the app is
/// not installed there, or that the company itself is out of use.
fn is_not_there(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Rejected)
        || matches!(
            error.problem(),
            Some(GhlErrorReason::WrongLocation | GhlErrorReason::Suspended | GhlErrorReason::GrantInvalid)
        )
}

/// A company that has to be connected again does not make this connection dead: minting works again once the company is
/// back, so it must not be marked as refused for good.
fn as_company_trouble(key: &TokenKey, error: Error) -> Error {
    if error.kind() != ErrorKind::Auth {
        return error;
    }
    let why = format!("the company's token for {key} is not usable, connect the company again: {}", error.message());
    Error::new(ErrorKind::Forbidden, why)
        .with_send_state(error.send_state())
        .with_detail(GhlErrorReason::GrantInvalid)
        .with_source(error)
}

#[async_trait]
impl TokenProvider for GhlExchange {
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let Some(refresh) = &current.refresh else { return self.mint_again(key, current).await };
        let mut next = self.oauth.refresh(refresh, &user_type_of(current)).await?;
        // What an answer leaves out still holds: the ids that later calls need, and a refresh token that was not rotated.
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
        let mut refusal = None;
        for company in self.companies_of(key).await? {
            match self.mint(key, companies, &company, &location).await {
                Err(error) if is_not_there(&error) => refusal = Some(error),
                outcome => return outcome,
            }
        }
        Err(no_company_for(key, refusal))
    }
}
