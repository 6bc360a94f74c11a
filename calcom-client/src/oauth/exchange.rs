use async_trait::async_trait;
use sidecar_core::{
    Error, ErrorKind, Result,
    token::{TokenKey, TokenProvider, TokenSet},
};

use super::client::CalcomOAuth;

/// How a [`TokenManager`](sidecar_core::token::TokenManager) renews this provider's tokens. A connection by API key cannot be renewed:
/// a refused key has to be replaced.
#[derive(Debug, Clone)]
pub struct CalcomExchange(Option<CalcomOAuth>);

impl CalcomExchange {
    /// Renews by refresh token.
    pub fn new(oauth: CalcomOAuth) -> Self {
        Self(Some(oauth))
    }

    /// For connections by API key only.
    pub fn keys_only() -> Self {
        Self(None)
    }
}

#[async_trait]
impl TokenProvider for CalcomExchange {
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let Some(refresh) = &current.refresh else {
            let why = format!("Cal.com refused the API key of {key}: give another key, or connect by OAuth");
            return Err(Error::new(ErrorKind::Auth, why));
        };
        let Some(oauth) = &self.0 else {
            let why = format!("{key} is a connection by OAuth, and no OAuth client is set up to renew it");
            return Err(Error::new(ErrorKind::InvalidInput, why));
        };
        let mut next = oauth.refresh(refresh).await?;
        // What an answer leaves out still holds.
        for (name, value) in &current.extra {
            next.extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
        next.refresh = next.refresh.or_else(|| current.refresh.clone());
        next.scope = next.scope.or_else(|| current.scope.clone());
        Ok(next)
    }
}
