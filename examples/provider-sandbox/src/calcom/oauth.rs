//! OAuth: the page that agrees at once, the token endpoint with its bare answers, and what is shown of the client.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::error::ApiError;
use super::reply::{self, Answer};
use super::shape::{self, Query};
use super::state::World;
use super::tokens::{Grant, Issued, Refused};
use crate::lock;

/// `GET /auth/oauth2/authorize`: 302 to the app with a code and the state it sent.
pub(crate) async fn authorize(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Answer {
    let query = Query::parse(query.as_deref());
    if query.need("client_id")? != world.identity.client_id {
        return Err(ApiError::not_found("There is no OAuth app with this client_id."));
    }
    if query.get("response_type").is_some_and(|kind| kind != "code") {
        return Err(ApiError::invalid("response_type", "response_type must be code"));
    }
    if query.get("code_challenge").is_some() && query.get("code_challenge_method") != Some("S256") {
        return Err(ApiError::invalid("code_challenge_method", "code_challenge_method must be S256"));
    }
    let redirect_uri = query.need("redirect_uri")?;
    let wrong = |_| ApiError::invalid("redirect_uri", "redirect_uri must be an absolute URL");
    let mut target = url::Url::parse(redirect_uri).map_err(wrong)?;
    let grant = Grant {
        scope: query.need("scope")?.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        challenge: query.get("code_challenge").map(str::to_owned),
    };
    let code = lock(&world.tokens).grant_code(grant, world.clock.now_ms());
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = query.get("state") {
        target.query_pairs_mut().append_pair("state", state);
    }
    Ok((StatusCode::FOUND, [(header::LOCATION, target.to_string())]).into_response())
}

/// `POST /v2/auth/oauth2/token`, a form or JSON. The answer has no envelope.
pub(crate) async fn token(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Answer {
    let fields = fields(&headers, &body)?;
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let need = |name: &str| {
        let missing = || ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_request", &format!("{name} is required"));
        field(name).ok_or_else(missing)
    };
    let secret = field("client_secret");
    let known = need("client_id")? == world.identity.client_id
        && secret.is_none_or(|secret| secret == world.identity.client_secret);
    if !known {
        return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", "client_id or client_secret is wrong"));
    }
    let now_ms = world.clock.now_ms();
    let issued = match need("grant_type")? {
        "authorization_code" => {
            if secret.is_none() && field("code_verifier").is_none() {
                let why = "client_secret or code_verifier is required";
                return Err(ApiError::oauth(StatusCode::UNAUTHORIZED, "invalid_client", why));
            }
            let (code, redirect_uri) = (need("code")?, field("redirect_uri"));
            lock(&world.tokens).exchange(code, redirect_uri, field("code_verifier"), now_ms)
        }
        "refresh_token" => lock(&world.tokens).rotate(need("refresh_token")?, now_ms),
        other => {
            let why = format!("grant_type {other} is not supported");
            return Err(ApiError::oauth(StatusCode::BAD_REQUEST, "unsupported_grant_type", &why));
        }
    };
    Ok(pair(&issued.map_err(refuse)?))
}

fn pair(issued: &Issued) -> Response {
    let body = json!({
        "access_token": issued.access, "token_type": "bearer", "refresh_token": issued.refresh,
        "expires_in": issued.expires_in, "scope": issued.scope,
    });
    reply::json(StatusCode::OK, &body)
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        return Ok(url::form_urlencoded::parse(body).into_owned().collect());
    }
    let text = |(name, value): (String, Value)| value.as_str().map(|text| (name, text.to_owned()));
    Ok(shape::object(body)?.into_iter().filter_map(text).collect())
}

fn refuse(refused: Refused) -> ApiError {
    let why = match refused {
        Refused::UnknownCode => "the authorization code is unknown, used or expired",
        Refused::RedirectMismatch => "redirect_uri is not the one the code was made for",
        Refused::WrongVerifier => "code_verifier does not fit the code_challenge",
        Refused::UnknownToken => "the refresh token is unknown or used",
    };
    ApiError::oauth(StatusCode::BAD_REQUEST, "invalid_grant", why)
}

/// `GET /v2/auth/oauth2/clients/{id}`.
pub(crate) async fn client(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    if id != world.identity.client_id {
        return Err(ApiError::not_found(format!("OAuth client with ID {id} not found")));
    }
    reply::ok(&json!({
        "client_id": id, "name": "Sandbox app", "logo": null, "redirect_uri": null, "is_trusted": false,
        "client_type": "CONFIDENTIAL",
    }))
}
