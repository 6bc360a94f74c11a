//! Connecting and disconnecting an organization at GHL.

use axum::{extract::State, response::Response};
use ghl_client::GhlOAuth;
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::OrganizationId;
use utoipa::IntoParams;

use super::installations::{self, ClaimOutcome};
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Operator, Query, RejectHead},
    },
    tenancy::{
        self,
        oauth_flow::{
            self, CallbackQuery, ConnectQuery, ConsentProvider, Flow, exchange_failed, not_ready,
            states::PendingAuthorization,
        },
    },
};

/// Redirects to GHL's consent page.
#[utoipa::path(
    get,
    path = "/api/integrations/ghl/connect",
    operation_id = "connect_ghl",
    tag = "integrations",
    params(ConnectQuery),
    security(("operator" = []), ()),
    responses(
        (status = 302, description = "To GHL's consent page, with a one-use state and a cookie bound to it"),
        (status = 409, body = Problem),
    ),
)]
pub async fn connect(
    _: RejectHead,
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<ConnectQuery>,
) -> ApiResult<Response> {
    oauth_flow::start(&app, GhlConsent, &headers, &query).await
}

/// The redirect back from GHL: exchanges the code and stores the tokens.
#[utoipa::path(
    get,
    path = "/api/integrations/ghl/auth",
    operation_id = "ghl_auth",
    tag = "integrations",
    params(CallbackQuery),
    responses(
        (status = 302, description = "To the settings page, with `integration=success` or `error=` and a code"),
        (status = 400, description = "The state is missing, used, too old or of another browser", body = Problem),
    ),
)]
pub async fn auth(
    _: RejectHead,
    State(app): State<App>,
    headers: HeaderMap,
    Query(query): Query<CallbackQuery>,
) -> ApiResult<Response> {
    oauth_flow::finish(&app, GhlConsent, &headers, &query).await
}

struct GhlConsent;

impl ConsentProvider for GhlConsent {
    const FLOW: Flow =
        Flow { provider: "GHL", purpose: "state", cookie: "sidecar_ghl_connect", path: "/api/integrations/ghl" };

    fn check_ready(&self, app: &App) -> ApiResult<()> {
        oauth(app).map(drop)
    }

    fn authorize_url(&self, app: &App, pending: &PendingAuthorization) -> ApiResult<String> {
        let authorize = oauth(app)?.authorize(pending.state.expose_secret());
        Ok(authorize.map_err(|error| not_ready(&Self::FLOW, error.message()))?.url().to_string())
    }

    async fn exchange(
        &self,
        app: &App,
        organization: &OrganizationId,
        code: &str,
        _: &PendingAuthorization,
    ) -> Result<(), &'static str> {
        let oauth = app.ghl.oauth().ok_or("integration_off")?;
        let tokens = app.ghl.tokens(organization).ok_or("integration_off")?;
        let failed = |error: sidecar_core::Error| exchange_failed("GHL", organization, &error);
        let set = oauth.exchange_code(code, None).await.map_err(failed)?;
        match installations::claim(app, organization, &set).await {
            Ok(ClaimOutcome::Owned) => {}
            Ok(ClaimOutcome::OwnedByAnother) => return Err("location_taken"),
            Ok(ClaimOutcome::OtherCompany) => return Err("company_already_connected"),
            Ok(ClaimOutcome::Unnamed) => return Err("exchange_failed"),
            Err(error) => return Err(failed(error.into())),
        }
        let key = tokens.adopt(&set).await.map_err(failed)?;
        app.sync_schedule.schedule_full(organization).await.map_err(|error| failed(error.into()))?;
        if !installations::keep_if_claimed(app, organization, &set).await.map_err(failed)? {
            return Err("disconnected");
        }
        tracing::info!(%key, "connected");
        Ok(())
    }
}

/// The organization to disconnect.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisconnectQuery {
    /// The organization's id.
    organization_id: String,
}

/// Disconnects GHL: erases the tokens, stops the sync. Stored records stay.
#[utoipa::path(
    delete,
    path = "/api/integrations/ghl",
    operation_id = "disconnect_ghl",
    tag = "integrations",
    params(DisconnectQuery),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Disconnected"),
    ),
)]
pub async fn disconnect(
    _: Operator,
    State(app): State<App>,
    Query(query): Query<DisconnectQuery>,
) -> ApiResult<StatusCode> {
    let organization = tenancy::find(&app, &query.organization_id.into()).await?.id;
    installations::disconnect(&app, &organization).await?;
    tracing::info!(%organization, "disconnected from GHL");
    Ok(StatusCode::NO_CONTENT)
}

fn oauth(app: &App) -> ApiResult<&GhlOAuth> {
    let has_redirect = app.config.ghl.app.as_ref().is_some_and(|ghl| ghl.redirect_uri.is_some());
    match app.ghl.oauth() {
        Some(oauth) if has_redirect => Ok(oauth),
        Some(_) => Err(not_ready(&GhlConsent::FLOW, "set GHL_REDIRECT_URI or APP_URL")),
        None => Err(not_ready(&GhlConsent::FLOW, &app.config.ghl_off().unwrap_or_default())),
    }
}
