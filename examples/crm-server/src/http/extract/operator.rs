use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use secrecy::ExposeSecret;
use sidecar_core::secret;

use crate::{
    app::App,
    http::{ApiResult, Problem},
};

/// The caller has the operator's token.
#[derive(Debug, Clone, Copy)]
pub struct Operator;

impl Operator {
    /// Checks the `Authorization` header.
    ///
    /// # Errors
    /// 401 names what is missing: the variable, the header, or the valid token.
    pub fn check(headers: &HeaderMap, app: &App) -> ApiResult<Self> {
        let Some(expected) = &app.config.operator_token else {
            return Err(Problem::unauthorized(
                "this route requires the operator's token, and the server has none: set SIDECAR_OPERATOR_TOKEN and restart it",
            ));
        };
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        let Some(token) = sent else {
            return Err(Problem::unauthorized("send the operator's token: `Authorization: Bearer …`"));
        };
        if secret::same(token.as_bytes(), expected.expose_secret().as_bytes()) {
            return Ok(Self);
        }
        Err(Problem::unauthorized("the token is not the operator's (SIDECAR_OPERATOR_TOKEN of the server)"))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        Self::check(&parts.headers, app)
    }
}
