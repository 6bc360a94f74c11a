//! How the copies stand, and copying at once. The passes themselves run in `work`.

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

/// How a source stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Source)]
pub struct SourceView {
    /// Which source.
    #[schema(example = "GHL_CONTACTS")]
    source: String,
    /// The location it copies; absent where it spans all.
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    /// `HEALTHY`, or `ERROR` when the last pass failed.
    #[schema(example = "HEALTHY")]
    status: &'static str,
    /// When a pass last ended well.
    last_sync_at: Option<String>,
    /// Failures since.
    error_count: u32,
    /// The last failure.
    last_error: Option<String>,
    /// When it is due; absent when it is stopped.
    next_run_at: Option<String>,
    /// `full` or `incremental` while a pass is under way.
    running: Option<&'static str>,
    /// Rows the pass under way has looked at.
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
    /// Each with its state.
    sources: Vec<SourceView>,
}

/// How to copy.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunNow {
    /// Everything, with what was deleted, instead of what changed.
    full: bool,
    /// Also when more than 20 % of what is stored would be removed; each removal is still confirmed by a read. The copy is
    /// full then.
    force: bool,
}

/// How the copies stand.
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

/// Makes every source due now. The body may be left out.
#[utoipa::path(
    post,
    path = "/api/organizations/{org}/sync",
    operation_id = "run_sync",
    tag = "sync",
    params(("org" = String, Path, description = "The organization's id")),
    request_body = Option<RunNow>,
    security(("operator" = [])),
    responses(
        (status = 202, description = "They are due", body = Sources),
        (status = 409, description = "Nothing is connected", body = Problem),
    ),
)]
pub async fn run(
    tenant: Tenant,
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, Json<Sources>)> {
    let RunNow { full, force } = wish(&app, headers, body).await?;
    if app.sync_schedule.schedule_all(tenant.id(), SyncOptions { full, force }).await?.is_empty() {
        let detail = "nothing is connected that could be copied: connect GHL at /api/integrations/ghl/connect";
        return Err(Problem::new(StatusCode::CONFLICT, "reconnect_required", detail));
    }
    Ok((StatusCode::ACCEPTED, Json(sources(&app, &tenant).await?)))
}

/// A body, if there is one, has to be right.
async fn wish(app: &App, headers: HeaderMap, body: Body) -> ApiResult<RunNow> {
    let nothing = axum::body::HttpBody::is_end_stream(&body) && !headers.contains_key(header::CONTENT_TYPE);
    if nothing {
        return Ok(RunNow::default());
    }
    let mut request = http::Request::new(body);
    *request.headers_mut() = headers;
    let extract::Json(wish) = extract::Json::<RunNow>::from_request(request, app).await?;
    Ok(wish)
}

async fn sources(app: &App, tenant: &Tenant) -> ApiResult<Sources> {
    let statuses = app.store.statuses(tenant.id()).await?;
    Ok(Sources { sources: statuses.into_iter().map(Into::into).collect() })
}
