use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Clock, Error, ErrorKind, Result, SystemClock,
    http::{Observer, Pipeline, ReqwestTransport, Transport},
    rate_limit::{LocalLimiter, RateLimiter},
    retry::RetryPolicy,
    token::{Credentials, StaticToken},
};

use super::{Access, GhlClient, Inner, TokenKinds};
use crate::{
    config::{ApiVersion, BASE_URL},
    error::Ghl,
    limits::RateLimitPolicy,
    oauth::{GhlTokens, app_id},
};

/// Stands in limit keys where no app is known.
pub(super) const NO_APP: &str = "none";

/// Builds a [`GhlClient`]. It needs one source of tokens: [`private_integration_token`](Self::private_integration_token),
/// [`credentials`](Self::credentials) or [`tokens`](Self::tokens).
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct GhlClientBuilder {
    access: Vec<Source>,
    token_kinds: Option<TokenKinds>,
    base_url: Option<String>,
    client_id: Option<String>,
    version: Option<ApiVersion>,
    rate_limit: RateLimitPolicy,
    transport: Option<Arc<dyn Transport>>,
    limiter: Option<Arc<dyn RateLimiter>>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn Observer>>,
    retry: Option<RetryPolicy>,
    deadline: Option<Duration>,
    attempt_timeout: Option<Duration>,
}

#[derive(Debug)]
enum Source {
    Token(SecretString),
    Credentials(Arc<dyn Credentials>),
    Tokens(GhlTokens),
}

impl GhlClientBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A private integration token (`pit-…`), made in the settings of a location or agency, or any other fixed access token.
    pub fn private_integration_token(mut self, token: impl Into<SecretString>) -> Self {
        self.access.push(Source::Token(token.into()));
        self
    }

    /// One source of tokens for every call, such as the handle of a single connected location.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.access.push(Source::Credentials(credentials));
        self
    }

    /// The tokens of an organization: each call uses those of its own location or company.
    pub fn tokens(mut self, tokens: GhlTokens) -> Self {
        self.access.push(Source::Tokens(tokens));
        self
    }

    /// What the one token is, where the client cannot tell: of `pit-…` it knows that it is a private integration token but not
    /// whose, of other credentials nothing. An operation that needs another kind then fails before anything is sent.
    pub fn token_kinds(mut self, kinds: TokenKinds) -> Self {
        self.token_kinds = Some(kinds);
        self
    }

    /// Another address of the API; [`BASE_URL`] unless set.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The app's client id: quotas are counted per app, and listing installations needs the app's id.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// One `Version` for all families instead of each family's own.
    pub fn version(mut self, version: ApiVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Another transport than reqwest.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// A limiter shared with other clients of the same app; a [`LocalLimiter`] of its own unless set.
    pub fn limiter(mut self, limiter: Arc<dyn RateLimiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Limits of one's own beside the provider's; none ([`RateLimitPolicy::PUBLISHED`]) unless set.
    pub fn rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = policy;
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Reports every attempt, for metrics.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Another retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// How long a call may take in all; 30 s unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long one attempt may take; 10 s unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// The finished client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when there is no source of tokens or more than one, `token_kinds` beside `tokens`, an empty or unsendable token, a client id
    /// without an app id, an unusable base URL, or when the machine's TLS roots cannot be read.
    pub fn build(self) -> Result<GhlClient> {
        let access = access(self.access, self.token_kinds)?;
        let app: Arc<str> = match &self.client_id {
            Some(id) => app_id(id)?.into(),
            None => NO_APP.into(),
        };
        let clock = self.clock.unwrap_or_else(SystemClock::shared);
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new()?),
        };
        let limiter = self.limiter.unwrap_or_else(|| Arc::new(LocalLimiter::new(Arc::clone(&clock))));
        let base = self.base_url.as_deref().unwrap_or(BASE_URL);
        let mut pipeline = Pipeline::builder(Arc::new(Ghl), base, transport).limiter(limiter).clock(clock);
        if let Some(observer) = self.observer {
            pipeline = pipeline.observer(observer);
        }
        if let Some(policy) = self.retry {
            pipeline = pipeline.retry(policy);
        }
        if let Some(deadline) = self.deadline {
            pipeline = pipeline.deadline(deadline);
        }
        if let Some(timeout) = self.attempt_timeout {
            pipeline = pipeline.attempt_timeout(timeout);
        }
        Ok(GhlClient(Arc::new(Inner {
            pipeline: pipeline.build()?,
            access,
            app,
            version: self.version,
            rate_limit: self.rate_limit,
        })))
    }
}

fn access(mut sources: Vec<Source>, kinds: Option<TokenKinds>) -> Result<Access> {
    let config = |why| Err(Error::new(ErrorKind::InvalidInput, why));
    let Some(source) = sources.pop() else {
        return config(
            "the client has no token: call `private_integration_token`, `credentials` or `tokens` on its builder",
        );
    };
    if !sources.is_empty() {
        return config(
            "the client has several sources of tokens: give exactly one of `private_integration_token`, `credentials`, `tokens`",
        );
    }
    match (source, kinds) {
        (Source::Tokens(_), Some(_)) => {
            config("with `tokens` the kind of each token is known: leave `token_kinds` out")
        }
        (Source::Tokens(tokens), None) => Ok(Access::Resources(tokens)),
        (Source::Credentials(credentials), kinds) => Ok(Access::Fixed(credentials, kinds.unwrap_or(TokenKinds::ANY))),
        (Source::Token(token), kinds) => match token.expose_secret() {
            "" => config("the access token is empty: give the whole `pit-…` token"),
            text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => config(
                "the access token has blanks or other characters that no token has: give it without quotes and line ends",
            ),
            text => {
                let known = if text.starts_with("pit-") { TokenKinds::INTEGRATION } else { TokenKinds::ANY };
                Ok(Access::Fixed(Arc::new(StaticToken::new(token)), kinds.unwrap_or(known)))
            }
        },
    }
}
