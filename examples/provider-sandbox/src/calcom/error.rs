//! What the provider says when it refuses: its envelope with the exception's name, and OAuth's own pair.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::reply;
use crate::clock::rfc3339;

/// A refusal. As a response it has no body until [`render`] writes it, because the envelope names path and time.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Envelope { message: String, details: Value },
    Bare(Value),
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        let reason = status.canonical_reason().unwrap_or("Error");
        let details = json!({"message": message, "error": reason, "statusCode": status.as_u16()});
        Self { status, body: Body::Envelope { message, details } }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// A field that is not as it should be. The envelope's message says nothing; the reason is in the details.
    pub(crate) fn invalid(property: &str, complaint: impl Into<String>) -> Self {
        let error = json!({"property": property, "constraints": {"isValid": complaint.into()}});
        let details = json!({"errors": [error]});
        let message = "Bad Request Exception".to_owned();
        Self { status: StatusCode::BAD_REQUEST, body: Body::Envelope { message, details } }
    }

    /// The time cannot be booked: nobody is free, or the schedule does not have it.
    pub(crate) fn slot_taken() -> Self {
        Self::bad_request("User either already has booking at this time or is not available")
    }

    pub(crate) fn too_many_requests() -> Self {
        let message = "Too many requests. Please try again later.".to_owned();
        let body = Body::Envelope { details: json!(message), message };
        Self { status: StatusCode::TOO_MANY_REQUESTS, body }
    }

    pub(crate) fn status(status: StatusCode) -> Self {
        Self::new(status, status.canonical_reason().unwrap_or("Error"))
    }

    /// OAuth's pair, as the token endpoint answers.
    pub(crate) fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self { status, body: Body::Bare(json!({"error": error, "error_description": description})) }
    }

    /// The name of the exception that the provider's framework throws for the status.
    fn code(&self) -> &'static str {
        match self.status.as_u16() {
            400 => "BadRequestException",
            401 => "UnauthorizedException",
            403 => "ForbiddenException",
            404 => "NotFoundException",
            409 => "ConflictException",
            422 => "UnprocessableEntityException",
            429 => "ThrottlerException",
            503 => "ServiceUnavailableException",
            _ => "InternalServerErrorException",
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.body {
            Body::Envelope { message, details } if details.get("errors").is_some() => {
                write!(f, "{}: {message}: {details}", self.status.as_u16())
            }
            Body::Envelope { message, .. } => write!(f, "{}: {message}", self.status.as_u16()),
            Body::Bare(body) => write!(f, "{}: {body}", self.status.as_u16()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Writes the body of a refusal; any other answer stays as it is.
pub(crate) fn render(mut answer: Response, path: &str, now_ms: i64) -> Response {
    let Some(error) = answer.extensions_mut().remove::<ApiError>() else { return answer };
    let code = error.code();
    let body = match error.body {
        Body::Bare(body) => body,
        Body::Envelope { message, details } => json!({
            "status": "error", "timestamp": rfc3339(now_ms), "path": path,
            "error": {"code": code, "message": message, "details": details},
        }),
    };
    let mut rendered = reply::json(error.status, &body);
    // Those of the body that was not there are not meant.
    let of_body = [header::CONTENT_LENGTH, header::CONTENT_TYPE];
    let others = answer.headers().iter().filter(|(name, _)| !of_body.contains(name));
    rendered.headers_mut().extend(others.map(|(name, value)| (name.clone(), value.clone())));
    rendered
}
