//! Connecting and disconnecting an organization at GHL.
//!
//! Invariant: a code is exchanged only for a state that this server made, for the browser that it was made for, once.

use axum::{extract::State, response::Response};
use ghl_client::GhlOAuth;
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::{ErrorKind, OrganizationId};
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
            GHL,
            browser::{self, Back, Connect},
            states,
        },
    },
};

/// Sends somebody to GHL to choose what to connect.
#[utoipa::path(
    get,
    path = "/api/integrations/ghl/connect",
    operation_id = "connect_ghl",
    tag = "integrations",
    params(Connect),
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
    Query(wish): Query<Connect>,
) -> ApiResult<Response> {
    // A link that leads nowhere for now must not be used up.
    let ready = || oauth(&app).map(drop);
    let organization = wish.organization(&app, &headers, ready).await?;
    let oauth = oauth(&app)?;
    let begun = states::begin(&app, &GHL, &organization.id).await?;
    let authorize = oauth.authorize(begun.state.expose_secret()).map_err(|error| not_ready(error.message()))?;
    Ok(browser::send_out(&app, &GHL, authorize.url().as_str(), &begun))
}

/// The way back from GHL: exchanges the code and keeps the tokens.
#[utoipa::path(
    get,
    path = "/api/integrations/ghl/auth",
    operation_id = "ghl_auth",
    tag = "integrations",
    params(Back),
    responses(
        (status = 302, description = "To the settings page, with `integration=success` or `error=` and a code"),
        (status = 400, description = "The state is missing, used, too old or of another browser", body = Problem),
    ),
)]
pub async fn auth(
    _: RejectHead,
    State(app): State<App>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> ApiResult<Response> {
    let organization = back.organization(&app, &GHL, &headers).await?;
    let outcome = match (&back.code, &back.error) {
        (Some(code), None) if !code.is_empty() => exchange(&app, &organization.id, code).await,
        (_, Some(_)) => Err("access_denied"),
        _ => Err("code_missing"),
    };
    Ok(browser::bring_home(&app, &GHL, &organization, outcome))
}

/// The code for the page when something went wrong; the log has the rest.
async fn exchange(app: &App, organization: &OrganizationId, code: &str) -> Result<(), &'static str> {
    let oauth = app.ghl.oauth().ok_or("integration_off")?;
    let tokens = app.ghl.tokens(organization).ok_or("integration_off")?;
    let logged = |error: sidecar_core::Error| {
        tracing::warn!(%organization, %error, "connecting failed");
        match error.kind() {
            ErrorKind::Auth => "code_refused",
            ErrorKind::Store => "unavailable",
            _ => "exchange_failed",
        }
    };
    let set = oauth.exchange_code(code, None).await.map_err(logged)?;
    match installations::claim(app, organization, &set).await {
        Ok(ClaimOutcome::Owned) => {}
        Ok(ClaimOutcome::OwnedByAnother) => return Err("location_taken"),
        Ok(ClaimOutcome::OtherCompany) => return Err("company_already_connected"),
        Ok(ClaimOutcome::Unnamed) => return Err("exchange_failed"),
        Err(error) => return Err(logged(error.into())),
    }
    let key = tokens.adopt(&set).await.map_err(logged)?;
    app.sync_schedule.schedule_full(organization).await.map_err(|error| logged(error.into()))?;
    if !installations::keep_if_claimed(app, organization, &set).await.map_err(logged)? {
        return Err("disconnected");
    }
    tracing::info!(%key, "connected");
    Ok(())
}

/// Which organization is to be disconnected.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Disconnect {
    /// The organization's id.
    organization_id: String,
}

/// Disconnects GHL: tokens erased, sync stopped. What was copied stays.
#[utoipa::path(
    delete,
    path = "/api/integrations/ghl",
    operation_id = "disconnect_ghl",
    tag = "integrations",
    params(Disconnect),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Nothing is connected now"),
    ),
)]
pub async fn disconnect(_: Operator, State(app): State<App>, Query(wish): Query<Disconnect>) -> ApiResult<StatusCode> {
    let organization = tenancy::find(&app, &wish.organization_id.into()).await?.id;
    installations::disconnect(&app, &organization).await?;
    tracing::info!(%organization, "disconnected from GHL");
    Ok(StatusCode::NO_CONTENT)
}

fn oauth(app: &App) -> ApiResult<&GhlOAuth> {
    let has_way_back = app.config.ghl.app.as_ref().is_some_and(|ghl| ghl.redirect_uri.is_some());
    match app.ghl.oauth() {
        Some(oauth) if has_way_back => Ok(oauth),
        Some(_) => Err(not_ready("set GHL_REDIRECT_URI or APP_URL")),
        None => Err(not_ready(&app.config.ghl_off().unwrap_or_default())),
    }
}

fn not_ready(why: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "integration_off", format!("GHL cannot be connected: {why}"))
}
