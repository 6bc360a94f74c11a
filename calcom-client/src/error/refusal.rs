//! From an answer to a [`CalcomErrorReason`] and an [`Error`].
//!
//! Words are the only sign that tells many refusals apart; `docs/providers/calcom.md` lists them.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{
    Error, ErrorKind, SendState,
    http::{ErrorResponse, Response},
    rate_limit::headers,
};

use super::{CalcomErrorReason, wire::Wire};
use crate::limits;

/// What the provider writes where it has no id of the request.
const NO_REQUEST_ID: &str = "unknown-request-id";

pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
    let wire = Wire::read(body);
    let problem = problem(status, &wire);
    let mut error = Error::new(kind(status, &problem), Message { wire: &wire, status, problem: &problem }.to_string());
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    if let Some(id) = id.filter(|id| !id.is_empty() && *id != NO_REQUEST_ID) {
        error = error.with_request_id(id);
    }
    if let Some(code) = &wire.code {
        error = error.with_code(code);
    }
    let wait = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(limits::wait(headers)),
        _ => headers::retry_after(headers),
    };
    if let Some(wait) = wait {
        error = error.with_retry_after(wait);
    }
    let token_refused = problem == CalcomErrorReason::TokenInvalid;
    ErrorResponse { error: error.with_detail(problem), token_expired: token_refused }
}

/// The refusal in an envelope that says `error` under a good status.
pub(crate) fn under_success(answer: &Response) -> Option<Error> {
    #[derive(Deserialize)]
    struct Said {
        status: String,
    }
    let said: Said = serde_json::from_slice(&answer.body).ok()?;
    if said.status != "error" {
        return None;
    }
    // An answer names its operation only in the error of reading it, and an envelope is never nothing.
    let operation = answer.json::<()>().err()?.operation().to_owned();
    let wire = Wire::read(&answer.body);
    let words = if wire.messages.is_empty() { "an error without a message".to_owned() } else { wire.message() };
    let error = Error::new(ErrorKind::Rejected, words)
        .at("calcom", operation)
        .with_send_state(SendState::Responded)
        .with_status(answer.status)
        .with_body(&answer.body)
        .with_detail(CalcomErrorReason::Other);
    Some(match &wire.code {
        Some(code) => error.with_code(code),
        None => error,
    })
}

fn problem(status: StatusCode, wire: &Wire) -> CalcomErrorReason {
    match wire.code.as_deref() {
        Some("invalid_grant") => return CalcomErrorReason::GrantInvalid,
        // RFC 6749 §5.2: none of these speaks of the grant, so that none ends a connection.
        Some(
            "invalid_client" | "unauthorized_client" | "invalid_request" | "unsupported_grant_type" | "invalid_scope",
        ) => return CalcomErrorReason::ClientInvalid,
        _ => {}
    }
    let says = Says(wire.message().to_lowercase());
    match status.as_u16() {
        400 | 401 | 403 | 404 if wire.is_page => CalcomErrorReason::Blocked,
        429 => CalcomErrorReason::RateLimit,
        400..=499 => told(&says, status).unwrap_or_else(|| of_status(status, wire)),
        _ if says.no_slot() => CalcomErrorReason::SlotTaken,
        _ => CalcomErrorReason::Other,
    }
}

/// A message in lower case.
struct Says(String);

impl Says {
    fn any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.0.contains(needle))
    }

    /// `account is locked`, not `blocked by …`.
    fn locked(&self) -> bool {
        self.0.split(|char: char| !char.is_alphanumeric()).any(|word| word == "locked")
    }

    fn no_slot(&self) -> bool {
        self.any(&[
            "no_available_users_found",
            "already has booking at this time",
            "is not available at this time",
            "booking_conflict",
            "slot is no longer available",
            "can't be booked at",
            "already reserved",
        ])
    }
}

/// What the words tell, whatever the status is.
fn told(says: &Says, status: StatusCode) -> Option<CalcomErrorReason> {
    let at = |statuses: &[u16]| statuses.contains(&status.as_u16());
    let problem = if says.no_slot() {
        CalcomErrorReason::SlotTaken
    } else if says.any(&["cannot get /", "cannot post /", "cannot patch /", "cannot put /", "cannot delete /"]) {
        CalcomErrorReason::UnknownRoute
    } else if at(&[401, 403]) && says.any(&["scope", "insufficient permission"]) {
        CalcomErrorReason::ScopeMissing { scope: None }
    } else if at(&[401, 403]) && says.locked() {
        CalcomErrorReason::AccountLocked
    } else if at(&[400, 401]) && says.any(&["refresh token", "refresh_token", "authorization code", "code_verifier"]) {
        CalcomErrorReason::GrantInvalid
    } else if at(&[400, 401]) && says.any(&["client secret", "client_secret", "oauth client"]) {
        CalcomErrorReason::ClientInvalid
    } else if at(&[400, 409])
        && says.any(&["already cancelled", "been cancelled", "already rejected", "already confirmed"])
    {
        CalcomErrorReason::AlreadyDone
    } else if at(&[400, 409]) && says.any(&["already exist"]) {
        CalcomErrorReason::AlreadyExists
    } else {
        return None;
    };
    Some(problem)
}

fn of_status(status: StatusCode, wire: &Wire) -> CalcomErrorReason {
    match status.as_u16() {
        401 => CalcomErrorReason::TokenInvalid,
        403 => CalcomErrorReason::Forbidden,
        404 => CalcomErrorReason::NotFound,
        409 => CalcomErrorReason::AlreadyExists,
        400 | 413 | 415 | 422 if wire.is_validation || !wire.messages.is_empty() => {
            CalcomErrorReason::Validation(wire.messages.clone())
        }
        _ => CalcomErrorReason::Other,
    }
}

fn kind(status: StatusCode, problem: &CalcomErrorReason) -> ErrorKind {
    match problem {
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
        // Not `NotFound`: it is the route that is not there, and nothing is known of the thing.
        CalcomErrorReason::Validation(_) | CalcomErrorReason::UnknownRoute => ErrorKind::Rejected,
        CalcomErrorReason::PartlyBlocked { .. } | CalcomErrorReason::Other => of_unknown(status),
    }
}

fn of_unknown(status: StatusCode) -> ErrorKind {
    match status {
        _ if status.is_server_error() => ErrorKind::Server,
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Transport,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        // A redirect or another answer that the API never gives: a proxy or a wrong base URL.
        _ if !status.is_client_error() => ErrorKind::Decode,
        _ => ErrorKind::Rejected,
    }
}

/// The provider's words, and what to do where they do not say.
struct Message<'a> {
    wire: &'a Wire,
    status: StatusCode,
    problem: &'a CalcomErrorReason,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wire.messages.is_empty() {
            false => f.write_str(&self.wire.message())?,
            true => f.write_str(self.status.canonical_reason().unwrap_or("an answer without a message"))?,
        }
        match self.problem.advice() {
            "" => Ok(()),
            advice => write!(f, " ({advice})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_answer_is_understood_somehow_and_only_a_401_asks_for_a_newer_token(
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
            let ErrorResponse { error, token_expired } = failure(status, &HeaderMap::new(), &body);
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.detail::<CalcomErrorReason>().is_some());
            prop_assert!(!token_expired || status == StatusCode::UNAUTHORIZED);
        }
    }
}
