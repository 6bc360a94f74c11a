//! Connecting an organization at Cal.com by consent, with PKCE.

use calcom_client::{CalcomOAuth, oauth::Pkce};
use http::StatusCode;
use secrecy::ExposeSecret;
use sidecar_core::{Error, ErrorKind, OrganizationId, token::TokenSet};

use super::{
    connection,
    settings::{CalcomSettings, SettingsUpdate},
};
use crate::{
    app::App,
    http::{ApiResult, Problem},
    tenancy::oauth_flow::{
        ConsentProvider, Flow, consent_routes, exchange_failed, not_ready, states::PendingAuthorization,
    },
};

consent_routes! {
    provider: CalcomConsent,
    /// Redirects to Cal.com's consent page.
    connect: "/api/integrations/calcom/connect" as "connect_calcom",
    /// The redirect back from Cal.com: exchanges the code and stores the tokens.
    auth: "/api/integrations/calcom/auth" as "calcom_auth",
}

struct CalcomConsent;

impl ConsentProvider for CalcomConsent {
    const FLOW: Flow = Flow {
        provider: "Cal.com",
        purpose: "state of calcom",
        cookie: "sidecar_calcom_connect",
        path: "/api/integrations/calcom",
    };

    fn check_ready(&self, app: &App) -> ApiResult<()> {
        oauth(app).map(drop)
    }

    fn check_organization(&self, app: &App, organization: &OrganizationId) -> ApiResult<()> {
        reject_environment(app, organization)
    }

    fn authorize_url(&self, app: &App, pending: &PendingAuthorization) -> ApiResult<String> {
        let authorize = oauth(app)?.authorize(pending.state.expose_secret());
        let authorize = authorize.map_err(|error| not_ready(&Self::FLOW, error.message()))?;
        Ok(authorize.pkce(&Pkce::from_verifier(pending.pkce_verifier())).url().to_string())
    }

    async fn exchange(
        &self,
        app: &App,
        organization: &OrganizationId,
        code: &str,
        pending: &PendingAuthorization,
    ) -> Result<(), &'static str> {
        let oauth = app.calcom.oauth().ok_or("integration_off")?;
        let failed = |error: Error| exchange_failed("Cal.com", organization, &error);
        let pkce = Pkce::from_verifier(pending.pkce_verifier());
        let set = oauth.exchange_code(code, Some(&pkce)).await.map_err(failed)?;
        replace_account(app, organization, &set).await.map_err(failed)?;
        app.sync_schedule.schedule_bookings(organization).await.map_err(|error| failed(error.into()))?;
        tracing::info!(%organization, "connected Cal.com");
        Ok(())
    }
}

/// Stores the tokens. Frees the times that are blocked in the account before, unless the tokens belong to the same user.
async fn replace_account(app: &App, organization: &OrganizationId, set: &TokenSet) -> sidecar_core::Result<()> {
    let (before, next) = (app.calcom.settings(organization).await, CalcomSettings::default());
    let user = app.calcom.trial(&next, set.access.clone())?.me().get().await.map(|me| me.id);
    let adopt = adopt_tokens(app, organization, set);
    let (Ok(before), Ok(user)) = (before, user) else { return adopt.await };
    connection::change_account(app, organization, &before.settings, &next, user, adopt).await?
}

async fn adopt_tokens(app: &App, organization: &OrganizationId, set: &TokenSet) -> sidecar_core::Result<()> {
    // Stored before the settings name its address: the connection before ends only once this one is stored.
    app.calcom.tokens(organization, &CalcomSettings::default()).adopt(set).await?;
    use_server_address(app, organization).await
}

/// Makes the server's API address the organization's: tokens by consent are valid there alone. Deletes the tokens of the address
/// before. Settings are written even when they do not change: other processes notice new tokens by the revision.
async fn use_server_address(app: &App, organization: &OrganizationId) -> sidecar_core::Result<()> {
    let mut update = SettingsUpdate::new(&*app.store, organization);
    while let Some(stored) = update.read().await? {
        let had_address = stored.settings.base_url.is_some();
        let mut next = stored.settings.clone();
        if had_address {
            (next.base_url, next.profile) = (None, None);
        }
        if update.write(&stored, &next).await? {
            return match had_address {
                true => app.calcom.tokens(organization, &stored.settings).forget().await,
                false => Ok(()),
            };
        }
    }
    Err(Error::new(ErrorKind::Store, "the settings are being changed by other requests: try again"))
}

/// Rejects changes of a connection that the environment configures.
///
/// # Errors
/// 409 names the variable.
pub(super) fn reject_environment(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    if !app.calcom.is_from_environment(organization) {
        return Ok(());
    }
    let detail = "this organization is connected by CALCOM_API_KEY of the server: unset it to connect the organization otherwise";
    Err(Problem::new(StatusCode::CONFLICT, "set_by_environment", detail))
}

fn oauth(app: &App) -> ApiResult<&CalcomOAuth> {
    let has_redirect = app.config.calcom.app.as_ref().is_some_and(|calcom| calcom.redirect_uri.is_some());
    match app.calcom.oauth() {
        Some(oauth) if has_redirect => Ok(oauth),
        Some(_) => Err(not_ready(&CalcomConsent::FLOW, "set CALCOM_REDIRECT_URI or APP_URL")),
        None => Err(not_ready(&CalcomConsent::FLOW, "set CALCOM_CLIENT_ID, or give the organization's API key")),
    }
}
