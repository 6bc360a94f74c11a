//! The middleware of every request: its id, span, metrics, and panics.
//!
//! Invariant: every response carries `x-request-id`, and every error is a problem with that id.

use std::any::Any;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use tracing::Instrument;

use super::Problem;
use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced.
const MAX_ID_BYTES: usize = 64;

/// Assigns the request's id, measures and logs the request, and adds the id to a problem.
pub async fn observe(State(app): State<App>, matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    // The template and not the path: a path may contain secrets, and its values are unbounded.
    let route = matched.as_ref().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "http request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request.id = id,
    );
    let started = app.clock.monotonic();
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = Some(id.as_str().into());
        let allowed = response.headers_mut().remove(header::ALLOW);
        response = problem.respond();
        if let Some(methods) = allowed {
            response.headers_mut().insert(header::ALLOW, methods);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = app.clock.monotonic().saturating_sub(started);
    app.metrics.request(&method, &route, response.status(), took);
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), ?took, "responded"));
    response
}

/// Returns the caller's id if it is valid, else a new one.
fn request_id(request: &Request) -> String {
    let sent = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_valid = |id: &&str| {
        (1..=MAX_ID_BYTES).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    sent.filter(is_valid).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// Turns a panic of a handler into a problem.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::internal(&text.unwrap_or_else(|| "a handler panicked".to_owned())).into_response()
}

/// The problem of an unknown path.
pub async fn no_such_route() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "no_such_route", "route not found: /openapi.json lists all routes")
}

/// The problem of a method that a route does not support.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not support {method}: /openapi.json lists its methods", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
