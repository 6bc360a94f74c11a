//! Maps an error response to a [`GhlErrorReason`] and an [`Error`].
//!
//! Only the wording distinguishes many errors. The phrases were observed; `docs/providers/ghl.md` lists them with their sources.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind,
    client::{MessageText, describe, kind_of_status},
    http::ErrorResponse,
};

use super::{GhlErrorReason, body::ErrorBody};
use crate::{
    config::DAY,
    limits::{self, Exhausted},
    model::ContactId,
};

pub(super) fn parse_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
    let body = ErrorBody::read(body);
    let reason = reason(status, headers, &body);
    let advice = body.resolution.as_deref().unwrap_or(reason.advice());
    let mut error = Error::new(kind(status, &reason), describe(&body.messages, status, advice));
    let trace = body.trace.as_deref().or_else(|| headers.get("x-trace-id")?.to_str().ok());
    if let Some(trace) = trace {
        error = error.with_request_id(trace);
    }
    if let Some(code) = &body.code {
        error = error.with_code(code);
    }
    if let Some(wait) = wait(status, headers) {
        error = error.with_retry_after(wait);
    }
    let token_expired = reason == GhlErrorReason::TokenInvalid;
    ErrorResponse { error: error.with_detail(reason), token_expired }
}

fn wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return sidecar_core::rate_limit::headers::retry_after(headers);
    }
    match limits::exhausted(headers) {
        Exhausted::Burst(wait) => Some(wait),
        // Without a reported reset no wait within a call can help; the client adds the reset of its own counter.
        Exhausted::Day(reset) => Some(reset.unwrap_or(DAY)),
    }
}

fn reason(status: StatusCode, headers: &HeaderMap, body: &ErrorBody) -> GhlErrorReason {
    match body.code.as_deref() {
        Some("invalid_grant") => return GhlErrorReason::GrantInvalid,
        Some("invalid_client" | "unauthorized_client") => return GhlErrorReason::ClientInvalid,
        _ => {}
    }
    let text = MessageText::new(&body.messages.join("; "));
    match status.as_u16() {
        400 | 401 | 403 | 404 if body.is_html => GhlErrorReason::Blocked,
        400 | 401 | 403 | 404 | 409 | 422 => reason_of_message(&text, body)
            .or_else(|| access_reason(status, &text))
            .unwrap_or_else(|| reason_of_status(status, &text, body)),
        429 => match limits::exhausted(headers) {
            Exhausted::Burst(_) => GhlErrorReason::BurstLimit,
            Exhausted::Day(reset) => GhlErrorReason::DayLimit { announced: reset.is_some() },
        },
        413 | 415 if !body.messages.is_empty() => GhlErrorReason::Validation(body.messages.clone()),
        _ => GhlErrorReason::Other,
    }
}

/// Returns the reason that the message alone identifies: the provider sends 400, 401, 403 and 422 for the same error.
fn reason_of_message(text: &MessageText, body: &ErrorBody) -> Option<GhlErrorReason> {
    let reason = if text.contains_any(&["duplicated contact", "duplicate contact"]) {
        duplicate_contact(&body.meta)
    } else if text.contains_any(&["duplicate opportunity"]) {
        GhlErrorReason::DuplicateOpportunity { opportunity_id: text_field(&body.meta, "existingId").map(Into::into) }
    } else if text.contains_any(&["no longer available"]) && text.contains_any(&["slot"]) {
        GhlErrorReason::SlotTaken
    } else if text.contains_any(&["version header"]) {
        GhlErrorReason::VersionRejected
    } else if text.contains_any(&[
        "endpoint has been removed",
        "was removed in version",
        "not available in api version",
    ]) {
        GhlErrorReason::OperationRemoved
    } else if text.contains_any(&[
        "not yet supported by the iam",
        "cannot get /",
        "cannot post /",
        "cannot put /",
        "cannot delete /",
    ]) {
        GhlErrorReason::UnknownRoute
    } else {
        return None;
    };
    Some(reason)
}

/// Returns the reason of an authentication or permission error.
fn access_reason(status: StatusCode, text: &MessageText) -> Option<GhlErrorReason> {
    let at = |statuses: &[u16]| statuses.contains(&status.as_u16());
    let reason = if at(&[400, 401, 403, 422])
        && text.contains_any(&["refresh token", "refresh_token", "authorization code", "invalid grant"])
    {
        GhlErrorReason::GrantInvalid
    } else if at(&[400, 401, 403])
        && text.contains_any(&["client secret", "client_secret", "client credentials", "invalid client"])
    {
        GhlErrorReason::ClientInvalid
    } else if !at(&[401, 403]) {
        // A suspended location must not look like an invalid contact.
        return is_suspended(text).then_some(GhlErrorReason::Suspended);
    } else if text.contains_any(&["not authorized for this scope"]) {
        GhlErrorReason::ScopeMissing
    } else if text.contains_any(&["authclass", "not allowed to access this scope", "user type mismatch"]) {
        GhlErrorReason::TokenKindRejected
    } else if text.contains_any(&["access to this location"]) {
        GhlErrorReason::WrongLocation
    } else if text.contains_any(&["access to this feature"]) {
        GhlErrorReason::FeatureMissing
    } else if is_suspended(text) {
        GhlErrorReason::Suspended
    } else {
        return None;
    };
    Some(reason)
}

fn is_suspended(text: &MessageText) -> bool {
    let owners = ["location", "sub-account", "account", "agency", "company"];
    text.contains_any(&["suspended", "is paused", "been paused", "deactivated"]) && text.contains_any(&owners)
}

fn reason_of_status(status: StatusCode, text: &MessageText, body: &ErrorBody) -> GhlErrorReason {
    match status.as_u16() {
        404 => GhlErrorReason::NotFound,
        400 if text.contains_any(&["not found", "does not exist"]) => GhlErrorReason::NotFound,
        401 => GhlErrorReason::TokenInvalid,
        403 => GhlErrorReason::Forbidden,
        400 | 409 if text.contains_any(&["already exist"]) => GhlErrorReason::AlreadyExists,
        400 | 422 if !body.messages.is_empty() => GhlErrorReason::Validation(body.messages.clone()),
        _ => GhlErrorReason::Other,
    }
}

fn duplicate_contact(meta: &Value) -> GhlErrorReason {
    GhlErrorReason::DuplicateContact {
        contact_id: text_field(meta, "contactId").map(ContactId::from),
        matching_field: text_field(meta, "matchingField").map(str::to_owned),
    }
}

fn text_field<'a>(meta: &'a Value, name: &str) -> Option<&'a str> {
    meta.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn kind(status: StatusCode, reason: &GhlErrorReason) -> ErrorKind {
    match reason {
        GhlErrorReason::DuplicateContact { .. }
        | GhlErrorReason::DuplicateOpportunity { .. }
        | GhlErrorReason::AlreadyExists
        | GhlErrorReason::SlotTaken => ErrorKind::Conflict,
        GhlErrorReason::ScopeMissing
        | GhlErrorReason::TokenKindRejected
        | GhlErrorReason::WrongLocation
        | GhlErrorReason::FeatureMissing
        | GhlErrorReason::Suspended
        | GhlErrorReason::Blocked
        | GhlErrorReason::Forbidden => ErrorKind::Forbidden,
        GhlErrorReason::TokenInvalid | GhlErrorReason::GrantInvalid => ErrorKind::Auth,
        GhlErrorReason::ClientInvalid | GhlErrorReason::TokenKind { .. } => ErrorKind::InvalidInput,
        GhlErrorReason::NotFound => ErrorKind::NotFound,
        GhlErrorReason::BurstLimit | GhlErrorReason::DayLimit { .. } => ErrorKind::RateLimited,
        // Not `NotFound`: the route does not exist, which says nothing about the resource.
        GhlErrorReason::Validation(_)
        | GhlErrorReason::VersionRejected
        | GhlErrorReason::OperationRemoved
        | GhlErrorReason::UnknownRoute => ErrorKind::Rejected,
        GhlErrorReason::Other => kind_of_status(status),
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
                "[a-zA-Z .']{0,60}".prop_map(|message| format!(r#"{{"message":"{message}","error":{{}}}}"#).into_bytes()),
            ],
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            let ErrorResponse { error, token_expired } = parse_error(status, &HeaderMap::new(), &body);
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.detail::<GhlErrorReason>().is_some());
            prop_assert!(!token_expired || status == StatusCode::UNAUTHORIZED);
        }
    }
}
