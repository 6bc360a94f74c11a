use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Error, ErrorKind, Result,
    client::{TransportOptions, check_token},
    token::{Credentials, StaticToken},
};

use super::{Auth, GhlClient, Inner, TokenKinds};
use crate::{
    config::{ApiVersion, BASE_URL},
    error::Ghl,
    limits::RateLimitPolicy,
    oauth::{GhlTokens, app_id},
};

/// Replaces the app's id in rate limit keys without a client id.
pub(super) const NO_APP: &str = "none";

/// Builds a [`GhlClient`]. It needs one source of tokens: [`private_integration_token`](Self::private_integration_token),
/// [`credentials`](Self::credentials) or [`tokens`](Self::tokens).
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct GhlClientBuilder {
    sources: Vec<TokenSource>,
    token_kinds: Option<TokenKinds>,
    base_url: Option<String>,
    client_id: Option<String>,
    version: Option<ApiVersion>,
    rate_limit: RateLimitPolicy,
    transport_options: TransportOptions,
}

#[derive(Debug)]
enum TokenSource {
    Token(SecretString),
    Credentials(Arc<dyn Credentials>),
    Tokens(GhlTokens),
}

sidecar_core::transport_setters!(GhlClientBuilder, timeouts);

impl GhlClientBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A private integration token (`pit-…`), made in the settings of a location or agency, or any other fixed access token.
    pub fn private_integration_token(mut self, token: impl Into<SecretString>) -> Self {
        self.sources.push(TokenSource::Token(token.into()));
        self
    }

    /// Uses these credentials for every call, such as those of a single connected location.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.sources.push(TokenSource::Credentials(credentials));
        self
    }

    /// Uses the tokens of an organization: each call has that of its location or company.
    pub fn tokens(mut self, tokens: GhlTokens) -> Self {
        self.sources.push(TokenSource::Tokens(tokens));
        self
    }

    /// Declares the kind of the only token: the client recognizes `pit-…` as a private integration token but not its owner, and nothing
    /// about other credentials. An operation that needs another kind then fails before anything is sent.
    pub fn token_kinds(mut self, kinds: TokenKinds) -> Self {
        self.token_kinds = Some(kinds);
        self
    }

    /// Sets the base URL of the API; [`BASE_URL`] unless set.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the app's client id: quotas are counted per app, and listing installations needs the app's id.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Sends one `Version` for all families instead of each family's own.
    pub fn version(mut self, version: ApiVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Adds limits to the provider's; none ([`RateLimitPolicy::PUBLISHED`]) unless set.
    pub fn rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = policy;
        self
    }

    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without or with more than one source of tokens, for `token_kinds` together with `tokens`, an
    /// invalid token, client id or base URL, and when the machine's TLS roots cannot be read.
    pub fn build(self) -> Result<GhlClient> {
        let auth = auth(self.sources, self.token_kinds)?;
        let app: Arc<str> = match &self.client_id {
            Some(id) => app_id(id)?.into(),
            None => NO_APP.into(),
        };
        let base = self.base_url.as_deref().unwrap_or(BASE_URL);
        Ok(GhlClient(Arc::new(Inner {
            pipeline: self.transport_options.or_local_limiter().pipeline(Ghl, base)?,
            auth,
            app,
            version: self.version,
            rate_limit: self.rate_limit,
        })))
    }
}

fn auth(mut sources: Vec<TokenSource>, kinds: Option<TokenKinds>) -> Result<Auth> {
    let invalid = |why| Err(Error::new(ErrorKind::InvalidInput, why));
    let Some(source) = sources.pop() else {
        return invalid(
            "the client has no token: call `private_integration_token`, `credentials` or `tokens` on its builder",
        );
    };
    if !sources.is_empty() {
        return invalid(
            "the client has several sources of tokens: give exactly one of `private_integration_token`, `credentials`, `tokens`",
        );
    }
    match (source, kinds) {
        (TokenSource::Tokens(_), Some(_)) => {
            invalid("with `tokens` the kind of each token is known: leave `token_kinds` out")
        }
        (TokenSource::Tokens(tokens), None) => Ok(Auth::PerResource(tokens)),
        (TokenSource::Credentials(credentials), kinds) => {
            Ok(Auth::Fixed(credentials, kinds.unwrap_or(TokenKinds::ANY)))
        }
        (TokenSource::Token(token), kinds) => {
            check_token(&token, "access token", "pit-…")?;
            let is_integration = token.expose_secret().starts_with("pit-");
            let known = if is_integration { TokenKinds::INTEGRATION } else { TokenKinds::ANY };
            Ok(Auth::Fixed(Arc::new(StaticToken::new(token)), kinds.unwrap_or(known)))
        }
    }
}
