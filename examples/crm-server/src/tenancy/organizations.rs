//! Organizations: the tenants. Made by the operator; everything else belongs to one.

use axum::{Json, extract::State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sidecar_core::Timestamp;
use sidecar_store::{Organization, OrganizationError, Store};
use utoipa::ToSchema;

use super::Tenant;
use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{self, Operator},
        pagination::Page,
    },
};

const LONGEST_NAME: usize = 200;
const LONGEST_SLUG: usize = 63;

/// An organization to be created.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganization {
    /// Its name for people.
    #[schema(max_length = 200)]
    name: String,
    /// Its name in addresses: lower-case letters, digits and dashes.
    #[schema(example = "demo-agency", max_length = 63)]
    slug: String,
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization)]
pub struct OrganizationView {
    /// Its id.
    id: String,
    /// Its name for people.
    name: String,
    /// Its name in addresses.
    slug: String,
    /// When it was created.
    created_at: String,
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name,
            slug: organization.slug,
            created_at: organization.created_at.to_string(),
        }
    }
}

/// Creates an organization.
#[utoipa::path(
    post,
    path = "/api/organizations",
    operation_id = "create_organization",
    tag = "organizations",
    request_body = NewOrganization,
    security(("operator" = [])),
    responses(
        (status = 201, body = OrganizationView),
        (status = 409, description = "The slug is taken", body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn create(
    _: Operator,
    State(app): State<App>,
    extract::Json(new): extract::Json<NewOrganization>,
) -> ApiResult<(StatusCode, Json<OrganizationView>)> {
    match make(&*app.store, &new.name, &new.slug, app.now()).await {
        Ok(organization) => Ok((StatusCode::CREATED, Json(organization.into()))),
        Err(MakeError::Invalid(why)) => Err(Problem::invalid(why)),
        Err(MakeError::Refused(OrganizationError::Store(error))) => Err(error.into()),
        Err(MakeError::Refused(taken)) => Err(Problem::new(StatusCode::CONFLICT, "slug_taken", taken.to_string())),
    }
}

/// Lists the organizations, oldest first.
#[utoipa::path(
    get,
    path = "/api/organizations",
    operation_id = "list_organizations",
    tag = "organizations",
    security(("operator" = [])),
    responses((status = 200, body = Page<OrganizationView>)),
)]
pub async fn list(_: Operator, State(app): State<App>) -> ApiResult<Json<Page<OrganizationView>>> {
    let items = app.store.organizations().await?.into_iter().map(Into::into).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

/// Reads an organization.
#[utoipa::path(
    get,
    path = "/api/organizations/{org}",
    operation_id = "read_organization",
    tag = "organizations",
    params(("org" = String, Path, description = "The organization's id")),
    security(("operator" = [])),
    responses((status = 200, body = OrganizationView)),
)]
pub async fn read(Tenant(organization): Tenant) -> Json<OrganizationView> {
    Json(organization.into())
}

/// An organization cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// Name or slug cannot be right.
    #[error("{0}")]
    Invalid(String),
    /// The store refused.
    #[error(transparent)]
    Refused(#[from] OrganizationError),
}

/// Makes an organization under a new id.
///
/// # Errors
/// [`MakeError`] says what to do.
pub async fn make(store: &dyn Store, name: &str, slug: &str, now: Timestamp) -> Result<Organization, MakeError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(MakeError::Invalid(format!("the name must have 1 to {LONGEST_NAME} printable characters")));
    }
    let is_dash = |at: Option<char>| at == Some('-');
    let fits = (1..=LONGEST_SLUG).contains(&slug.len())
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !is_dash(slug.chars().next())
        && !is_dash(slug.chars().last());
    if !fits {
        return Err(MakeError::Invalid(format!(
            "the slug must have 1 to {LONGEST_SLUG} lower-case letters, digits and dashes, with no dash at its ends"
        )));
    }
    let id = format!("org_{}", uuid::Uuid::now_v7().simple());
    let organization = Organization { id: id.into(), slug: slug.to_owned(), name: name.to_owned(), created_at: now };
    store.create_organization(&organization).await?;
    Ok(organization)
}
