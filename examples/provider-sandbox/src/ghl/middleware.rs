//! The middleware of every GHL operation, in this order:
//! `caller → injected faults → rate limit → version → token kind → scope → handler → rate limit headers → counters`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::operations::{Access, Operation, VERSION_FOR_ALL};
use super::response::ApiError;
use super::state::GhlState;
use super::tokens::{Caller, Resource};
use crate::http_io::bearer_token;
use crate::lock;
use crate::provider::run_as;

/// Handles one request to an operation.
pub(crate) async fn handle(
    State((state, operation)): State<(Arc<GhlState>, &'static Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let caller = bearer_token(request.headers())
        .and_then(|token| lock(&state.tokens).caller(token, state.clock.now_ms()).cloned());
    let resource = caller.as_ref().map(|caller| caller.resource.id());
    let call = state.shared.start_call(operation.name, &request, resource);
    if let Some(response) = call.delay_or_reset().await {
        return response;
    }
    let response = match call.injected_status() {
        Some(status) => ApiError::status(status).into_response(),
        None if operation.access == Access::Open => next.run(request).await,
        None => admit(&state, operation, caller, request, next).await,
    };
    call.finish(response).await
}

/// Checks rate limit and authorization, then runs the handler.
async fn admit(
    state: &GhlState,
    operation: &Operation,
    caller: Option<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let Some(caller) = caller else {
        return ApiError::unauthorized(match bearer_token(request.headers()) {
            Some(_) => "Invalid token: access token is invalid",
            None => "Invalid JWT",
        })
        .into_response();
    };
    let decision = lock(&state.limits).take(caller.resource.id(), state.clock.now_ms());
    let authorized = match decision.allowed {
        true => authorize(operation, caller, request.headers()),
        false => Err(ApiError::too_many_requests()),
    };
    let mut response = run_as(authorized, request, next).await;
    decision.write(response.headers_mut());
    response
}

fn authorize(operation: &Operation, caller: Caller, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let version = headers.get("version").and_then(|value| value.to_str().ok());
    if version != Some(operation.version) && version != Some(VERSION_FOR_ALL) {
        return Err(ApiError::invalid(format!(
            "header Version must be equal to one of the allowed values: {}, {VERSION_FOR_ALL}",
            operation.version
        )));
    }
    let is_company = matches!(caller.resource, Resource::Company(_));
    let is_allowed = match operation.access {
        Access::Open | Access::Either => true,
        Access::Location => !is_company,
        Access::AgencyOnly => is_company && !caller.private,
    };
    if !is_allowed {
        return Err(ApiError::unauthorized(
            "This authClass type is not allowed to access this scope. Please contact us",
        ));
    }
    if !caller.scopes.contains(operation.scope) {
        return Err(ApiError::unauthorized("The token is not authorized for this scope."));
    }
    Ok(caller)
}
