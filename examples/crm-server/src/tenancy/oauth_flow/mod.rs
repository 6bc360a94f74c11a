//! Connecting an organization by OAuth consent: starting the flow, and finishing it when the browser comes back.
//!
//! ```text
//! connect: operator's token or link → PendingAuthorization (state, cookie) → 302 to the provider's consent page
//! auth:    state and cookie used up → exchange of the code (the provider's part) → 302 to the settings page
//! ```
//! Invariant: a code is exchanged once, for the browser, provider and organization that the flow was started for.

mod browser;
pub mod states;

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use sidecar_core::{Error, ErrorKind, OrganizationId};

use self::states::PendingAuthorization;
use crate::{
    app::App,
    http::{ApiResult, Problem},
};

pub use self::browser::{CallbackQuery, ConnectQuery};

/// The flow of one provider: names that keep it apart from the other flows.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// The provider's name in texts.
    pub(crate) provider: &'static str,
    /// The purpose of its states: part of what is hashed.
    pub(crate) purpose: &'static str,
    /// The cookie that comes back with the state.
    pub(crate) cookie: &'static str,
    /// The path of its routes, which the cookie is restricted to.
    pub(crate) path: &'static str,
}

/// What one provider adds to the flow.
pub(crate) trait ConsentProvider: Sync {
    /// The flow's names.
    const FLOW: Flow;

    /// Checks that the integration is configured.
    fn check_ready(&self, app: &App) -> ApiResult<()>;

    /// Checks that the organization may be connected this way.
    fn check_organization(&self, _app: &App, _organization: &OrganizationId) -> ApiResult<()> {
        Ok(())
    }

    /// Returns the address of the consent page.
    fn authorize_url(&self, app: &App, pending: &PendingAuthorization) -> ApiResult<String>;

    /// Exchanges the code and stores the tokens. An error is the code that the settings page shows; the log has the rest.
    fn exchange(
        &self,
        app: &App,
        organization: &OrganizationId,
        code: &str,
        pending: &PendingAuthorization,
    ) -> impl Future<Output = Result<(), &'static str>> + Send;
}

/// Starts the flow: redirects the browser to the consent page.
pub(crate) async fn start<P: ConsentProvider>(
    app: &App,
    provider: P,
    headers: &HeaderMap,
    query: &ConnectQuery,
) -> ApiResult<Response> {
    let check_ready = || provider.check_ready(app);
    let organization = query.organization(app, headers, check_ready).await?;
    check_ready()?;
    provider.check_organization(app, &organization.id)?;
    let pending = states::create(app, &P::FLOW, &organization.id).await?;
    let page = provider.authorize_url(app, &pending)?;
    Ok(browser::redirect_to_provider(app, &P::FLOW, &page, &pending))
}

/// Finishes the flow: exchanges the code and redirects the browser to the settings page.
pub(crate) async fn finish<P: ConsentProvider>(
    app: &App,
    provider: P,
    headers: &HeaderMap,
    query: &CallbackQuery,
) -> ApiResult<Response> {
    let (organization, pending) = query.organization(app, &P::FLOW, headers).await?;
    let outcome = match (&query.code, &query.error) {
        (Some(code), None) if !code.is_empty() => provider.exchange(app, &organization.id, code, &pending).await,
        (_, Some(_)) => Err("access_denied"),
        _ => Err("code_missing"),
    };
    Ok(browser::redirect_back(app, &P::FLOW, &organization, outcome))
}

/// Logs why an exchange failed and returns the code for the settings page.
pub(crate) fn exchange_failed(provider: &str, organization: &OrganizationId, error: &Error) -> &'static str {
    tracing::warn!(provider, %organization, %error, "an OAuth exchange failed");
    match error.kind() {
        ErrorKind::Auth => "code_rejected",
        ErrorKind::Store => "unavailable",
        _ => "exchange_failed",
    }
}

/// The problem of an integration that is not configured.
pub(crate) fn not_ready(flow: &Flow, why: &str) -> Problem {
    let detail = format!("{} cannot be connected: {why}", flow.provider);
    Problem::new(StatusCode::CONFLICT, "integration_off", detail)
}

/// Declares the two routes of a [`ConsentProvider`]: `connect` starts the flow, `auth` finishes it.
macro_rules! consent_routes {
    (
        provider: $provider:expr,
        $(#[$connect_doc:meta])*
        connect: $connect_path:literal as $connect_id:literal,
        $(#[$auth_doc:meta])*
        auth: $auth_path:literal as $auth_id:literal,
    ) => {
        $(#[$connect_doc])*
        #[utoipa::path(
            get,
            path = $connect_path,
            operation_id = $connect_id,
            tag = "integrations",
            params($crate::tenancy::oauth_flow::ConnectQuery),
            security(("operator" = []), ()),
            responses(
                (status = 302, description = "To the provider's consent page, with a one-use state and a cookie bound to it"),
                (status = 409, body = $crate::http::Problem),
            ),
        )]
        pub async fn connect(
            _: $crate::http::extract::RejectHead,
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            headers: http::HeaderMap,
            $crate::http::extract::Query(query): $crate::http::extract::Query<$crate::tenancy::oauth_flow::ConnectQuery>,
        ) -> $crate::http::ApiResult<axum::response::Response> {
            $crate::tenancy::oauth_flow::start(&app, $provider, &headers, &query).await
        }

        $(#[$auth_doc])*
        #[utoipa::path(
            get,
            path = $auth_path,
            operation_id = $auth_id,
            tag = "integrations",
            params($crate::tenancy::oauth_flow::CallbackQuery),
            responses(
                (status = 302, description = "To the settings page, with `integration=success` or `error=` and a code"),
                (status = 400, description = "The state is missing, used, too old or of another browser", body = $crate::http::Problem),
            ),
        )]
        pub async fn auth(
            _: $crate::http::extract::RejectHead,
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            headers: http::HeaderMap,
            $crate::http::extract::Query(query): $crate::http::extract::Query<$crate::tenancy::oauth_flow::CallbackQuery>,
        ) -> $crate::http::ApiResult<axum::response::Response> {
            $crate::tenancy::oauth_flow::finish(&app, $provider, &headers, &query).await
        }
    };
}
pub(crate) use consent_routes;
