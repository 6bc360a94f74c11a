//! Appointments of an organization, read from the store.

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
        pagination::{self, Document, Page, bad_query},
    },
    tenancy::Tenant,
};

/// Which appointments to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those that begin at this time or later (RFC 3339).
    #[param(example = "2026-03-01T00:00:00Z")]
    from: Option<String>,
    /// Only those that begin before this time (RFC 3339).
    #[param(example = "2026-04-01T00:00:00Z")]
    to: Option<String>,
    /// Only appointments of this location.
    location_id: Option<String>,
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists appointments by their start.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/appointments",
    operation_id = "list_appointments",
    tag = "appointments",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<Document>>> {
    let (from, to) = (time("from", wanted.from.as_deref())?, time("to", wanted.to.as_deref())?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(bad_query("`from` must lie before `to`"));
    }
    let mut wish = Listing { location: wanted.location_id.map(Into::into), from, to, ..Listing::default() };
    pagination::page_of(&mut wish, wanted.limit, wanted.cursor.as_deref())?;
    let records = app.store.list(tenant.id(), APPOINTMENT, &wish).await?;
    Ok(Json(pagination::page(records, &wish)))
}

fn time(name: &str, text: Option<&str>) -> ApiResult<Option<Timestamp>> {
    // A `+` that was not escaped arrives as a blank; no time has a blank elsewhere.
    let parse = |text: &str| text.replace(' ', "+").parse().map_err(|error| bad_query(format!("`{name}`: {error}")));
    text.map(parse).transpose()
}
