//! The door every operation is behind, in one visible order:
//! `faults → version → caller → limits → scope → handler → limit headers → body of a refusal → count`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::error::{self, ApiError};
use super::operations::{Access, Operation};
use super::state::World;
use crate::connection::Cut;
use crate::faults::{self, Fault};
use crate::lock;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// The account's API key.
    Key,
    /// An OAuth access token of the account.
    Token { token: String, scopes: BTreeSet<String> },
    /// Somebody without credentials, or with wrong ones.
    Anybody,
}

impl Caller {
    fn of(world: &World, headers: &HeaderMap) -> Self {
        let Some(token) = bearer(headers) else { return Self::Anybody };
        if token == world.identity.api_key {
            return Self::Key;
        }
        let tokens = lock(&world.tokens);
        match tokens.scopes(token, world.clock.now_ms()) {
            Some(scopes) => Self::Token { token: token.to_owned(), scopes: scopes.clone() },
            None => Self::Anybody,
        }
    }

    /// Whether it is the host: only then flags that overrule the schedule count.
    pub(crate) fn is_host(&self) -> bool {
        !matches!(self, Self::Anybody)
    }

    fn may(&self, scope: &str) -> bool {
        match self {
            Self::Token { scopes, .. } => scope.is_empty() || scopes.contains(scope),
            Self::Key | Self::Anybody => true,
        }
    }

    /// The name that limits know it by.
    fn tracker(&self) -> String {
        match self {
            Self::Key => "key".to_owned(),
            Self::Token { token, .. } => format!("token:{}", token.get(..12).unwrap_or(token)),
            Self::Anybody => "anybody".to_owned(),
        }
    }
}

/// The middleware of one operation.
pub(crate) async fn gate(
    State((world, operation)): State<(Arc<World>, &'static Operation)>,
    request: Request,
    next: Next,
) -> Response {
    let cut = request.extensions().get::<ConnectInfo<Cut>>().map(|info| info.0.clone());
    let path = request.uri().path().to_owned();
    let orders = lock(&world.faults).strike(request.method(), &path, None);
    if orders.latency_ms > 0 {
        world.clock.sleep(orders.latency_ms).await;
    }
    let answer = match orders.fault {
        Some(Fault::Reset) => {
            world.tally.count(operation.name, 0);
            return faults::reset(cut.as_ref()).await;
        }
        Some(Fault::Status { status }) => {
            ApiError::status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).into_response()
        }
        _ if operation.access == Access::Open => next.run(request).await,
        _ => admit(&world, operation, request, next).await,
    };
    let mut answer = error::render(answer, &path, world.clock.now_ms());
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        answer.headers_mut().insert("x-request-id", id);
    }
    world
        .tally
        .count(operation.name, if orders.fault == Some(Fault::ResetAfter) { 0 } else { answer.status().as_u16() });
    match orders.fault {
        Some(fault) => faults::spoil(answer, fault, cut.as_ref(), &world.clock).await,
        None => answer,
    }
}

async fn admit(world: &World, operation: &Operation, mut request: Request, next: Next) -> Response {
    if let Err(error) = versioned(operation, &request) {
        return error.into_response();
    }
    let caller = Caller::of(world, request.headers());
    let verdict = {
        let mut limits = lock(&world.limits);
        let rules = limits.rules;
        let limit = if matches!(caller, Caller::Token { .. }) { rules.per_token } else { rules.per_key };
        limits.take(&caller.tracker(), limit, world.clock.now_ms())
    };
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

/// No route matches another version. Without the header the provider falls back to one whose shapes are not served here.
fn versioned(operation: &Operation, request: &Request) -> Result<(), ApiError> {
    let version = request.headers().get("cal-api-version").and_then(|value| value.to_str().ok());
    let fits = operation.versions.is_empty() || version.is_some_and(|version| operation.versions.contains(&version));
    if fits {
        return Ok(());
    }
    Err(ApiError::not_found(format!("Cannot {} {}", request.method(), request.uri().path())))
}

fn check(operation: &Operation, caller: &Caller, headers: &HeaderMap) -> Result<(), ApiError> {
    if operation.access == Access::Required && !caller.is_host() {
        return Err(ApiError::unauthorized(match bearer(headers) {
            None => "No authentication method provided: pass an API key or an access token as a Bearer token.",
            Some(key) if key.starts_with("cal_") => "Your api key is not valid.",
            Some(_) => "Invalid access token.",
        }));
    }
    if !caller.may(operation.scope) {
        let message = format!("insufficient_scope: the token does not have the scope {}", operation.scope);
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    Ok(())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
