//! Connecting an organization at Cal.com by consent.
//!
//! Invariant: a code is exchanged only for a state that this server made, for the browser that it was made for, once, and with the
//! verifier that only this browser's way leads to.

use axum::{extract::State, response::Response};
use calcom_client::{CalcomOAuth, oauth::Pkce};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use sidecar_core::{ErrorKind, OrganizationId, token::TokenSet};

use super::{connection, settings};
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Query, RejectHead},
    },
    tenancy::oauth_flow::{
        CALCOM,
        browser::{self, Back, Connect},
        states,
    },
};

/// How often settings that others change meanwhile are tried to be changed.
const ATTEMPTS: usize = 8;

/// Sends somebody to Cal.com to agree to the connection.
#[utoipa::path(
    get,
    path = "/api/integrations/calcom/connect",
    operation_id = "connect_calcom",
    tag = "integrations",
    params(Connect),
    security(("operator" = []), ()),
    responses(
        (status = 302, description = "To Cal.com's consent page, with a one-use state and a cookie bound to it"),
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
    refuse_environment(&app, &organization.id)?;
    let begun = states::begin(&app, &CALCOM, &organization.id).await?;
    let (state, cookie) = (begun.state.expose_secret(), begun.cookie.expose_secret());
    let authorize = oauth.authorize(state).map_err(|error| not_ready(error.message()))?;
    let page = authorize.pkce(&Pkce::from_verifier(states::pkce_verifier(state, cookie))).url();
    Ok(browser::send_out(&app, &CALCOM, page.as_str(), &begun))
}

/// The way back from Cal.com: exchanges the code and keeps the tokens.
#[utoipa::path(
    get,
    path = "/api/integrations/calcom/auth",
    operation_id = "calcom_auth",
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
    let organization = back.organization(&app, &CALCOM, &headers).await?;
    let cookie = browser::came_with(&headers, &CALCOM).unwrap_or_default();
    let verifier = states::pkce_verifier(back.state.as_deref().unwrap_or_default(), cookie);
    let outcome = match (&back.code, &back.error) {
        (Some(code), None) if !code.is_empty() => {
            exchange(&app, &organization.id, code, &Pkce::from_verifier(verifier)).await
        }
        (_, Some(_)) => Err("access_denied"),
        _ => Err("code_missing"),
    };
    Ok(browser::bring_home(&app, &CALCOM, &organization, outcome))
}

/// The code for the page when something went wrong; the log has the rest.
async fn exchange(app: &App, organization: &OrganizationId, code: &str, pkce: &Pkce) -> Result<(), &'static str> {
    let oauth = app.calcom.oauth().ok_or("integration_off")?;
    let logged = |error: sidecar_core::Error| {
        tracing::warn!(%organization, %error, "connecting Cal.com failed");
        match error.kind() {
            ErrorKind::Auth => "code_refused",
            ErrorKind::Store => "unavailable",
            _ => "exchange_failed",
        }
    };
    let set = oauth.exchange_code(code, Some(pkce)).await.map_err(logged)?;
    leave(app, organization, &set, keep(app, organization, &set)).await.map_err(logged)?;
    app.sync_schedule.schedule_bookings(organization).await.map_err(|error| logged(error.into()))?;
    tracing::info!(%organization, "connected Cal.com");
    Ok(())
}

/// Frees what is blocked in the account that there is, unless the tokens are of the same user, and carries out `then`.
async fn leave(
    app: &App,
    organization: &OrganizationId,
    set: &TokenSet,
    then: impl Future<Output = sidecar_core::Result<()>> + Send,
) -> sidecar_core::Result<()> {
    let (before, next) = (app.calcom.settings(organization).await, settings::CalcomSettings::default());
    let user = app.calcom.trial(&next, set.access.clone())?.me().get().await.map(|me| me.id);
    let (Ok(before), Ok(user)) = (before, user) else { return then.await };
    connection::leave(app, organization, &before.settings, &next, user, then).await?
}

async fn keep(app: &App, organization: &OrganizationId, set: &TokenSet) -> sidecar_core::Result<()> {
    // Before its address is the one in use: then the connection that there was ends only when this one is kept.
    app.calcom.tokens(organization, &settings::CalcomSettings::default()).adopt(set).await?;
    at_the_servers_address(app, organization).await
}

/// Tokens by consent are of the API that the server is set up for, and are kept for its address alone: it becomes the organization's,
/// and what is kept for the address before is forgotten. Settings that are the same as before are written too: by their revision other
/// processes notice that the tokens in their hands are not the ones any more.
async fn at_the_servers_address(app: &App, organization: &OrganizationId) -> sidecar_core::Result<()> {
    for _ in 0..ATTEMPTS {
        let settled = settings::read(&*app.store, organization).await?;
        let was_elsewhere = settled.settings.base_url.is_some();
        let mut next = settled.settings.clone();
        if was_elsewhere {
            (next.base_url, next.profile) = (None, None);
        }
        if settings::write(&*app.store, organization, settled.revision, &next).await? {
            let before = app.calcom.tokens(organization, &settled.settings);
            return if was_elsewhere { before.forget().await } else { Ok(()) };
        }
    }
    Err(sidecar_core::Error::new(ErrorKind::Store, "the settings are being changed by others all the time"))
}

/// Refuses to change a connection that the environment has.
///
/// # Errors
/// 409 names the variable.
pub(super) fn refuse_environment(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    if !app.calcom.is_from_environment(organization) {
        return Ok(());
    }
    let detail =
        "this organization's connection is the server's own setting: unset CALCOM_API_KEY to connect it otherwise";
    Err(Problem::new(StatusCode::CONFLICT, "set_by_environment", detail))
}

fn oauth(app: &App) -> ApiResult<&CalcomOAuth> {
    let has_way_back = app.config.calcom.app.as_ref().is_some_and(|calcom| calcom.redirect_uri.is_some());
    match app.calcom.oauth() {
        Some(oauth) if has_way_back => Ok(oauth),
        Some(_) => Err(not_ready("set CALCOM_REDIRECT_URI or APP_URL")),
        None => Err(not_ready("set CALCOM_CLIENT_ID, or give the organization's API key")),
    }
}

fn not_ready(why: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "integration_off", format!("Cal.com cannot be connected by consent: {why}"))
}
