use std::borrow::Cow;

use axum::{Json, extract::State};
use ghl_client::sync::CONTACT;
use serde::Deserialize;
use sidecar_core::{
    OrganizationId,
    record::{Listing, Record, RecordKey},
};
use utoipa::IntoParams;

use super::InPath;
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Path, Query},
        pagination::{self, Document, Page},
    },
    tenancy::Tenant,
};

/// Which contacts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only contacts whose name, e-mail address, phone number or company holds this.
    query: Option<String>,
    /// Only contacts of this location.
    location_id: Option<String>,
    /// The page before's `nextCursor`.
    cursor: Option<String>,
    /// Rows in the page: 1 to 100, 25 unless set.
    limit: Option<u32>,
}

/// Lists contacts, the newest first.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}/contacts",
    operation_id = "list_contacts",
    tag = "contacts",
    params(("org" = String, Path, description = "The organization's id"), Wanted),
    security(("operator" = [])),
    responses((status = 200, body = Page<Document>)),
)]
pub async fn list(
    tenant: Tenant,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> ApiResult<Json<Page<Document>>> {
    let mut wish = Listing {
        location: wanted.location_id.map(Into::into),
        search: wanted.query.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()),
        newest_first: true,
        ..Listing::default()
    };
    pagination::page_of(&mut wish, wanted.limit, wanted.cursor.as_deref())?;
    let records = app.store.list(tenant.id(), CONTACT, &wish).await?;
    Ok(Json(pagination::page(records, &wish)))
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
pub async fn read(tenant: Tenant, State(app): State<App>, Path(at): Path<InPath>) -> ApiResult<Json<Document>> {
    Ok(Json(live(&app, tenant.id(), &at.id).await?.into()))
}

/// The name of a contact's record.
pub(super) fn key(organization: &OrganizationId, id: &str) -> RecordKey {
    RecordKey { organization: organization.clone(), kind: Cow::Borrowed(CONTACT), id: id.into() }
}

/// A contact that is stored and was not deleted.
pub(super) async fn live(app: &App, organization: &OrganizationId, id: &str) -> ApiResult<Record> {
    let record = app.store.record(&key(organization, id)).await?;
    record.filter(|record| !record.deleted).ok_or_else(|| Problem::not_found("contact"))
}
