//! Maps an error response to a [`CalcomErrorReason`] and an [`Error`].
//!
//! Only the wording distinguishes many errors; `docs/providers/calcom.md` lists the phrases.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{
    Error, ErrorKind, SendState,
    client::{MessageText, describe, kind_of_status},
    http::{ErrorResponse, Response},
    rate_limit::headers,
};

use super::{CalcomErrorReason, body::ErrorBody};
use crate::limits;

/// The provider's placeholder for a missing request id.
const NO_REQUEST_ID: &str = "unknown-request-id";

pub(super) fn parse_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
    let body = ErrorBody::read(body);
    let reason = reason(status, &body);
    let mut error = Error::new(kind(status, &reason), describe(&body.messages, status, reason.advice()));
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    if let Some(id) = id.filter(|id| !id.is_empty() && *id != NO_REQUEST_ID) {
        error = error.with_request_id(id);
    }
    if let Some(code) = &body.code {
        error = error.with_code(code);
    }
    let wait = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(limits::wait(headers)),
        _ => headers::retry_after(headers),
    };
    if let Some(wait) = wait {
        error = error.with_retry_after(wait);
    }
    let token_expired = reason == CalcomErrorReason::TokenInvalid;
    ErrorResponse { error: error.with_detail(reason), token_expired }
}

/// Returns the error of an envelope with `"status": "error"` in a successful response.
pub(crate) fn error_in_success(response: &Response) -> Option<Error> {
    #[derive(Deserialize)]
    struct Envelope {
        status: String,
    }
    let envelope: Envelope = sidecar_core::json::from_slice(&response.body).ok()?;
    if envelope.status != "error" {
        return None;
    }
    // A response names its operation only in the error of reading it, and an envelope is never `()`.
    let operation = response.json::<()>().err()?.operation().to_owned();
    let body = ErrorBody::read(&response.body);
    let message =
        if body.messages.is_empty() { "an error without a message".to_owned() } else { body.messages.join("; ") };
    let error = Error::new(ErrorKind::Rejected, message)
        .at("calcom", operation)
        .with_send_state(SendState::Responded)
        .with_status(response.status)
        .with_body(&response.body)
        .with_detail(CalcomErrorReason::Other);
    Some(match &body.code {
        Some(code) => error.with_code(code),
        None => error,
    })
}

fn reason(status: StatusCode, body: &ErrorBody) -> CalcomErrorReason {
    match body.code.as_deref() {
        Some("invalid_grant") => return CalcomErrorReason::GrantInvalid,
        // RFC 6749 §5.2: none of these concerns the grant, so that none ends a connection.
        Some(
            "invalid_client" | "unauthorized_client" | "invalid_request" | "unsupported_grant_type" | "invalid_scope",
        ) => return CalcomErrorReason::ClientInvalid,
        _ => {}
    }
    let text = MessageText::new(&body.messages.join("; "));
    match status.as_u16() {
        400 | 401 | 403 | 404 if body.is_html => CalcomErrorReason::Blocked,
        429 => CalcomErrorReason::RateLimit,
        400..=499 => reason_of_message(&text, status).unwrap_or_else(|| reason_of_status(status, body)),
        _ if has_no_slot(&text) => CalcomErrorReason::SlotTaken,
        _ => CalcomErrorReason::Other,
    }
}

fn has_no_slot(text: &MessageText) -> bool {
    text.contains_any(&[
        "no_available_users_found",
        "already has booking at this time",
        "is not available at this time",
        "booking_conflict",
        "slot is no longer available",
        "can't be booked at",
        "already reserved",
    ])
}

/// Returns the reason that the message identifies.
fn reason_of_message(text: &MessageText, status: StatusCode) -> Option<CalcomErrorReason> {
    let at = |statuses: &[u16]| statuses.contains(&status.as_u16());
    let reason = if has_no_slot(text) {
        CalcomErrorReason::SlotTaken
    } else if text.contains_any(&["cannot get /", "cannot post /", "cannot patch /", "cannot put /", "cannot delete /"])
    {
        CalcomErrorReason::UnknownRoute
    } else if at(&[401, 403]) && text.contains_any(&["scope", "insufficient permission"]) {
        CalcomErrorReason::ScopeMissing { scope: None }
    } else if at(&[401, 403]) && text.has_word("locked") {
        CalcomErrorReason::AccountLocked
    } else if at(&[400, 401])
        && text.contains_any(&["refresh token", "refresh_token", "authorization code", "code_verifier"])
    {
        CalcomErrorReason::GrantInvalid
    } else if at(&[400, 401]) && text.contains_any(&["client secret", "client_secret", "oauth client"]) {
        CalcomErrorReason::ClientInvalid
    } else if at(&[400, 409])
        && text.contains_any(&["already cancelled", "been cancelled", "already rejected", "already confirmed"])
    {
        CalcomErrorReason::AlreadyDone
    } else if at(&[400, 409]) && text.contains_any(&["already exist"]) {
        CalcomErrorReason::AlreadyExists
    } else {
        return None;
    };
    Some(reason)
}

fn reason_of_status(status: StatusCode, body: &ErrorBody) -> CalcomErrorReason {
    match status.as_u16() {
        401 => CalcomErrorReason::TokenInvalid,
        403 => CalcomErrorReason::Forbidden,
        404 => CalcomErrorReason::NotFound,
        409 => CalcomErrorReason::AlreadyExists,
        400 | 413 | 415 | 422 if body.is_validation || !body.messages.is_empty() => {
            CalcomErrorReason::Validation(body.messages.clone())
        }
        _ => CalcomErrorReason::Other,
    }
}

fn kind(status: StatusCode, reason: &CalcomErrorReason) -> ErrorKind {
    match reason {
        CalcomErrorReason::SlotTaken | CalcomErrorReason::AlreadyExists | CalcomErrorReason::AlreadyDone => {
            ErrorKind::Conflict
        }
        CalcomErrorReason::ScopeMissing { .. }
        | CalcomErrorReason::AccountLocked
        | CalcomErrorReason::Blocked
        | CalcomErrorReason::Forbidden => ErrorKind::Forbidden,
        CalcomErrorReason::TokenInvalid | CalcomErrorReason::GrantInvalid => ErrorKind::Auth,
        CalcomErrorReason::ClientInvalid | CalcomErrorReason::CredentialsMissing => ErrorKind::InvalidInput,
        CalcomErrorReason::NotFound => ErrorKind::NotFound,
        CalcomErrorReason::RateLimit => ErrorKind::RateLimited,
        // Not `NotFound`: the route does not exist, which says nothing about the resource.
        CalcomErrorReason::Validation(_) | CalcomErrorReason::UnknownRoute => ErrorKind::Rejected,
        CalcomErrorReason::PartlyBlocked { .. } | CalcomErrorReason::Other => kind_of_status(status),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_response_has_a_reason_and_only_a_401_reports_an_expired_token(
            status in 300_u16..600,
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[a-z .:'{}\\[\\]\",0-9]{0,120}".prop_map(String::into_bytes),
                "[a-zA-Z .']{0,60}".prop_map(|text| {
                    format!(r#"{{"status":"error","error":{{"message":"{text}","details":["{text}"]}}}}"#).into_bytes()
                }),
            ],
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            let ErrorResponse { error, token_expired } = parse_error(status, &HeaderMap::new(), &body);
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.detail::<CalcomErrorReason>().is_some());
            prop_assert!(!token_expired || status == StatusCode::UNAUTHORIZED);
        }
    }
}
