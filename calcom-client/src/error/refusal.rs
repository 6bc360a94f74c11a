//! From an answer to a [`Problem`] and an [`Error`].
//!
//! Words are the only sign that tells many refusals apart; `docs/providers/calcom.md` lists them.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sidecar_core::{
    Error, ErrorKind, Sent,
    http::{Answer, Failure},
    limit::headers,
};

use super::{Problem, wire::Wire};
use crate::limits;

/// What the provider writes where it has no id of the request.
const NO_REQUEST_ID: &str = "unknown-request-id";

pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
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
    let token_refused = problem == Problem::TokenInvalid;
    Failure { error: error.with_detail(problem), token_refused }
}

/// The refusal in an envelope that says `error` under a good status.
pub(crate) fn under_success(answer: &Answer) -> Option<Error> {
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
    let error = Error::new(ErrorKind::Invalid, words)
        .at("calcom", operation)
        .sent(Sent::Yes)
        .with_status(answer.status)
        .with_body(&answer.body)
        .with_detail(Problem::Other);
    Some(match &wire.code {
        Some(code) => error.with_code(code),
        None => error,
    })
}

fn problem(status: StatusCode, wire: &Wire) -> Problem {
    match wire.code.as_deref() {
        Some("invalid_grant") => return Problem::GrantInvalid,
        // RFC 6749 §5.2: none of these speaks of the grant, so that none ends a connection.
        Some(
            "invalid_client" | "unauthorized_client" | "invalid_request" | "unsupported_grant_type" | "invalid_scope",
        ) => return Problem::ClientInvalid,
        _ => {}
    }
    let says = Says(wire.message().to_lowercase());
    match status.as_u16() {
        400 | 401 | 403 | 404 if wire.is_page => Problem::Blocked,
        429 => Problem::RateLimit,
        400..=499 => told(&says, status).unwrap_or_else(|| of_status(status, wire)),
        _ if says.no_slot() => Problem::SlotTaken,
        _ => Problem::Other,
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
fn told(says: &Says, status: StatusCode) -> Option<Problem> {
    let at = |statuses: &[u16]| statuses.contains(&status.as_u16());
    let problem = if says.no_slot() {
        Problem::SlotTaken
    } else if says.any(&["cannot get /", "cannot post /", "cannot patch /", "cannot put /", "cannot delete /"]) {
        Problem::UnknownRoute
    } else if at(&[401, 403]) && says.any(&["scope", "insufficient permission"]) {
        Problem::ScopeMissing { scope: None }
    } else if at(&[401, 403]) && says.locked() {
        Problem::AccountLocked
    } else if at(&[400, 401]) && says.any(&["refresh token", "refresh_token", "authorization code", "code_verifier"]) {
        Problem::GrantInvalid
    } else if at(&[400, 401]) && says.any(&["client secret", "client_secret", "oauth client"]) {
        Problem::ClientInvalid
    } else if at(&[400, 409])
        && says.any(&["already cancelled", "been cancelled", "already rejected", "already confirmed"])
    {
        Problem::AlreadyDone
    } else if at(&[400, 409]) && says.any(&["already exist"]) {
        Problem::AlreadyExists
    } else {
        return None;
    };
    Some(problem)
}

fn of_status(status: StatusCode, wire: &Wire) -> Problem {
    match status.as_u16() {
        401 => Problem::TokenInvalid,
        403 => Problem::Forbidden,
        404 => Problem::NotFound,
        409 => Problem::AlreadyExists,
        400 | 413 | 415 | 422 if wire.is_validation || !wire.messages.is_empty() => {
            Problem::Validation(wire.messages.clone())
        }
        _ => Problem::Other,
    }
}

fn kind(status: StatusCode, problem: &Problem) -> ErrorKind {
    match problem {
        Problem::SlotTaken | Problem::AlreadyExists | Problem::AlreadyDone => ErrorKind::Conflict,
        Problem::ScopeMissing { .. } | Problem::AccountLocked | Problem::Blocked | Problem::Forbidden => {
            ErrorKind::Forbidden
        }
        Problem::TokenInvalid | Problem::GrantInvalid => ErrorKind::Auth,
        Problem::ClientInvalid | Problem::CredentialsMissing => ErrorKind::Config,
        Problem::NotFound => ErrorKind::NotFound,
        Problem::RateLimit => ErrorKind::RateLimited,
        // Not `NotFound`: it is the route that is not there, and nothing is known of the thing.
        Problem::Validation(_) | Problem::UnknownRoute => ErrorKind::Invalid,
        Problem::PartlyBlocked { .. } | Problem::Other => of_unknown(status),
    }
}

fn of_unknown(status: StatusCode) -> ErrorKind {
    match status {
        _ if status.is_server_error() => ErrorKind::Server,
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Transport,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        // A redirect or another answer that the API never gives: a proxy or a wrong base URL.
        _ if !status.is_client_error() => ErrorKind::Decode,
        _ => ErrorKind::Invalid,
    }
}

/// The provider's words, and what to do where they do not say.
struct Message<'a> {
    wire: &'a Wire,
    status: StatusCode,
    problem: &'a Problem,
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
            let Failure { error, token_refused } = failure(status, &HeaderMap::new(), &body);
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.detail::<Problem>().is_some());
            prop_assert!(!token_refused || status == StatusCode::UNAUTHORIZED);
        }
    }
}
