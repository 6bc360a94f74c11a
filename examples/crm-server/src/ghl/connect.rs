//! Connecting and disconnecting an organization at GHL.

use axum::extract::State;
use ghl_client::GhlOAuth;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::OrganizationId;
use utoipa::IntoParams;

use super::installations::{self, ClaimOutcome};
use crate::{
    app::App,
    http::{
        ApiResult,
        extract::{Operator, Query},
    },
    tenancy::{
        self,
        oauth_flow::{ConsentProvider, Flow, consent_routes, exchange_failed, not_ready, states::PendingAuthorization},
    },
};

consent_routes! {
    provider: GhlConsent,
    /// Redirects to GHL's consent page.
    connect: "/api/integrations/ghl/connect" as "connect_ghl",
    /// The redirect back from GHL: exchanges the code and stores the tokens.
    auth: "/api/integrations/ghl/auth" as "ghl_auth",
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
