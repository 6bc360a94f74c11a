//! Locations (sub-accounts) of an organization, read from the store.

use axum::{Json, extract::State};
use ghl_client::sync::LOCATION;
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

/// Which locations to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists locations.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/locations",
    operation_id = "list_locations",
    tag = "locations",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<Document>>> {
    let mut wish = Listing::default();
    pagination::page_of(&mut wish, wanted.limit, wanted.cursor.as_deref())?;
    let records = app.store.list(tenant.id(), LOCATION, &wish).await?;
    Ok(Json(pagination::page(records, &wish)))
}
