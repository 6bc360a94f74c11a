//! Reading the sync status, and running a sync now.

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, State},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use sidecar_core::sync::{Mode, SyncHealth, SyncStatus};
use utoipa::ToSchema;

use super::schedule::SyncOptions;
use crate::{
    app::App,
    http::{ApiResult, Problem, extract},
    tenancy::Tenant,
};

/// The sync status of a source.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Source)]
pub struct SourceView {
    /// The source.
    #[schema(example = "GHL_CONTACTS")]
    source: String,
    /// The location it syncs; absent for a source of the whole organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    /// `HEALTHY`, or `ERROR` when the last run failed.
    #[schema(example = "HEALTHY")]
    status: &'static str,
    /// When a run last succeeded.
    last_sync_at: Option<String>,
    /// The failures since then.
    error_count: u32,
    /// The last error.
    last_error: Option<String>,
    /// When the next run is due; absent when the sync is stopped.
    next_run_at: Option<String>,
    /// `full` or `incremental` while a run is in progress.
    running: Option<&'static str>,
    /// The rows that the current run has fetched.
    seen: u64,
}

impl From<SyncStatus> for SourceView {
    fn from(status: SyncStatus) -> Self {
        let mode = |progress: &sidecar_core::sync::Progress| match progress.mode {
            Mode::Full => "full",
            Mode::Incremental => "incremental",
        };
        Self {
            source: status.key.source.to_string(),
            location_id: Some(status.key.location.to_string()).filter(|id| !id.is_empty()),
            status: match status.health {
                SyncHealth::Healthy => "HEALTHY",
                SyncHealth::Error => "ERROR",
            },
            last_sync_at: status.last_sync_at.map(|at| at.to_string()),
            error_count: status.error_count,
            last_error: status.last_error,
            next_run_at: status.next_run_at.map(|at| at.to_string()),
            running: status.progress.as_ref().map(mode),
            seen: status.progress.map_or(0, |progress| progress.seen),
        }
    }
}

/// The sources of an organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sources {
    /// Each source with its status.
    sources: Vec<SourceView>,
}

/// The options of a requested sync.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunSyncRequest {
    /// Fetch every row and remove the deleted ones, instead of only the changed rows.
    full: bool,
    /// Continue when more than 20 % of the stored rows would be removed; each removal is still confirmed by a read. Implies a
    /// full run.
    force: bool,
}

/// Reads the sync status of every source.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/sync",
    operation_id = "read_sync",
    tag = "sync",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 200, body = Sources)),
)]
pub async fn read(tenant: Tenant, State(app): State<App>) -> ApiResult<Json<Sources>> {
    sources(&app, &tenant).await.map(Json)
}

/// Runs every source now. The body is optional.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/sync",
    operation_id = "run_sync",
    tag = "sync",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = Option<RunSyncRequest>,
    security(("operator" = [])),
    responses(
        (status = 202, description = "Scheduled", body = Sources),
        (status = 409, description = "Nothing is connected", body = Problem),
    ),
)]
pub async fn run(
    tenant: Tenant,
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, Json<Sources>)> {
    let RunSyncRequest { full, force } = optional_body(&app, headers, body).await?;
    if app.sync_schedule.schedule_all(tenant.id(), SyncOptions { full, force }).await?.is_empty() {
        let detail = "nothing is connected to sync: connect GHL at /api/integrations/ghl/connect";
        return Err(Problem::new(StatusCode::CONFLICT, "reconnect_required", detail));
    }
    Ok((StatusCode::ACCEPTED, Json(sources(&app, &tenant).await?)))
}

/// Parses the optional body.
async fn optional_body(app: &App, headers: HeaderMap, body: Body) -> ApiResult<RunSyncRequest> {
    let is_empty = axum::body::HttpBody::is_end_stream(&body) && !headers.contains_key(header::CONTENT_TYPE);
    if is_empty {
        return Ok(RunSyncRequest::default());
    }
    let mut http_request = http::Request::new(body);
    *http_request.headers_mut() = headers;
    let extract::Json(request) = extract::Json::<RunSyncRequest>::from_request(http_request, app).await?;
    Ok(request)
}

async fn sources(app: &App, tenant: &Tenant) -> ApiResult<Sources> {
    let statuses = app.store.statuses(tenant.id()).await?;
    Ok(Sources { sources: statuses.into_iter().map(Into::into).collect() })
}
