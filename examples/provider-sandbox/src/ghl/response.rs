//! Responses of GHL: JSON bodies, errors in the NestJS format with a `traceId`, and OAuth's error pair.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http_io::json_response;

/// The result of every handler.
pub(crate) type ApiResult = Result<Response, ApiError>;

pub(crate) fn ok(body: &impl Serialize) -> ApiResult {
    Ok(json_response(StatusCode::OK, body))
}

pub(crate) fn created(body: &impl Serialize) -> ApiResult {
    Ok(json_response(StatusCode::CREATED, body))
}

/// An error response.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Value,
}

impl ApiError {
    /// Returns `{statusCode, message, error, traceId}`; `message` is a string or an array of strings.
    fn nest(status: StatusCode, message: impl Into<Value>) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let body =
            json!({"statusCode": status.as_u16(), "message": message.into(), "error": reason, "traceId": trace_id()});
        Self { status, body }
    }

    pub(crate) fn bad_request(message: impl Into<Value>) -> Self {
        Self::nest(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::nest(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn location_forbidden() -> Self {
        Self::nest(StatusCode::FORBIDDEN, "The token does not have access to this location.")
    }

    /// Returns the 422 for one invalid field.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::unprocessable(vec![message.into()])
    }

    /// Returns the 422 with the errors of all invalid fields.
    pub(crate) fn unprocessable(messages: Vec<String>) -> Self {
        Self::nest(StatusCode::UNPROCESSABLE_ENTITY, messages)
    }

    pub(crate) fn too_many_requests() -> Self {
        let body = json!({"message": "Too Many Requests", "statusCode": 429});
        Self { status: StatusCode::TOO_MANY_REQUESTS, body }
    }

    pub(crate) fn status(status: StatusCode) -> Self {
        Self::nest(status, status.canonical_reason().unwrap_or("Error"))
    }

    /// Returns the error for a location that does not allow contacts with the same e-mail or phone; `meta` names the existing contact.
    pub(crate) fn duplicate_contact(contact_id: &str, name: &str, matching_field: &str) -> Self {
        let body = json!({
            "statusCode": 400,
            "message": "This location does not allow duplicated contacts.",
            "meta": {"contactId": contact_id, "contactName": name, "matchingField": matching_field},
            "traceId": trace_id(),
        });
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    /// Returns OAuth's error pair.
    pub(crate) fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self { status, body: json!({"error": error, "error_description": description}) }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status.as_u16(), self.body["message"])
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json_response(self.status, &self.body)
    }
}

/// Returns a new trace id.
pub(crate) fn trace_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
