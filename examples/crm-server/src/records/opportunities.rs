//! Opportunities and pipelines of an organization, read from the store.

use axum::{Json, extract::State};
use ghl_client::sync::{OPPORTUNITY, PIPELINE};
use serde::Deserialize;
use sidecar_core::record::Listing;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{
        ApiResult,
        extract::Query,
        pagination::{self, Document, Page},
    },
    tenancy::Tenant,
};

/// Which opportunities or pipelines to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those of this location.
    location_id: Option<String>,
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists opportunities by their creation.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/opportunities",
    operation_id = "list_opportunities",
    tag = "opportunities",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<Document>>> {
    page(&tenant, &app, OPPORTUNITY, wanted).await
}

/// Lists pipelines with their stages.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/pipelines",
    operation_id = "list_pipelines",
    tag = "opportunities",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list_pipelines(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<Document>>> {
    page(&tenant, &app, PIPELINE, wanted).await
}

async fn page(tenant: &Tenant, app: &App, kind: &'static str, wanted: Wanted) -> ApiResult<Json<Page<Document>>> {
    let mut wish = Listing { location: wanted.location_id.map(Into::into), ..Listing::default() };
    pagination::page_of(&mut wish, wanted.limit, wanted.cursor.as_deref())?;
    let records = app.store.list(tenant.id(), kind, &wish).await?;
    Ok(Json(pagination::page(records, &wish)))
}
