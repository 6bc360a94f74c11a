//! The door every operation is behind, in one visible order:
//! `faults → token → limits → version → whose token → scope → handler → limit headers → count`.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use super::error::ApiError;
use super::operations::{Access, Operation, VERSION_FOR_ALL};
use super::state::World;
use super::tokens::{Caller, Resource};
use crate::connection::Cut;
use crate::faults::{self, Fault};
use crate::lock;

/// The middleware of one operation.
pub(crate) async fn gate(
    State((world, operation)): State<(Arc<World>, &'static Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let cut = request.extensions().get::<ConnectInfo<Cut>>().map(|info| info.0.clone());
    let caller =
        bearer(request.headers()).and_then(|token| lock(&world.tokens).caller(token, world.clock.now_ms()).cloned());
    let resource = caller.as_ref().map(|caller| caller.resource.id());
    let orders = lock(&world.faults).strike(request.method(), request.uri().path(), resource);
    if orders.latency_ms > 0 {
        world.clock.sleep(orders.latency_ms).await;
    }
    let answer = match orders.fault {
        Some(Fault::Reset) => {
            world.tally.count(operation.name, 0);
            return faults::reset(cut.as_ref()).await;
        }
        Some(Fault::Status { status }) => refuse(status),
        _ if operation.access == Access::Open => next.run(request).await,
        _ => admit(&world, operation, caller, request, next).await,
    };
    world
        .tally
        .count(operation.name, if orders.fault == Some(Fault::ResetAfter) { 0 } else { answer.status().as_u16() });
    match orders.fault {
        Some(fault) => faults::spoil(answer, fault, cut.as_ref(), &world.clock).await,
        None => answer,
    }
}

/// The answer of a `Status` fault.
fn refuse(status: u16) -> Response {
    ApiError::status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).into_response()
}

async fn admit(
    world: &World,
    operation: &Operation,
    caller: Option<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(caller) = caller else {
        return ApiError::unauthorized(match bearer(request.headers()) {
            Some(_) => "Invalid token: access token is invalid",
            None => "Invalid JWT",
        })
        .into_response();
    };
    let verdict = lock(&world.limits).take(caller.resource.id(), world.clock.now_ms());
    let checked = match verdict.allowed {
        true => check(operation, &caller, request.headers()),
        false => Err(ApiError::too_many_requests()),
    };
    let mut answer = match checked {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    verdict.write(answer.headers_mut());
    answer
}

fn check(operation: &Operation, caller: &Caller, headers: &HeaderMap) -> Result<(), ApiError> {
    let version = headers.get("version").and_then(|value| value.to_str().ok());
    if version != Some(operation.version) && version != Some(VERSION_FOR_ALL) {
        let message = format!(
            "header Version must be equal to one of the allowed values: {}, {VERSION_FOR_ALL}",
            operation.version
        );
        return Err(ApiError::unprocessable(vec![message]));
    }
    let of_company = matches!(caller.resource, Resource::Company(_));
    let fits = match operation.access {
        Access::Open | Access::Either => true,
        Access::Location => !of_company,
        Access::AgencyOnly => of_company && !caller.private,
    };
    if !fits {
        return Err(ApiError::unauthorized(
            "This authClass type is not allowed to access this scope. Please contact us",
        ));
    }
    if !caller.scopes.contains(operation.scope) {
        return Err(ApiError::unauthorized("The token is not authorized for this scope."));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
