use std::borrow::Cow;

use axum::{Json, extract::State};
use ghl_client::sync::CONTACT;
use serde::Deserialize;
use sidecar_core::{
    OrganizationId,
    record::{Listing, Record, RecordKey},
};
use utoipa::IntoParams;

use super::ContactPath;
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Path, Query},
        pagination::Page,
    },
    records::list::{Document, list_records},
    tenancy::Tenant,
};

/// The query of a listing of contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only contacts whose name, e-mail address, phone number or company contains this.
    query: Option<String>,
    /// Only contacts of this location.
    location_id: Option<String>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100; 25 by default.
    limit: Option<u32>,
}

/// Lists contacts, newest first.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/contacts",
    operation_id = "list_contacts",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id"), ListQuery),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<Document>>> {
    let filter = Listing {
        location: query.location_id.map(Into::into),
        search: query.query.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()),
        newest_first: true,
        ..Listing::default()
    };
    list_records(&app, &tenant, CONTACT, filter, query.limit, query.cursor.as_deref()).await
}

/// Reads a contact.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/contacts/{id}",
    operation_id = "read_contact",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id"), ("id" = String, Path, description = "The contact's id at GHL")),
    security(("operator" = [])),
    responses((status = 200, body = Document)),
)]
pub async fn read(tenant: Tenant, State(app): State<App>, Path(path): Path<ContactPath>) -> ApiResult<Json<Document>> {
    Ok(Json(live(&app, tenant.id(), &path.id).await?.into()))
}

/// The key of a contact's record.
pub(super) fn key(organization: &OrganizationId, id: &str) -> RecordKey {
    RecordKey { organization: organization.clone(), kind: Cow::Borrowed(CONTACT), id: id.into() }
}

/// Returns a stored contact.
///
/// # Errors
/// 404 when it is unknown or deleted.
pub(super) async fn live(app: &App, organization: &OrganizationId, id: &str) -> ApiResult<Record> {
    let record = app.store.record(&key(organization, id)).await?;
    record.filter(|record| !record.deleted).ok_or_else(|| Problem::not_found("contact"))
}
