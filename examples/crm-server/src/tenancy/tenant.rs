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

/// The organization of the path, for somebody who may see it.
#[derive(Debug, Clone)]
pub struct Tenant(pub Organization);

impl Tenant {
    /// Its id.
    pub fn id(&self) -> &OrganizationId {
        &self.0.id
    }
}

#[derive(Deserialize)]
struct InPath {
    org: String,
}

impl FromRequestParts<App> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        Operator::check(&parts.headers, app)?;
        let Path(InPath { org }) = Path::from_request_parts(parts, app).await?;
        find(app, &org.into()).await.map(Self)
    }
}

/// The organization of this id.
///
/// # Errors
/// 404, the same for an unknown and a foreign one.
pub(crate) async fn find(app: &App, id: &OrganizationId) -> ApiResult<Organization> {
    app.store.organization(id).await?.ok_or_else(|| Problem::not_found("organization"))
}
