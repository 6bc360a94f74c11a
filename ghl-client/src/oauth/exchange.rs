use std::sync::Arc;

use async_trait::async_trait;
use sidecar_core::{
    Error, ErrorKind, Result,
    token::{TokenExchange, TokenKey, TokenManager, TokenSet},
};

use super::{
    client::GhlOAuth,
    connections::company_key,
    grant::{location_of, minted_from, user_type_of},
};

use crate::error::Problem;

/// How a [`TokenManager`] renews this provider's tokens: by refresh token, or minted anew from the company's token.
#[derive(Debug, Clone)]
pub struct GhlExchange {
    oauth: GhlOAuth,
    companies: Option<TokenManager>,
}

impl GhlExchange {
    /// Renews by refresh token only.
    pub fn new(oauth: GhlOAuth) -> Self {
        Self { oauth, companies: None }
    }

    /// Also mints tokens of locations from those of their companies, which `companies` hands out.
    #[must_use]
    pub fn minting_from(mut self, companies: TokenManager) -> Self {
        self.companies = Some(companies);
        self
    }

    async fn mint(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let (Some(company), Some(location)) = (minted_from(current), location_of(current)) else {
            return Err(Error::new(
                ErrorKind::Auth,
                format!("{key} has no refresh token and no company to mint from: connect again"),
            ));
        };
        let Some(companies) = &self.companies else {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{key} is minted from a company's token: renew it with `minting_from`"),
            ));
        };
        let credentials = companies.handle(company_key(key.organization(), &company));
        let minted = self.oauth.location_token(&company, &location, Arc::new(credentials)).await;
        minted.map_err(|error| as_company_trouble(key, error))
    }
}

/// A company that has to be connected again does not make this connection dead: minting works again once the company is
/// back, so it must not be marked as refused for good.
fn as_company_trouble(key: &TokenKey, error: Error) -> Error {
    if error.kind() != ErrorKind::Auth {
        return error;
    }
    let why = format!("the company's token for {key} is not usable, connect the company again: {}", error.message());
    Error::new(ErrorKind::Forbidden, why).sent(error.was_sent()).with_detail(Problem::GrantInvalid).with_source(error)
}

#[async_trait]
impl TokenExchange for GhlExchange {
    async fn renew(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let Some(refresh) = &current.refresh else { return self.mint(key, current).await };
        let mut next = self.oauth.refresh(refresh, &user_type_of(current)).await?;
        // What an answer leaves out still holds: the ids that later calls need, and a refresh token that was not rotated.
        for (name, value) in &current.extra {
            next.extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
        next.refresh = next.refresh.or_else(|| current.refresh.clone());
        next.scope = next.scope.or_else(|| current.scope.clone());
        Ok(next)
    }
}
