//! An organization's connection to Cal.com: reading, changing and ending it.
//!
//! Invariant: no secret is ever returned; a key is sent only to the address that it was given for, because it is stored under that
//! address.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use calcom_client::model::UserId;
use http::StatusCode;
use secrecy::SecretString;
use serde::Serialize;
use sidecar_core::{ErrorKind, OrganizationId, StoreError, token::ConnectionState};
use utoipa::ToSchema;

use super::{
    calendar_feed,
    connect::reject_environment,
    connection_update::UpdateConnectionRequest,
    settings::{Block, CalcomProfile, CalcomSettings, Mapping, SettingsUpdate, VersionedSettings},
};
use crate::{
    app::App,
    http::{ApiResult, Problem, extract},
    tenancy::Tenant,
};

/// A connection to Cal.com, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// Whether credentials are stored.
    connected: bool,
    /// The kind of credentials: `api_key`, `oauth` or `environment`.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    /// Set when Cal.com rejects them: connect again, or give another key.
    needs_reauth: bool,
    /// The API's address, if the organization set one.
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    /// The edition of the API, if the organization set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<CalcomProfile>,
    /// The address for Cal.com's webhook.
    webhook_url: String,
    /// The number of webhook secrets; without one every delivery is rejected.
    webhook_secrets: usize,
    /// The GHL calendar of an event type's bookings, by event type id.
    #[schema(value_type = BTreeMap<String, Mapping>)]
    mapping: BTreeMap<i64, Mapping>,
    /// The GHL calendar of all other bookings.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_mapping: Option<Mapping>,
    /// The schedule in which times are blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<Block>,
    /// The calls per minute that the account may make, if the organization set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_minute: Option<u32>,
    /// Whether a calendar feed exists.
    feed: bool,
}

/// Reads the connection to Cal.com.
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
    let stored = app.calcom.settings(tenant.id()).await?;
    view(&app, tenant.id(), &stored.settings).await.map(Json)
}

/// Changes the connection to Cal.com: its API key, address, webhook secrets, and where bookings go.
#[utoipa::path(
    put,
    path = "/api/organizations/{org}/integrations/calcom",
    operation_id = "change_calcom_connection",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = UpdateConnectionRequest,
    security(("operator" = [])),
    responses(
        (status = 200, body = ConnectionView),
        (status = 409, description = "`set_by_environment`, or `changed_concurrently` by another request", body = Problem),
        (status = 422, description = "`invalid`, `key_rejected` or `unreachable`", body = Problem), (status = 503, body = Problem),
    ),
)]
pub async fn change(
    tenant: Tenant,
    State(app): State<App>,
    extract::Json(request): extract::Json<UpdateConnectionRequest>,
) -> ApiResult<Json<ConnectionView>> {
    let organization = tenant.id();
    let before = app.calcom.settings(organization).await?;
    let next = validated(&app, organization, &request, &before.settings).await?;
    match &request.api_key {
        Some(key) => {
            let user = user_of_key(&app, &next, &key.0).await?;
            let saving = save(&app, organization, &request, &before, next.clone());
            change_account(&app, organization, &before.settings, &next, user, saving).await??;
            tracing::info!(%organization, "connected Cal.com by key");
        }
        None => save(&app, organization, &request, &before, next).await?,
    }
    // Also for settings alone: a new mapping applies to the existing bookings.
    app.sync_schedule.schedule_bookings(organization).await?;
    let stored = app.calcom.settings(organization).await?;
    view(&app, organization, &stored.settings).await.map(Json)
}

/// Saves the settings and the key. `next` is what the request makes of `before`; when others changed the settings since, the request
/// is applied to theirs.
async fn save(
    app: &App,
    organization: &OrganizationId,
    request: &UpdateConnectionRequest,
    before: &VersionedSettings,
    next: CalcomSettings,
) -> ApiResult<()> {
    let (mut before, mut next) = (before.clone(), next);
    let mut update = SettingsUpdate::new(&*app.store, organization);
    while let Some(stored) = update.read().await? {
        let tokens = app.calcom.tokens(organization, &next);
        if stored.revision != before.revision {
            let reapplied = request.applied_to(&stored.settings)?;
            // After a disconnect the request still applies if its key is for the same address.
            let follows_disconnect = stored.settings.is_blank() && reapplied.base_url == next.base_url;
            if stored.settings.base_url != before.settings.base_url && !follows_disconnect {
                if stored.settings.base_url != next.base_url {
                    tokens.forget().await?;
                }
                // Times that were freed to leave the account are blocked again in the current one.
                app.sync_schedule.schedule_bookings(organization).await?;
                break;
            }
            next = reapplied;
        }
        if let Some(key) = &request.api_key {
            // Stored before the settings name its address: then one write of the settings changes both.
            app.calcom.tokens(organization, &next).adopt_api_key(key.0.clone()).await?;
        }
        if update.write(&stored, &next).await? {
            if next.base_url != stored.settings.base_url {
                app.calcom.tokens(organization, &stored.settings).forget().await?;
            }
            return Ok(());
        }
        before = stored;
    }
    Err(changed_concurrently())
}

/// Returns the settings that the request asks for.
///
/// # Errors
/// They are not valid, or the environment configures the connection.
async fn validated(
    app: &App,
    organization: &OrganizationId,
    request: &UpdateConnectionRequest,
    before: &CalcomSettings,
) -> ApiResult<CalcomSettings> {
    let next = request.applied_to(before)?;
    let moves = next.base_url != before.base_url;
    if moves || request.api_key.is_some() {
        reject_environment(app, organization)?;
    }
    if moves && request.api_key.is_none() && app.calcom.is_connected(organization).await? {
        let detail = "the stored credentials are for another address: give `apiKey` with the new `baseUrl`";
        return Err(Problem::invalid(detail));
    }
    app.calcom.check_address(&next).map_err(|error| Problem::invalid(format!("`baseUrl`: {}", error.message())))?;
    Ok(next)
}

/// Runs `change`, which stores credentials of `user`. If that is another account, frees the blocked times of the current account
/// first: only its own credentials can.
pub(super) async fn change_account<T: Send>(
    app: &App,
    organization: &OrganizationId,
    before: &CalcomSettings,
    next: &CalcomSettings,
    user: UserId,
    change: impl Future<Output = T> + Send,
) -> sidecar_core::Result<T> {
    let is_same =
        before.base_url == next.base_url && app.calcom.user(organization).await.is_ok_and(|before| before == user);
    if is_same { Ok(change.await) } else { Ok(release_blocks_then(app, organization, change).await?) }
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

/// Asks Cal.com for the user of a key.
async fn user_of_key(app: &App, settings: &CalcomSettings, key: &SecretString) -> ApiResult<UserId> {
    let trial = app.calcom.trial(settings, key.clone());
    let trial = trial.map_err(|error| Problem::invalid(format!("`apiKey`: {}", error.message())))?;
    let error = match trial.me().get().await {
        Ok(me) => return Ok(me.id),
        Err(error) => error,
    };
    tracing::warn!(%error, "a new API key of Cal.com was rejected");
    Err(match error.kind() {
        ErrorKind::Auth | ErrorKind::Forbidden => {
            let detail = format!("Cal.com rejected the key: {}", error.message());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_rejected", detail)
        }
        ErrorKind::RateLimited | ErrorKind::Store => error.into(),
        // Without the response's text: any host may be at that address.
        _ => {
            let detail = "Cal.com was not found there: check `baseUrl` (a public address, by https), or try again";
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unreachable", detail)
        }
    })
}

/// Disconnects Cal.com: erases credentials, settings and webhook secrets. Stored bookings stay.
///
/// Times that GHL's appointments block are freed first, as far as Cal.com responds. Manually blocked times stay blocked; their
/// handles are valid again when the same account is connected again.
#[utoipa::path(
    delete,
    path = "/api/organizations/{org}/integrations/calcom",
    operation_id = "disconnect_calcom",
    tag = "integrations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses(
        (status = 204, description = "Disconnected"),
        (status = 409, description = "`set_by_environment`, or `changed_concurrently` by another request", body = Problem),
    ),
)]
pub async fn disconnect(tenant: Tenant, State(app): State<App>) -> ApiResult<StatusCode> {
    let organization = tenant.id();
    reject_environment(&app, organization)?;
    release_blocks_then(&app, organization, erase(&app, organization)).await??;
    app.sync_schedule.stop_bookings(organization).await?;
    app.account_hooks.disconnected(&app, organization).await?;
    // Refreshes the cached settings, so that this process rejects the webhooks at once.
    app.calcom.settings(organization).await?;
    tracing::info!(%organization, "disconnected from Cal.com");
    Ok(StatusCode::NO_CONTENT)
}

/// Erases the calendar feed, the credentials and the settings. Credentials go after the settings are read and before they are
/// written: a concurrent connect either changes the revision, and everything is erased again, or comes after.
async fn erase(app: &App, organization: &OrganizationId) -> ApiResult<()> {
    let mut update = SettingsUpdate::new(&*app.store, organization);
    while let Some(stored) = update.read().await? {
        // Deleting a feed writes the settings: the attempt conflicts, and the next one finds no feed.
        calendar_feed::delete_feed(app, organization).await?;
        app.calcom.delete_credentials(organization).await?;
        if update.write(&stored, &CalcomSettings::default()).await? {
            return Ok(());
        }
    }
    Err(changed_concurrently())
}

fn changed_concurrently() -> Problem {
    let detail = "another request changed these settings at the same time: read them and try again";
    Problem::new(StatusCode::CONFLICT, "changed_concurrently", detail)
}

async fn view(app: &App, organization: &OrganizationId, settings: &CalcomSettings) -> ApiResult<ConnectionView> {
    let stored = app.calcom.tokens(organization, settings).connection().await?;
    let by = match &stored {
        _ if app.calcom.is_from_environment(organization) => Some("environment"),
        Some(connection) if connection.tokens.refresh.is_some() => Some("oauth"),
        Some(_) => Some("api_key"),
        None => None,
    };
    let is_rejected = stored.is_some_and(|connection| connection.state != ConnectionState::Active);
    let secrets = app.config.calcom.secrets_of(organization).len() + settings.webhook_secrets.len();
    Ok(ConnectionView {
        connected: by.is_some(),
        by,
        needs_reauth: is_rejected && by != Some("environment"),
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
