//! The opportunities and pipelines of an organization, read from the store.

use axum::{Json, extract::State};
use ghl_client::sync::{OPPORTUNITY, PIPELINE};
use serde::Deserialize;
use sidecar_core::record::Listing;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{ApiResult, extract::Query, pagination::Page},
    records::list::{Document, list_records},
    tenancy::Tenant,
};

/// The query of a listing of opportunities or pipelines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only rows of this location.
    location_id: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists opportunities by creation time.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/opportunities",
    operation_id = "list_opportunities",
    tag = "opportunities",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    list_kind(&tenant, &app, OPPORTUNITY, query).await
}

/// Lists pipelines with their stages.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/pipelines",
    operation_id = "list_pipelines",
    tag = "opportunities",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list_pipelines(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    list_kind(&tenant, &app, PIPELINE, query).await
}

async fn list_kind(
    tenant: &Tenant,
    app: &App,
    kind: &'static str,
    query: ListQuery,
) -> ApiResult<Json<Page<Document>>> {
    let filter = Listing { location: query.location_id.map(Into::into), ..Listing::default() };
    list_records(app, tenant, kind, filter, query.limit, query.cursor.as_deref()).await
}
