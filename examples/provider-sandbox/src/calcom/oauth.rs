//! OAuth: a consent page that consents at once, the token endpoint, and the client's details.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::response::{self, ApiError, ApiResult};
use super::schema::{self, Query};
use super::state::CalcomState;
use super::tokens::{CodeGrant, GrantError, IssuedTokens};
use crate::http_io::{is_form, json_response, redirect_with_code};
use crate::lock;

/// `GET /auth/oauth2/authorize`.
pub(crate) async fn authorize(State(state): State<Arc<CalcomState>>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Query::parse(query.as_deref());
    if query.required("client_id")? != state.identity.client_id {
        return Err(ApiError::not_found("There is no OAuth app with this client_id."));
    }
    if query.get("response_type").is_some_and(|kind| kind != "code") {
        return Err(ApiError::invalid("response_type", "response_type must be code"));
    }
    if query.get("code_challenge").is_some() && query.get("code_challenge_method") != Some("S256") {
        return Err(ApiError::invalid("code_challenge_method", "code_challenge_method must be S256"));
    }
    let redirect_uri = query.required("redirect_uri")?;
    let invalid = |_| ApiError::invalid("redirect_uri", "redirect_uri must be an absolute URL");
    let target = url::Url::parse(redirect_uri).map_err(invalid)?;
    let grant = CodeGrant {
        scope: query.required("scope")?.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        challenge: query.get("code_challenge").map(str::to_owned),
    };
    let code = lock(&state.tokens).grant_code(grant, state.clock.now_ms());
    Ok(redirect_with_code(target, &code, query.get("state")))
}

/// `POST /v2/auth/oauth2/token`, a form or JSON. The response has no envelope.
pub(crate) async fn token(State(state): State<Arc<CalcomState>>, headers: HeaderMap, body: Bytes) -> ApiResult {
    let fields = fields(&headers, &body)?;
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let required_field = |name: &str| {
        let missing = || ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_request", &format!("{name} is required"));
        field(name).ok_or_else(missing)
    };
    let secret = field("client_secret");
    let is_known = required_field("client_id")? == state.identity.client_id
        && secret.is_none_or(|secret| secret == state.identity.client_secret);
    if !is_known {
        return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "client_id or client_secret is wrong"));
    }
    let now_ms = state.clock.now_ms();
    let issued = match required_field("grant_type")? {
        "authorization_code" => {
            if secret.is_none() && field("code_verifier").is_none() {
                let description = "client_secret or code_verifier is required";
                return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", description));
            }
            let (code, redirect_uri) = (required_field("code")?, field("redirect_uri"));
            lock(&state.tokens).exchange(code, redirect_uri, field("code_verifier"), now_ms)
        }
        "refresh_token" => lock(&state.tokens).rotate(required_field("refresh_token")?, now_ms),
        other => {
            let description = format!("grant_type {other} is not supported");
            return Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", &description));
        }
    };
    Ok(token_response(&issued.map_err(grant_error)?))
}

fn token_response(issued: &IssuedTokens) -> Response {
    let body = json!({
        "access_token": issued.access, "token_type": "bearer", "refresh_token": issued.refresh,
        "expires_in": issued.expires_in, "scope": issued.scope,
    });
    json_response(StatusCode::OK, &body)
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    if is_form(headers) {
        return Ok(url::form_urlencoded::parse(body).into_owned().collect());
    }
    let text = |(name, value): (String, Value)| value.as_str().map(|text| (name, text.to_owned()));
    Ok(schema::object(body)?.into_iter().filter_map(text).collect())
}

fn grant_error(error: GrantError) -> ApiError {
    let description = match error {
        GrantError::UnknownCode => "the authorization code is unknown, used or expired",
        GrantError::RedirectMismatch => "redirect_uri does not match the authorization request",
        GrantError::WrongVerifier => "code_verifier does not match the code_challenge",
        GrantError::UnknownToken => "the refresh token is unknown or used",
    };
    ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_grant", description)
}

/// `GET /v2/auth/oauth2/clients/{id}`.
pub(crate) async fn client(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    if id != state.identity.client_id {
        return Err(ApiError::not_found(format!("OAuth client with ID {id} not found")));
    }
    response::ok(&json!({
        "client_id": id, "name": "Sandbox app", "logo": null, "redirect_uri": null, "is_trusted": false,
        "client_type": "CONFIDENTIAL",
    }))
}
