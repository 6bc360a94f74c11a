//! Answers of the provider: JSON in its envelope.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json as value;

use super::error::ApiError;

/// What every handler returns.
pub(crate) type Answer = Result<Response, ApiError>;

/// `body` as JSON with `status`, without an envelope.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], bytes).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// 200 with `data`.
pub(crate) fn ok(data: &impl Serialize) -> Answer {
    Ok(json(StatusCode::OK, &value!({"status": "success", "data": data})))
}

/// 201 with `data`.
pub(crate) fn created(data: &impl Serialize) -> Answer {
    Ok(json(StatusCode::CREATED, &value!({"status": "success", "data": data})))
}

/// 200 without `data`.
pub(crate) fn done() -> Answer {
    Ok(json(StatusCode::OK, &value!({"status": "success"})))
}
