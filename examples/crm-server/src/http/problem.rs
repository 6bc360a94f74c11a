//! Errors of the HTTP API, as `application/problem+json`.
//!
//! Invariant: a caller's mistake is never a 5xx, and an internal error shows the caller only the request's id; the log has the rest.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use calcom_client::CalcomErrorReason;
use ghl_client::{GhlErrorExt, GhlErrorReason};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Retry, StoreError};
use utoipa::ToSchema;

use crate::error::chain;

/// The result of a handler.
pub type ApiResult<T> = Result<T, Problem>;

/// An error response, as `application/problem+json` (RFC 9457). The middleware adds the request's id.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: `code` identifies the problem.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The name of the status.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16, example = 404)]
    status: StatusCode,
    /// What happened and what to do.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The problem's code, for programs.
    #[schema(example = "not_found")]
    code: &'static str,
    /// The request's id, by which the log can be searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) request_id: Option<Box<str>>,
    /// Additional members, such as `contactId` of a duplicate.
    #[serde(flatten)]
    #[schema(additional_properties)]
    more: Map<String, Value>,
    /// Whole seconds.
    #[serde(skip)]
    retry_after: Option<u32>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// Returns a problem with a status, a code for programs and a text for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            detail: detail.into().into_boxed_str(),
            code,
            request_id: None,
            more: Map::new(),
            retry_after: None,
        }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the `Retry-After` header.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1));
        self
    }

    /// Replaces the status, for senders that act on the status alone.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self.title = status.canonical_reason().unwrap_or("Error");
        self
    }

    /// 422 `invalid`: the request's content is not valid.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// 404 `not_found`: the same for an unknown resource and one of another organization.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} not found"))
    }

    /// 401 `unauthorized`: credentials are missing or not valid.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 500 `internal`: the server failed. The cause is logged.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let detail = "the server failed; its log has the cause under the request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Builds the response. The middleware builds it again with the request's id.
    pub(crate) fn respond(&self) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let error_chain = chain(&error);
        if !error.is_retryable() {
            return Self::internal(&error_chain);
        }
        tracing::error!(error = error_chain, "the store failed");
        let detail = "the database is not available: try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(Duration::from_secs(1))
    }
}

/// Maps a failed provider call to a problem.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.message();
        let provider = provider(&error);
        let problem = match error.kind() {
            ErrorKind::Auth => Self::new(
                StatusCode::CONFLICT,
                "reconnect_required",
                match provider {
                    CALCOM => {
                        "Cal.com is not connected: connect it at /api/integrations/calcom/connect, or give another API key"
                    }
                    _ => "GHL is not connected: connect it at /api/integrations/ghl/connect",
                },
            ),
            ErrorKind::Forbidden => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden_at_provider",
                format!("{provider} does not allow it: {message}"),
            ),
            ErrorKind::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "not_found", format!("{provider} responded with not found: {message}"))
            }
            ErrorKind::Conflict => conflict(&error),
            ErrorKind::Rejected => invalid(&error),
            // A caller's invalid input is reported; the operator's configuration is not.
            ErrorKind::InvalidInput
                if error.send_state() == sidecar_core::SendState::NotSent && error.status().is_none() =>
            {
                Self::invalid(message)
            }
            ErrorKind::RateLimited => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider_limit",
                format!("the rate limit of {provider} for this account is exhausted: try again later"),
            ),
            ErrorKind::Deadline => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "provider_timeout",
                format!("{provider} did not respond in time: {message}"),
            ),
            ErrorKind::Store => {
                tracing::error!(error = chain(&error), "the store failed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database is not available: try again")
            }
            _ => Self::new(StatusCode::BAD_GATEWAY, "provider_failed", format!("{provider} failed: {message}")),
        };
        if problem.status.is_server_error() {
            tracing::warn!(error = chain(&error), "a provider call failed");
        }
        let problem = match error.request_id() {
            Some(trace) => problem.with("providerTraceId", trace),
            None => problem,
        };
        match error.retry() {
            Retry::After(wait) => problem.retry_after(wait.unwrap_or(Duration::from_secs(1))),
            Retry::Never => problem,
        }
    }
}

const CALCOM: &str = "Cal.com";

/// The provider's display name.
fn provider(error: &Error) -> &'static str {
    if error.provider() == "calcom" { CALCOM } else { "GHL" }
}

fn conflict(error: &Error) -> Problem {
    if let Some(CalcomErrorReason::SlotTaken) = error.detail() {
        let detail =
            "the slot is not available: read the availability again, and check whether the booking was created";
        return Problem::new(StatusCode::CONFLICT, "slot_taken", detail);
    }
    match error.problem() {
        Some(GhlErrorReason::DuplicateContact { contact_id, matching_field }) => {
            let detail =
                "the location already has a contact with this e-mail address or phone number: update that contact";
            Problem::new(StatusCode::CONFLICT, "duplicate_contact", detail)
                .with("contactId", contact_id.as_ref().map(|id| id.as_str()))
                .with("matchingField", matching_field.as_deref())
        }
        _ => {
            let detail = format!("conflict reported by {}: {}", provider(error), error.message());
            Problem::new(StatusCode::CONFLICT, "conflict", detail)
        }
    }
}

fn invalid(error: &Error) -> Problem {
    let detail = format!("{} rejected the request: {}", provider(error), error.message());
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
    let errors = match (error.problem(), error.detail()) {
        (Some(GhlErrorReason::Validation(errors)), _) | (_, Some(CalcomErrorReason::Validation(errors))) => errors,
        _ => return problem,
    };
    problem.with("errors", errors.clone())
}
