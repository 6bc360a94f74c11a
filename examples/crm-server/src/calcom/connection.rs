//! An organization's connection to Cal.com: what it is, changing it, ending it.
//!
//! Invariant: no secret is ever answered; a key goes only to the address that it was given for, for it is kept under that address.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use calcom_client::model::UserId;
use http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use sidecar_core::{ErrorKind, OrganizationId, StoreError, token::ConnectionState};
use utoipa::ToSchema;

use super::{
    calendar_feed,
    connect::refuse_environment,
    connection_update::ConnectionWish,
    settings::{self, Block, CalcomProfile, CalcomSettings, Mapping, VersionedSettings},
};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract},
    tenancy::Tenant,
};

/// How often settings that others change meanwhile are tried to be changed.
const ATTEMPTS: usize = 8;

/// A connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// Whether there are credentials.
    connected: bool,
    /// How they came about: `api_key`, `oauth` or `environment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    /// Whether Cal.com refuses them: connect again, or give another key.
    needs_reauth: bool,
    /// The API's address, where the organization named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// Which API answers there, where the organization said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<CalcomProfile>,
    /// Where Cal.com's webhook is to be sent.
    webhook_url: String,
    /// How many webhook secrets there are; without one every delivery is refused.
    webhook_secrets: usize,
    /// Where bookings go at GHL, by the event type's id.
    #[schema(value_type = BTreeMap<String, Mapping>)]
    mapping: BTreeMap<i64, Mapping>,
    /// Where bookings of every other event type go.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_mapping: Option<Mapping>,
    /// Where times are blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<Block>,
    /// Calls a minute that the account may make, where the organization said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_minute: Option<u32>,
    /// Whether there is a calendar to subscribe to.
    feed: bool,
}

/// Shows the connection to Cal.com.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/integrations/calcom",
    operation_id = "read_calcom_connection",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 200, body = ConnectionView)),
)]
pub async fn read(tenant: Tenant, State(app): State<App>) -> ApiResult<Json<ConnectionView>> {
    let settled = app.calcom.settings(tenant.id()).await?;
    view(&app, tenant.id(), &settled.settings).await.map(Json)
}

/// Changes the connection to Cal.com: its API key, address, webhook secrets, and where bookings go.
#[utoipa::path(
    put,
    path = "/api/organizations/{org}/integrations/calcom",
    operation_id = "change_calcom_connection",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = ConnectionWish,
    security(("operator" = [])),
    responses(
        (status = 200, body = ConnectionView),
        (status = 409, description = "`set_by_environment`, or somebody else changed it at the same time", body = Problem),
        (status = 422, description = "`invalid`, `key_refused` or `unreachable`", body = Problem), (status = 503, body = Problem),
    ),
)]
pub async fn change(
    tenant: Tenant,
    State(app): State<App>,
    extract::Json(wish): extract::Json<ConnectionWish>,
) -> ApiResult<Json<ConnectionView>> {
    let organization = tenant.id();
    let key = wish.api_key.as_ref().map(|key| &key.0);
    let settled = app.calcom.settings(organization).await?;
    let next = checked(&app, organization, &wish, &settled.settings).await?;
    match key {
        Some(key) => {
            let user = try_key(&app, &next, key).await?;
            let (before, wanted) = (settled.settings.clone(), next.clone());
            let writing = write(&app, organization, &wish, settled, next);
            leave(&app, organization, &before, &wanted, user, writing).await??;
        }
        None => write(&app, organization, &wish, settled, next).await?,
    }
    done(&app, organization, key.is_some()).await.map(Json)
}

/// Writes the settings that are wanted, with the key, again and again while others change them meanwhile.
async fn write(
    app: &App,
    organization: &OrganizationId,
    wish: &ConnectionWish,
    mut before: Arc<VersionedSettings>,
    mut next: CalcomSettings,
) -> ApiResult<()> {
    for _ in 0..ATTEMPTS {
        let tokens = app.calcom.tokens(organization, &next);
        if let Some(key) = &wish.api_key {
            // Before its address is the one in use: then the one write of the settings changes both.
            tokens.adopt_api_key(key.0.clone()).await?;
        }
        if settings::write(&*app.store, organization, before.revision, &next).await? {
            if next.base_url != before.settings.base_url {
                app.calcom.tokens(organization, &before.settings).forget().await?;
            }
            return Ok(());
        }
        let now = app.calcom.settings(organization).await?;
        let again = wish.applied_to(&now.settings)?;
        // Disconnected meanwhile: this change comes after it, provided that it still means the address that its key is for.
        let is_after = now.settings.is_blank() && again.base_url == next.base_url;
        if now.settings.base_url != before.settings.base_url && !is_after {
            if now.settings.base_url != next.base_url {
                tokens.forget().await?;
            }
            // What was freed to leave the account is blocked again in the one that there is.
            app.sync_schedule.schedule_bookings(organization).await?;
            break;
        }
        (next, before) = (again, now);
    }
    Err(changed_meanwhile())
}

/// The settings that are wanted, provided that they may be.
async fn checked(
    app: &App,
    organization: &OrganizationId,
    wish: &ConnectionWish,
    before: &CalcomSettings,
) -> ApiResult<CalcomSettings> {
    let next = wish.applied_to(before)?;
    let elsewhere = next.base_url != before.base_url;
    if elsewhere || wish.api_key.is_some() {
        refuse_environment(app, organization)?;
    }
    if elsewhere && wish.api_key.is_none() && app.calcom.is_connected(organization).await? {
        let detail =
            "the credentials are kept for the address that they were given for: give `apiKey` with the new `baseUrl`";
        return Err(Problem::invalid(detail));
    }
    app.calcom.check_address(&next).map_err(|error| Problem::invalid(format!("`baseUrl`: {}", error.message())))?;
    Ok(next)
}

/// Frees what is blocked in the account that there is, when another is about to take its place by `then`: only its own credentials
/// can.
pub(super) async fn leave<T: Send>(
    app: &App,
    organization: &OrganizationId,
    before: &CalcomSettings,
    next: &CalcomSettings,
    user: UserId,
    then: impl Future<Output = T> + Send,
) -> sidecar_core::Result<T> {
    let is_same =
        before.base_url == next.base_url && app.calcom.user(organization).await.is_ok_and(|before| before == user);
    if is_same { Ok(then.await) } else { Ok(release_blocks_then(app, organization, then).await?) }
}

/// Frees the times that the server blocked in the account, then runs `change`, which ends the connection to it.
async fn release_blocks_then<T: Send>(
    app: &App,
    organization: &OrganizationId,
    change: impl Future<Output = T> + Send,
) -> Result<T, StoreError> {
    let mut outcome = None;
    let change = Box::pin(async { outcome = Some(change.await) });
    app.account_hooks.release_blocks_then(app, organization, change).await?;
    outcome.ok_or_else(|| StoreError::broken("the change of a Cal.com account was not run"))
}

/// Asks Cal.com whose key it is.
async fn try_key(app: &App, settings: &CalcomSettings, key: &SecretString) -> ApiResult<UserId> {
    let trial = app.calcom.trial(settings, key.clone());
    let trial = trial.map_err(|error| Problem::invalid(format!("`apiKey`: {}", error.message())))?;
    let error = match trial.me().get().await {
        Ok(me) => return Ok(me.id),
        Err(error) => error,
    };
    tracing::warn!(%error, "a new key of Cal.com was not taken");
    Err(match error.kind() {
        ErrorKind::Auth | ErrorKind::Forbidden => {
            let detail = format!("Cal.com refused the key: {}", error.message());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_refused", detail)
        }
        ErrorKind::RateLimited | ErrorKind::Store => error.into(),
        // Not in the provider's words: whoever answers there may be anybody.
        _ => {
            let detail =
                "no Cal.com answers there: check `baseUrl` (an address of the public internet, by https), or try again";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unreachable", detail)
        }
    })
}

async fn done(app: &App, organization: &OrganizationId, by_key: bool) -> ApiResult<ConnectionView> {
    if by_key {
        tracing::info!(%organization, "connected Cal.com by key");
    }
    // Also for settings alone: a new mapping concerns the bookings that there are.
    app.sync_schedule.schedule_bookings(organization).await?;
    let settled = app.calcom.settings(organization).await?;
    view(app, organization, &settled.settings).await
}

/// Disconnects Cal.com: credentials, settings and webhook secrets erased. What was copied stays.
///
/// The times that GHL's appointments block there are freed before, as far as Cal.com answers. Those that were blocked by hand stay
/// blocked, and their handles are good again when the same account is connected again.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/integrations/calcom",
    operation_id = "disconnect_calcom",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Nothing is connected now"),
        (status = 409, description = "`set_by_environment`, or somebody else changed it at the same time", body = Problem),
    ),
)]
pub async fn disconnect(tenant: Tenant, State(app): State<App>) -> ApiResult<StatusCode> {
    let organization = tenant.id();
    refuse_environment(&app, organization)?;
    release_blocks_then(&app, organization, erase(&app, organization)).await??;
    app.sync_schedule.stop_bookings(organization).await?;
    app.account_hooks.disconnected(&app, organization).await?;
    // So that its webhooks end in this process at once.
    app.calcom.settings(organization).await?;
    tracing::info!(%organization, "disconnected from Cal.com");
    Ok(StatusCode::NO_CONTENT)
}

/// Credentials before the settings, and these only as they were read before: whoever gave others meanwhile has either written them
/// already, and all is erased once more, or writes them after all was erased.
async fn erase(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    for _ in 0..ATTEMPTS {
        calendar_feed::forget(app, organization).await?;
        let settled = app.calcom.settings(organization).await?;
        app.calcom.forget(organization).await?;
        if settled.settings.feed_secret.is_none()
            && settings::write(&*app.store, organization, settled.revision, &CalcomSettings::default()).await?
        {
            return Ok(());
        }
    }
    Err(changed_meanwhile())
}

fn changed_meanwhile() -> Problem {
    let detail = "somebody else changed this connection at the same time: look at it and try again";
    Problem::new(StatusCode::CONFLICT, "changed_meanwhile", detail)
}

async fn view(app: &App, organization: &OrganizationId, settings: &CalcomSettings) -> ApiResult<ConnectionView> {
    let stored = app.calcom.tokens(organization, settings).connection().await?;
    let by = match &stored {
        _ if app.calcom.is_from_environment(organization) => Some("environment"),
        Some(connection) if connection.tokens.refresh.is_some() => Some("oauth"),
        Some(_) => Some("api_key"),
        None => None,
    };
    let refused = stored.is_some_and(|connection| connection.state != ConnectionState::Active);
    let secrets = app.config.calcom.secrets_of(organization).len() + settings.webhook_secrets.len();
    Ok(ConnectionView {
        connected: by.is_some(),
        by,
        needs_reauth: refused && by != Some("environment"),
        base_url: settings.base_url.as_ref().map(ToString::to_string),
        profile: settings.profile,
        webhook_url: app.config.address(&format!("/api/webhooks/calcom/{organization}")),
        webhook_secrets: secrets,
        mapping: settings.mapping.clone(),
        default_mapping: settings.default_mapping.clone(),
        block: settings.block,
        calls_per_minute: settings.calls_per_minute,
        feed: settings.feed_secret.is_some(),
    })
}
