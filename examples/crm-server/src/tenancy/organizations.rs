//! The organizations: the tenants, created by the operator.

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

const MAX_NAME_CHARS: usize = 200;
const MAX_SLUG_CHARS: usize = 63;

/// A request to create an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrganizationRequest {
    /// The display name.
    #[schema(max_length = 200)]
    name: String,
    /// The name in addresses: lower-case letters, digits and dashes.
    #[schema(example = "demo-agency", max_length = 63)]
    slug: String,
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization)]
pub struct OrganizationView {
    /// The id.
    id: String,
    /// The display name.
    name: String,
    /// The name in addresses.
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
    request_body = CreateOrganizationRequest,
    security(("operator" = [])),
    responses(
        (status = 201, body = OrganizationView),
        (status = 409, description = "The slug is taken", body = Problem), (status = 422, body = Problem),
    ),
)]
pub async fn create(
    _: Operator,
    State(app): State<App>,
    extract::Json(new): extract::Json<CreateOrganizationRequest>,
) -> ApiResult<(StatusCode, Json<OrganizationView>)> {
    match create_organization(&*app.store, &new.name, &new.slug, app.now()).await {
        Ok(organization) => Ok((StatusCode::CREATED, Json(organization.into()))),
        Err(CreateOrganizationError::Invalid(why)) => Err(Problem::invalid(why)),
        Err(CreateOrganizationError::Rejected(OrganizationError::Store(error))) => Err(error.into()),
        Err(CreateOrganizationError::Rejected(taken)) => {
            Err(Problem::new(StatusCode::CONFLICT, "slug_taken", taken.to_string()))
        }
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

/// Why an organization cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateOrganizationError {
    /// The name or the slug is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The store rejected it, or failed.
    #[error(transparent)]
    Rejected(#[from] OrganizationError),
}

/// Creates an organization with a new id.
///
/// # Errors
/// [`CreateOrganizationError`] says what to do.
pub async fn create_organization(
    store: &dyn Store,
    name: &str,
    slug: &str,
    now: Timestamp,
) -> Result<Organization, CreateOrganizationError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(CreateOrganizationError::Invalid(format!(
            "the name must have 1 to {MAX_NAME_CHARS} printable characters"
        )));
    }
    let is_dash = |at: Option<char>| at == Some('-');
    let fits = (1..=MAX_SLUG_CHARS).contains(&slug.len())
        && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !is_dash(slug.chars().next())
        && !is_dash(slug.chars().last());
    if !fits {
        return Err(CreateOrganizationError::Invalid(format!(
            "the slug must have 1 to {MAX_SLUG_CHARS} lower-case letters, digits and dashes, without a dash at either end"
        )));
    }
    let id = format!("org_{}", uuid::Uuid::now_v7().simple());
    let organization = Organization { id: id.into(), slug: slug.to_owned(), name: name.to_owned(), created_at: now };
    store.create_organization(&organization).await?;
    Ok(organization)
}
