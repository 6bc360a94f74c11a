use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Error, ErrorKind, Result, SendState,
    client::TransportOptions,
    http::{Call, Pipeline},
    retry::Replay,
    token::{TokenSet, parse_token_response},
};
use url::Url;

use super::{Authorize, Pkce, operations as op};
use crate::{
    client::data,
    config::{ACCESS_TOKEN_TTL, Region, without_version},
    error::{Calcom, CalcomErrorExt, CalcomErrorReason},
    limits::{Limits, RateLimitPolicy},
};

/// The timeout of one exchange. Longer than that of other calls, because an aborted exchange may lose the connection.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(45);

/// The path of the authorization endpoint below the app's URL.
const AUTHORIZE_PATH: &str = "/auth/oauth2/authorize";

/// A client of the provider's OAuth endpoints. Cheap to clone. Cal.com must approve an OAuth client before it can be used.
#[derive(Clone)]
pub struct CalcomOAuth(Arc<Inner>);

struct Inner {
    pipeline: Pipeline,
    limits: Limits,
    client_id: String,
    client_secret: Option<SecretString>,
    redirect_uri: Option<String>,
    authorize_url: Url,
    timeout: Duration,
}

sidecar_core::model! {
    /// The public data of an OAuth client.
    pub struct OAuthClientInfo {
        /// Id.
        "client_id" client_id: Option<String>,
        /// Name, as users see it.
        "name" name: Option<String>,
        /// Redirect URI.
        "redirect_uri" redirect_uri: Option<String>,
        /// Logo.
        "logo" logo: Option<String>,
        /// Whether users are connected without a consent screen.
        "is_trusted" is_trusted: Option<bool>,
        /// Client type: `CONFIDENTIAL` (with a secret) or `PUBLIC` (with PKCE).
        "client_type" client_type: Option<String>,
    }
}

/// Builds a [`CalcomOAuth`].
#[must_use = "call `build`"]
pub struct CalcomOAuthBuilder {
    client_id: String,
    client_secret: Option<SecretString>,
    redirect_uri: Option<String>,
    region: Region,
    base_url: Option<String>,
    app_url: Option<String>,
    authorize_url: Option<String>,
    transport_options: TransportOptions,
    timeout: Duration,
}

sidecar_core::transport_setters!(CalcomOAuthBuilder);

impl CalcomOAuthBuilder {
    /// Sets the client secret. A public client has none and needs a [`Pkce`] for each code.
    pub fn client_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Sets the redirect URI; it must match the client's settings at Cal.com.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Sets the cloud; [`Region::Global`] unless set. A [`base_url`](Self::base_url) overrides it.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Sets the base URL of the API, with or without a final `/v2`. For one of Cal.com's clouds the authorization page follows from it; for
    /// a self-hosted instance set [`app_url`](Self::app_url) or [`authorize_url`](Self::authorize_url).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the URL of the app that has the authorization page.
    pub fn app_url(mut self, url: impl Into<String>) -> Self {
        self.app_url = Some(url.into());
        self
    }

    /// Sets the whole URL of the authorization page, in place of the app's.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.authorize_url = Some(url.into());
        self
    }

    /// Sets the timeout of an exchange; 45 s unless set. A short timeout may lose the connection, because each use replaces the refresh
    /// token.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the client id, the secret or a URL is invalid, or if a self-hosted instance has no authorization page.
    pub fn build(self) -> Result<CalcomOAuth> {
        let invalid = |message: &'static str| Err(Error::new(ErrorKind::InvalidInput, message));
        if self.client_id.trim().is_empty() {
            return invalid("the OAuth client id is empty: give the one that Cal.com shows in its settings");
        }
        if self.client_secret.as_ref().is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
            return invalid(
                "the OAuth client secret is empty: omit it for a public client, or give the one that Cal.com showed once",
            );
        }
        if let Some(uri) = &self.redirect_uri {
            absolute_url("redirect URI", uri)?;
        }
        let base = without_version(self.base_url.as_deref().unwrap_or(self.region.base_url()))?;
        let app = self.app_url.as_deref().or(Region::at(base).map(Region::app_url));
        let authorize_url = match (&self.authorize_url, app) {
            (Some(url), _) => absolute_url("authorize URL", url)?,
            (None, Some(app)) => absolute_url("app URL", &format!("{}{AUTHORIZE_PATH}", app.trim_end_matches('/')))?,
            (None, None) => {
                let message = format!(
                    "`{base}` is not one of Cal.com's clouds, so its authorization page is unknown: give the URL of its app with \
                     `app_url`, or the page's with `authorize_url`"
                );
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        };
        Ok(CalcomOAuth(Arc::new(Inner {
            pipeline: self.transport_options.or_local_limiter().pipeline(Calcom { refreshable: false }, base)?,
            limits: Limits::new(&format!("oauth:{}", self.client_id), RateLimitPolicy::OAUTH),
            client_id: self.client_id,
            client_secret: self.client_secret,
            redirect_uri: self.redirect_uri,
            authorize_url,
            timeout: self.timeout,
        })))
    }
}

fn absolute_url(label: &str, text: &str) -> Result<Url> {
    let invalid = |reason: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the {label} `{text}` {reason}")));
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => invalid("must begin with http:// or https://"),
        Err(error) => invalid(&format!("is not an absolute URL: {error}")),
    }
}

impl CalcomOAuth {
    /// Returns a builder for the client with this id, as Cal.com shows it.
    pub fn builder(client_id: impl Into<String>) -> CalcomOAuthBuilder {
        CalcomOAuthBuilder {
            client_id: client_id.into(),
            client_secret: None,
            redirect_uri: None,
            region: Region::default(),
            base_url: None,
            app_url: None,
            authorize_url: None,
            transport_options: TransportOptions::default(),
            timeout: EXCHANGE_TIMEOUT,
        }
    }

    /// Returns the client's id.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Returns a builder of the authorization URL. The provider returns `state` with the code: make it unguessable, valid for one use and
    /// bound to the user's session ([`sidecar_core::secret::random_token`]). A public client adds a [`Pkce`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the redirect URI is not set or `state` is empty.
    pub fn authorize(&self, state: impl Into<String>) -> Result<Authorize> {
        let (inner, state) = (&*self.0, state.into());
        if state.is_empty() {
            let message = "the state is empty, so a forged redirect could inject a code: give a random one";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let redirect_uri = self.redirect_uri()?.to_owned();
        Ok(Authorize::new(inner.authorize_url.clone(), inner.client_id.clone(), redirect_uri, state))
    }

    fn redirect_uri(&self) -> Result<&str> {
        let message =
            "the redirect URI is not set: give the one of the client's settings to the builder with `redirect_uri`";
        self.0.redirect_uri.as_deref().ok_or_else(|| Error::new(ErrorKind::InvalidInput, message))
    }

    /// Exchanges an authorization code.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] if the code is wrong, used or expired: let the user start again. [`ErrorKind::InvalidInput`] if a client without
    /// a secret gives no `pkce`.
    pub async fn exchange_code(&self, code: &str, pkce: Option<&Pkce>) -> Result<TokenSet> {
        if self.0.client_secret.is_none() && pkce.is_none() {
            let message = "a client without a secret needs the PKCE verifier of the authorization URL: give the `Pkce`";
            return Err(Error::new(ErrorKind::InvalidInput, message).at("calcom", op::TOKEN.name));
        }
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.redirect_uri()?)];
        if let Some(pkce) = pkce {
            fields.push(("code_verifier", pkce.verifier().expose_secret()));
        }
        self.token(&fields).await
    }

    /// Exchanges a refresh token. The response replaces it: store the response before you use it.
    /// [`CalcomExchange`](super::CalcomExchange) under a [`TokenManager`](sidecar_core::token::TokenManager) does so.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] if the refresh token is rejected permanently: the user has to connect again.
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenSet> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())]).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<TokenSet> {
        let inner = &*self.0;
        let mut form = vec![("client_id", inner.client_id.as_str())];
        form.extend(inner.client_secret.as_ref().map(|secret| ("client_secret", secret.expose_secret())));
        form.extend(fields);
        let asked_at = inner.pipeline.clock().now();
        let call = op::TOKEN
            .call(&[])
            .form(form)
            .replay(Replay::OnlyIfNotSent)
            .deadline(inner.timeout)
            .attempt_timeout(inner.timeout);
        let response = self.send(call).await.map_err(classify_token_error)?;
        parse_token_response(&response.body, asked_at, ACCESS_TOKEN_TTL)
    }

    /// Reads the client's public data, for example to check the id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no client has this id.
    pub async fn client(&self) -> Result<OAuthClientInfo> {
        data(&self.send(op::CLIENT.call(&[&self.0.client_id])).await?)
    }

    async fn send(&self, call: Call) -> Result<sidecar_core::http::Response> {
        self.0.pipeline.send(call.scopes(self.0.limits.scopes())).await
    }
}

/// Classifies an error of the token endpoint by its status if its body is not specific. According to RFC 6749 §5.2 a 400 without another
/// error code rejects the code or refresh token, and a 401 rejects the client. The first ends a connection; a mistyped secret must not
/// end all of them.
fn classify_token_error(error: Error) -> Error {
    let is_unspecific = match error.problem() {
        None
        | Some(
            CalcomErrorReason::Other
            | CalcomErrorReason::Validation(_)
            | CalcomErrorReason::NotFound
            | CalcomErrorReason::TokenInvalid,
        ) => true,
        Some(_) => false,
    };
    let (kind, problem) = match error.status() {
        Some(StatusCode::BAD_REQUEST) if is_unspecific => (ErrorKind::Auth, CalcomErrorReason::GrantInvalid),
        Some(StatusCode::UNAUTHORIZED) if is_unspecific => (ErrorKind::InvalidInput, CalcomErrorReason::ClientInvalid),
        _ => return error,
    };
    let status = error.status().unwrap_or_default();
    let message = format!("{} ({})", error.message(), problem.advice());
    Error::new(kind, message)
        .at("calcom", op::TOKEN.name)
        .with_send_state(SendState::Responded)
        .with_status(status)
        .with_detail(problem)
        .with_source(error)
}

impl fmt::Debug for CalcomOAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalcomOAuth").field("client_id", &self.0.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for CalcomOAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalcomOAuthBuilder").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
