//! Responses of Cal.com: success in an envelope with `data`, errors in an envelope with the exception's name, and OAuth's error pair.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::http_io::json_response;

/// The result of every handler.
pub(crate) type ApiResult = Result<Response, ApiError>;

/// Responds with 200 and `data`.
pub(crate) fn ok(data: &impl Serialize) -> ApiResult {
    Ok(json_response(StatusCode::OK, &json!({"status": "success", "data": data})))
}

/// Responds with 201 and `data`.
pub(crate) fn created(data: &impl Serialize) -> ApiResult {
    Ok(json_response(StatusCode::CREATED, &json!({"status": "success", "data": data})))
}

/// Responds with 200 without `data`.
pub(crate) fn ok_without_data() -> ApiResult {
    Ok(json_response(StatusCode::OK, &json!({"status": "success"})))
}

/// An error. [`render_error`] writes its body, because the envelope contains the path and the time.
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

    /// Returns the error for an invalid field. The envelope's message is generic; the details name the field and the reason.
    pub(crate) fn invalid(property: &str, reason: impl Into<String>) -> Self {
        let error = json!({"property": property, "constraints": {"isValid": reason.into()}});
        let details = json!({"errors": [error]});
        let message = "Bad Request Exception".to_owned();
        Self { status: StatusCode::BAD_REQUEST, body: Body::Envelope { message, details } }
    }

    /// Returns the error for a time that is booked or outside the schedule.
    pub(crate) fn slot_unavailable() -> Self {
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

    /// Returns OAuth's error pair, without an envelope.
    pub(crate) fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self { status, body: Body::Bare(json!({"error": error, "error_description": description})) }
    }

    /// Returns the name of the exception that the provider's framework throws for the status.
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
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of an [`ApiError`]; other responses are unchanged.
pub(crate) fn render_error(mut response: Response, path: &str, now_ms: i64) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let code = error.code();
    let body = match error.body {
        Body::Bare(body) => body,
        Body::Envelope { message, details } => json!({
            "status": "error", "timestamp": rfc3339(now_ms), "path": path,
            "error": {"code": code, "message": message, "details": details},
        }),
    };
    let mut rendered = json_response(error.status, &body);
    // The headers of the empty body do not describe the rendered one.
    let body_headers = [header::CONTENT_LENGTH, header::CONTENT_TYPE];
    let others = response.headers().iter().filter(|(name, _)| !body_headers.contains(name));
    rendered.headers_mut().extend(others.map(|(name, value)| (name.clone(), value.clone())));
    rendered
}
