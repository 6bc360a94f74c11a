//! The middleware of every Cal.com operation, in this order:
//! `injected faults → version → caller → rate limit → authorization → handler → rate limit headers → error body → counters`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::operations::{Access, Operation};
use super::response::{self, ApiError};
use super::state::CalcomState;
use crate::http_io::bearer_token;
use crate::lock;
use crate::provider::run_as;

/// The caller of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// The account's API key.
    ApiKey,
    /// An OAuth access token of the account.
    AccessToken { token: String, scopes: BTreeSet<String> },
    /// No credentials, or invalid ones.
    Anonymous,
}

impl Caller {
    fn authenticate(state: &CalcomState, headers: &HeaderMap) -> Self {
        let Some(token) = bearer_token(headers) else { return Self::Anonymous };
        if token == state.identity.api_key {
            return Self::ApiKey;
        }
        let tokens = lock(&state.tokens);
        match tokens.scopes(token, state.clock.now_ms()) {
            Some(scopes) => Self::AccessToken { token: token.to_owned(), scopes: scopes.clone() },
            None => Self::Anonymous,
        }
    }

    /// Returns whether the caller is the host. Only the host may use flags that override the schedule.
    pub(crate) fn is_host(&self) -> bool {
        !matches!(self, Self::Anonymous)
    }

    fn has_scope(&self, scope: &str) -> bool {
        match self {
            Self::AccessToken { scopes, .. } => scope.is_empty() || scopes.contains(scope),
            Self::ApiKey | Self::Anonymous => true,
        }
    }

    /// Returns the key of the caller's rate limit.
    fn rate_limit_key(&self) -> String {
        match self {
            Self::ApiKey => "key".to_owned(),
            Self::AccessToken { token, .. } => format!("token:{}", token.get(..12).unwrap_or(token)),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// Handles one request to an operation.
pub(crate) async fn handle(
    State((state, operation)): State<(Arc<CalcomState>, &'static Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let call = state.shared.start_call(operation.name, &request, None);
    if let Some(response) = call.delay_or_reset().await {
        return response;
    }
    let response = match call.injected_status() {
        Some(status) => ApiError::status(status).into_response(),
        None if operation.access == Access::Open => next.run(request).await,
        None => admit(&state, operation, request, next).await,
    };
    let mut response = response::render_error(response, &path, state.clock.now_ms());
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        response.headers_mut().insert("x-request-id", id);
    }
    call.finish(response).await
}

/// Checks version, rate limit and authorization, then runs the handler.
async fn admit(state: &CalcomState, operation: &Operation, request: Request, next: Next) -> Response {
    if let Err(error) = check_version(operation, &request) {
        return error.into_response();
    }
    let caller = Caller::authenticate(state, request.headers());
    let decision = {
        let mut limits = lock(&state.limits);
        let rules = limits.rules;
        let limit = if matches!(caller, Caller::AccessToken { .. }) { rules.per_token } else { rules.per_key };
        limits.take(&caller.rate_limit_key(), limit, state.clock.now_ms())
    };
    let authorized = match decision.allowed {
        true => authorize(operation, caller, request.headers()),
        false => Err(ApiError::too_many_requests()),
    };
    let mut response = run_as(authorized, request, next).await;
    decision.write(response.headers_mut());
    response
}

/// Responds with 404 for another version, because no route matches it. Without the header the provider falls back to a version
/// that the sandbox does not serve.
fn check_version(operation: &Operation, request: &Request) -> Result<(), ApiError> {
    let version = request.headers().get("cal-api-version").and_then(|value| value.to_str().ok());
    let is_served =
        operation.versions.is_empty() || version.is_some_and(|version| operation.versions.contains(&version));
    if is_served {
        return Ok(());
    }
    Err(ApiError::not_found(format!("Cannot {} {}", request.method(), request.uri().path())))
}

fn authorize(operation: &Operation, caller: Caller, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if operation.access == Access::Required && !caller.is_host() {
        return Err(ApiError::unauthorized(match bearer_token(headers) {
            None => "No authentication method provided: pass an API key or an access token as a Bearer token.",
            Some(key) if key.starts_with("cal_") => "Your api key is not valid.",
            Some(_) => "Invalid access token.",
        }));
    }
    if !caller.has_scope(operation.scope) {
        let message = format!("insufficient_scope: the token does not have the scope {}", operation.scope);
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    Ok(caller)
}
