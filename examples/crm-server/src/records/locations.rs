//! The locations (sub-accounts) of an organization, read from the store.

use axum::{Json, extract::State};
use ghl_client::sync::LOCATION;
use serde::Deserialize;
use sidecar_core::record::Listing;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{ApiResult, extract::Query, pagination::Page},
    records::list::{Document, list_records},
    tenancy::Tenant,
};

/// The query of a listing of locations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists locations.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/locations",
    operation_id = "list_locations",
    tag = "locations",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    list_records(&app, &tenant, LOCATION, Listing::default(), query.limit, query.cursor.as_deref()).await
}
