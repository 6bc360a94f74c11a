//! The appointments of an organization, read from the store.

use axum::{Json, extract::State};
use ghl_client::sync::APPOINTMENT;
use serde::Deserialize;
use sidecar_core::{Timestamp, record::Listing};
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{
        ApiResult,
        extract::Query,
        pagination::{Page, invalid_query},
    },
    records::list::{Document, list_records},
    tenancy::Tenant,
};

/// The query of a listing of appointments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only appointments that start at this time or later (RFC 3339).
    #[param(example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// Only appointments that start before this time (RFC 3339).
    #[param(example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// Only appointments of this location.
    location_id: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists appointments by their start.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/appointments",
    operation_id = "list_appointments",
    tag = "appointments",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    let (from, to) = (time("from", query.from.as_deref())?, time("to", query.to.as_deref())?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(invalid_query("`from` must be before `to`"));
    }
    let filter = Listing { location: query.location_id.map(Into::into), from, to, ..Listing::default() };
    list_records(&app, &tenant, APPOINTMENT, filter, query.limit, query.cursor.as_deref()).await
}

fn time(name: &str, text: Option<&str>) -> ApiResult<Option<Timestamp>> {
    // An unescaped `+` arrives as a space.
    let parse =
        |text: &str| text.replace(' ', "+").parse().map_err(|error| invalid_query(format!("`{name}`: {error}")));
    text.map(parse).transpose()
}
