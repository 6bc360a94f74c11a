use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Error, ErrorKind, Result, SendState,
    client::TransportOptions,
    http::{Call, Pipeline},
    retry::Replay,
    token::TokenSet,
};
use url::Url;

use super::{Authorize, Pkce, grant, operations as op};
use crate::{
    client::data,
    config::{Region, without_version},
    error::{Calcom, CalcomErrorExt, CalcomErrorReason},
    limits::{Limits, RateLimitPolicy},
};

/// How long one exchange may take. An exchange that is given up half way may cost the connection, so it is longer than
/// other calls may take.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(45);

/// Where a user agrees, under the app's address.
const AUTHORIZE_PATH: &str = "/auth/oauth2/authorize";

/// The app towards the provider's OAuth endpoints. Cheap to clone. Cal.com's staff has to approve an app first.
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
    /// An OAuth client, as the provider tells of it.
    pub struct OAuthClientInfo {
        /// Its id.
        "client_id" client_id: Option<String>,
        /// Its name, which users read.
        "name" name: Option<String>,
        /// Where users are sent back to.
        "redirect_uri" redirect_uri: Option<String>,
        /// Its logo.
        "logo" logo: Option<String>,
        /// Whether users are not asked.
        "is_trusted" is_trusted: Option<bool>,
        /// `CONFIDENTIAL` (with a secret) or `PUBLIC` (with PKCE).
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
    /// The client's secret. A client without one (a public one) needs a [`Pkce`] for each code.
    pub fn client_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Where the provider sends the user back to; must be the client's redirect URI.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Which cloud; [`Region::Global`] unless set. A [`base_url`](Self::base_url) wins.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Another address of the API, with or without `/v2` at its end. Users agree at the cloud's app that belongs to it; of a host of
    /// one's own say where, with [`app_url`](Self::app_url) or [`authorize_url`](Self::authorize_url).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Another address of the app, where users agree.
    pub fn app_url(mut self, url: impl Into<String>) -> Self {
        self.app_url = Some(url.into());
        self
    }

    /// Another page where users agree, whole, in place of the app's own.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.authorize_url = Some(url.into());
        self
    }

    /// How long an exchange may take; 45 s unless set. Giving up early may cost the connection, because a refresh token is replaced
    /// by its use.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The finished value. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the client id, the secret or a URL cannot be right, or when a self-hosted server comes without a page
    /// where users agree.
    pub fn build(self) -> Result<CalcomOAuth> {
        let refuse = |why: &'static str| Err(Error::new(ErrorKind::InvalidInput, why));
        if self.client_id.trim().is_empty() {
            return refuse("the OAuth client id is empty: give the one that Cal.com shows in its settings");
        }
        if self.client_secret.as_ref().is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
            return refuse(
                "the OAuth client secret is empty: leave it out for a public client, or give the one that was shown once",
            );
        }
        if let Some(uri) = &self.redirect_uri {
            page("redirect URI", uri)?;
        }
        let base = without_version(self.base_url.as_deref().unwrap_or(self.region.base_url()))?;
        let app = self.app_url.as_deref().or(Region::at(base).map(Region::app_url));
        let authorize_url = match (&self.authorize_url, app) {
            (Some(url), _) => page("authorize URL", url)?,
            (None, Some(app)) => page("app's URL", &format!("{}{AUTHORIZE_PATH}", app.trim_end_matches('/')))?,
            (None, None) => {
                let why = format!(
                    "`{base}` is neither of Cal.com's clouds, so that nobody knows where its users agree: give the address of its \
                     app with `app_url`, or the whole page with `authorize_url`"
                );
                return Err(Error::new(ErrorKind::InvalidInput, why));
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

fn page(what: &str, text: &str) -> Result<Url> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the {what} `{text}` {why}")));
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => refuse("must begin with http:// or https://"),
        Err(error) => refuse(&format!("is not an absolute URL: {error}")),
    }
}

impl CalcomOAuth {
    /// Starts with the client's id, as Cal.com shows it.
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

    /// The client's id.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The link for a user who wants to connect. `state` comes back with the code: make it unguessable, good for one use and
    /// bound to the user's session ([`sidecar_core::secret::random_token`]). A public client adds a [`Pkce`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when no redirect URI was given, or `state` is empty.
    pub fn authorize(&self, state: impl Into<String>) -> Result<Authorize> {
        let (inner, state) = (&*self.0, state.into());
        if state.is_empty() {
            let why = "the state is empty: without one, anybody's code could be slipped in";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let redirect_uri = self.redirect_uri()?.to_owned();
        Ok(Authorize::new(inner.authorize_url.clone(), inner.client_id.clone(), redirect_uri, state))
    }

    fn redirect_uri(&self) -> Result<&str> {
        let why = "no redirect URI: give it to the builder with `redirect_uri`, as it stands in the client's settings";
        self.0.redirect_uri.as_deref().ok_or_else(|| Error::new(ErrorKind::InvalidInput, why))
    }

    /// Exchanges the code that the user came back with.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when the code is wrong, used or too old: let the user start again. [`ErrorKind::InvalidInput`] when a client
    /// without a secret has no `pkce` either.
    pub async fn exchange_code(&self, code: &str, pkce: Option<&Pkce>) -> Result<TokenSet> {
        if self.0.client_secret.is_none() && pkce.is_none() {
            let why =
                "a client without a secret proves itself by the verifier that the link was made with: give the `Pkce`";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("calcom", op::TOKEN.name));
        }
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.redirect_uri()?)];
        if let Some(pkce) = pkce {
            fields.push(("code_verifier", pkce.verifier().expose_secret()));
        }
        self.token(&fields).await
    }

    /// Exchanges a refresh token, which the answer replaces: store the answer before using it.
    /// [`CalcomExchange`](super::CalcomExchange) under a [`TokenManager`](sidecar_core::token::TokenManager) does so.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when it is refused for good: somebody has to connect again.
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenSet> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose_secret())]).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<TokenSet> {
        let inner = &*self.0;
        let mut all = vec![("client_id", inner.client_id.as_str())];
        all.extend(inner.client_secret.as_ref().map(|secret| ("client_secret", secret.expose_secret())));
        all.extend(fields);
        let asked_at = inner.pipeline.clock().now();
        let call = op::TOKEN
            .call(&[])
            .form(all)
            .replay(Replay::OnlyIfNotSent)
            .deadline(inner.timeout)
            .attempt_timeout(inner.timeout);
        let answer = self.counted(call).await.map_err(token_refusal)?;
        grant::tokens(&answer.body, asked_at)
    }

    /// Reads what the provider shows users of this client: whether the id is right.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such client.
    pub async fn client(&self) -> Result<OAuthClientInfo> {
        data(&self.counted(op::CLIENT.call(&[&self.0.client_id])).await?)
    }

    async fn counted(&self, call: Call) -> Result<sidecar_core::http::Response> {
        self.0.pipeline.send(call.scopes(self.0.limits.scopes())).await
    }
}

/// Gives a refusal of the token endpoint its meaning where its words do not: by RFC 6749 §5.2 a 400 refuses the code or refresh
/// token unless its code says otherwise, a 401 the client itself. The difference matters: the first ends a connection, while a
/// mistyped secret must not end all of them.
fn token_refusal(error: Error) -> Error {
    let unclear = match error.problem() {
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
        Some(StatusCode::BAD_REQUEST) if unclear => (ErrorKind::Auth, CalcomErrorReason::GrantInvalid),
        Some(StatusCode::UNAUTHORIZED) if unclear => (ErrorKind::InvalidInput, CalcomErrorReason::ClientInvalid),
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
