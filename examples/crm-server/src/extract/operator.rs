use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use secrecy::ExposeSecret;
use serde::Deserialize;
use sidecar_core::{OrganizationId, secret};
use sidecar_store::Organization;

use super::Path;
use crate::{
    app::App,
    error::{Answer, Problem},
};

/// Whoever has the operator's token.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl Operator {
    /// Checks the `Authorization` header.
    ///
    /// # Errors
    /// 401 says what is missing: the variable, the header, or the right token.
    pub fn check(headers: &HeaderMap, app: &App) -> Answer<Self> {
        let Some(expected) = &app.config.operator_token else {
            return Err(Problem::unauthorized(
                "this route needs the operator's token, and the server has none: set SIDECAR_OPERATOR_TOKEN and restart it",
            ));
        };
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        let Some(token) = sent else {
            return Err(Problem::unauthorized("send the operator's token: `Authorization: Bearer …`"));
        };
        if secret::same(token.as_bytes(), expected.expose_secret().as_bytes()) {
            return Ok(Self);
        }
        Err(Problem::unauthorized("this is not the operator's token (SIDECAR_OPERATOR_TOKEN of the server)"))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        Self::check(&parts.headers, app)
    }
}

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

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        Operator::check(&parts.headers, app)?;
        let Path(InPath { org }) = Path::from_request_parts(parts, app).await?;
        find(app, &org.into()).await.map(Self)
    }
}

/// The organization of this id.
///
/// # Errors
/// 404, the same for an unknown and a foreign one.
pub(crate) async fn find(app: &App, id: &OrganizationId) -> Answer<Organization> {
    app.store.organization(id).await?.ok_or_else(|| Problem::not_found("organization"))
}
