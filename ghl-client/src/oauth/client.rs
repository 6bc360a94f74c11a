use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderName, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Error, ErrorKind, Result, SendState,
    client::TransportOptions,
    http::{Call, Pipeline},
    retry::Replay,
    token::{Credentials, TokenSet, parse_token_response},
};
use url::Url;

use super::{
    Authorize, app_id,
    grant::{self, ACCESS_TOKEN_LIFETIME, UserType},
};
use crate::{
    config::{AUTHORIZE_URL, ApiVersion, BASE_URL, WHITE_LABEL_AUTHORIZE_URL},
    error::{Ghl, GhlErrorExt, GhlErrorReason},
    limits,
    model::{CompanyId, LocationId, Resource},
};

/// The time limit of a token exchange. Longer than that of other calls, because an abandoned exchange may cost the connection.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(45);

/// A client of GHL's OAuth endpoints for one app. Cheap to clone.
#[derive(Clone)]
pub struct GhlOAuth(Arc<Inner>);

struct Inner {
    pipeline: Pipeline,
    client_id: String,
    client_secret: SecretString,
    app: String,
    redirect_uri: Option<String>,
    authorize_url: Url,
    white_label_url: Url,
    timeout: Duration,
}

/// Builds a [`GhlOAuth`].
#[must_use = "call `build`"]
pub struct GhlOAuthBuilder {
    client_id: String,
    client_secret: SecretString,
    redirect_uri: Option<String>,
    base_url: Option<String>,
    authorize_url: Option<String>,
    transport_options: TransportOptions,
    timeout: Duration,
}

sidecar_core::transport_setters!(GhlOAuthBuilder);

impl GhlOAuthBuilder {
    /// Sets the URL to which GHL redirects the user; it must be one of the app's redirect URLs.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Sets the base URL of the API.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the URL of the consent page, for the standard and the white-label link.
    pub fn authorize_url(mut self, url: impl Into<String>) -> Self {
        self.authorize_url = Some(url.into());
        self
    }

    /// Sets the timeout of a token exchange; 45 s by default. A short one may cost the connection, because refresh tokens are valid
    /// once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the client. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an invalid client id, secret or URL.
    pub fn build(self) -> Result<GhlOAuth> {
        let app = app_id(&self.client_id)?.to_owned();
        if self.client_secret.expose_secret().trim().is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the client secret is empty: give the one that the marketplace showed once",
            ));
        }
        if let Some(uri) = &self.redirect_uri {
            page("redirect URI", uri)?;
        }
        let authorize_url = page("authorize URL", self.authorize_url.as_deref().unwrap_or(AUTHORIZE_URL))?;
        let white_label_url =
            page("authorize URL", self.authorize_url.as_deref().unwrap_or(WHITE_LABEL_AUTHORIZE_URL))?;
        let base = self.base_url.as_deref().unwrap_or(BASE_URL);
        Ok(GhlOAuth(Arc::new(Inner {
            pipeline: self.transport_options.pipeline(Ghl, base)?,
            client_id: self.client_id,
            client_secret: self.client_secret,
            app,
            redirect_uri: self.redirect_uri,
            authorize_url,
            white_label_url,
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

impl GhlOAuth {
    /// Returns a builder from the app's client id and secret, which the marketplace shows.
    pub fn builder(client_id: impl Into<String>, client_secret: impl Into<SecretString>) -> GhlOAuthBuilder {
        GhlOAuthBuilder {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            redirect_uri: None,
            base_url: None,
            authorize_url: None,
            transport_options: TransportOptions::default(),
            timeout: EXCHANGE_TIMEOUT,
        }
    }

    /// Returns the app's client id.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Returns the link to the consent page. GHL returns `state` with the code: it must be unguessable, valid once and bound to the
    /// user's session ([`sidecar_core::secret::random_token`]).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a redirect URI, or if `state` is empty.
    pub fn authorize(&self, state: impl Into<String>) -> Result<Authorize> {
        let (inner, state) = (&*self.0, state.into());
        if state.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the state is empty; pass an unguessable one, since without it an attacker could inject a code",
            ));
        }
        let redirect_uri = self.redirect_uri()?.to_owned();
        Ok(Authorize::new(
            inner.authorize_url.clone(),
            inner.white_label_url.clone(),
            inner.client_id.clone(),
            redirect_uri,
            state,
        ))
    }

    fn redirect_uri(&self) -> Result<&str> {
        let why = "the redirect URI is missing; set `redirect_uri` to one of the app's redirect URLs";
        self.0.redirect_uri.as_deref().ok_or_else(|| Error::new(ErrorKind::InvalidInput, why))
    }

    /// Exchanges the code of the redirect. `user_type` requests one kind of token; `None` returns the kind that the user chose.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] if the code is invalid, used or expired: the user has to start again.
    pub async fn exchange_code(&self, code: &str, user_type: Option<&UserType>) -> Result<TokenSet> {
        let mut fields =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.redirect_uri()?)];
        if let Some(user_type) = user_type {
            fields.push(("user_type", user_type.as_str()));
        }
        self.token("oauth.exchange_code", &fields).await
    }

    /// Exchanges a refresh token, which is valid once: store the result before using it. [`GhlExchange`](super::GhlExchange)
    /// under a [`TokenManager`](sidecar_core::token::TokenManager) does so.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] if it is rejected permanently: the user has to connect again.
    pub async fn refresh(&self, refresh_token: &SecretString, user_type: &UserType) -> Result<TokenSet> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
            ("user_type", user_type.as_str()),
        ];
        self.token("oauth.refresh", &fields).await
    }

    async fn token(&self, operation: &'static str, fields: &[(&str, &str)]) -> Result<TokenSet> {
        let app = [("client_id", self.0.client_id.as_str()), ("client_secret", self.0.client_secret.expose_secret())];
        let call = Call::new(operation, Method::POST, "/oauth/token", &[])
            .form(app.iter().chain(fields).copied())
            .replay(Replay::OnlyIfNotSent);
        self.exchange(call).await.map_err(|error| token_refusal(error, operation))
    }

    /// Mints a location's token with the company's token, which needs the scope `oauth.write`. It has no refresh token: when it
    /// expires, another one is minted.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] or [`ErrorKind::Rejected`] if the app is not installed in the location; the errors of `company`.
    pub async fn location_token(
        &self,
        company_id: &CompanyId,
        location_id: &LocationId,
        company: Arc<dyn Credentials>,
    ) -> Result<TokenSet> {
        let resource = Resource::Company(company_id.clone());
        let call = Call::new("oauth.location_token", Method::POST, "/oauth/locationToken", &[])
            .form([("companyId", company_id.as_str()), ("locationId", location_id.as_str())])
            .header(HeaderName::from_static("version"), ApiVersion::V2021_07_28.as_str())
            .credentials(company)
            .scopes(limits::scopes(&self.0.app, &resource))
            .replay(Replay::Safe);
        let mut tokens = self.exchange(call).await?;
        grant::set_issued_from(&mut tokens, company_id, location_id);
        Ok(tokens)
    }

    async fn exchange(&self, call: Call) -> Result<TokenSet> {
        let asked_at = self.0.pipeline.clock().now();
        let call = call
            .deadline(self.0.timeout)
            .attempt_timeout(self.0.timeout)
            .header(http::header::ACCEPT, "application/json");
        let answer = self.0.pipeline.send(call).await?;
        parse_token_response(&answer.body, asked_at, ACCESS_TOKEN_LIFETIME)
    }
}

/// Classifies an error of the token endpoint whose body does not: by RFC 6749 §5.2 a 400 rejects the code or refresh token, and a
/// 401 rejects the app. Only the first ends a connection; a mistyped secret must not end all of them.
fn token_refusal(error: Error, operation: &'static str) -> Error {
    let unclear = match error.problem() {
        None
        | Some(
            GhlErrorReason::Other
            | GhlErrorReason::Validation(_)
            | GhlErrorReason::NotFound
            | GhlErrorReason::TokenInvalid,
        ) => true,
        Some(_) => false,
    };
    let (kind, problem) = match error.status() {
        Some(StatusCode::BAD_REQUEST) if unclear => (ErrorKind::Auth, GhlErrorReason::GrantInvalid),
        Some(StatusCode::UNAUTHORIZED) if unclear => (ErrorKind::InvalidInput, GhlErrorReason::ClientInvalid),
        _ => return error,
    };
    let status = error.status().unwrap_or_default();
    let message = format!("{} ({})", error.message(), problem.advice());
    Error::new(kind, message)
        .at("ghl", operation)
        .with_send_state(SendState::Responded)
        .with_status(status)
        .with_detail(problem)
        .with_source(error)
}

impl fmt::Debug for GhlOAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GhlOAuth").field("client_id", &self.0.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for GhlOAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GhlOAuthBuilder").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
