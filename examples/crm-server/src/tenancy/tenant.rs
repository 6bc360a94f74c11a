use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use sidecar_core::OrganizationId;
use sidecar_store::Organization;

use crate::{
    app::App,
    http::{
        ApiResult, Problem,
        extract::{Operator, Path},
    },
};

/// The organization of the path, if the caller may access it.
#[derive(Debug, Clone)]
pub struct Tenant(pub Organization);

impl Tenant {
    /// Returns its id.
    pub fn id(&self) -> &OrganizationId {
        &self.0.id
    }
}

#[derive(Deserialize)]
struct OrganizationPath {
    org: String,
}

impl FromRequestParts<App> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        Operator::check(&parts.headers, app)?;
        let Path(OrganizationPath { org }) = Path::from_request_parts(parts, app).await?;
        find(app, &org.into()).await.map(Self)
    }
}

/// Returns the organization with this id.
///
/// # Errors
/// 404, the same for an unknown organization and another tenant's.
pub(crate) async fn find(app: &App, id: &OrganizationId) -> ApiResult<Organization> {
    app.store.organization(id).await?.ok_or_else(|| Problem::not_found("organization"))
}
