use async_trait::async_trait;
use sidecar_core::{
    Error, ErrorKind, Result,
    token::{TokenKey, TokenProvider, TokenSet},
};

use super::client::CalcomOAuth;

/// Refreshes this provider's tokens for a [`TokenManager`](sidecar_core::token::TokenManager). An API key cannot be refreshed: the user
/// has to replace a rejected one.
#[derive(Debug, Clone)]
pub struct CalcomExchange(Option<CalcomOAuth>);

impl CalcomExchange {
    /// Returns a provider that exchanges refresh tokens.
    pub fn new(oauth: CalcomOAuth) -> Self {
        Self(Some(oauth))
    }

    /// Returns a provider for API keys only.
    pub fn keys_only() -> Self {
        Self(None)
    }
}

#[async_trait]
impl TokenProvider for CalcomExchange {
    async fn refresh(&self, key: &TokenKey, current: &TokenSet) -> Result<TokenSet> {
        let Some(refresh) = &current.refresh else {
            let message = format!("Cal.com rejected the API key of {key}: give another key, or connect by OAuth");
            return Err(Error::new(ErrorKind::Auth, message));
        };
        let Some(oauth) = &self.0 else {
            let message = format!("cannot refresh {key}: it is an OAuth connection, and no OAuth client is configured");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let mut next = oauth.refresh(refresh).await?;
        // Values that the response omits stay valid.
        for (name, value) in &current.extra {
            next.extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
        next.refresh = next.refresh.or_else(|| current.refresh.clone());
        next.scope = next.scope.or_else(|| current.scope.clone());
        Ok(next)
    }
}
