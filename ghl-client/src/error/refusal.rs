//! From an answer to a [`GhlErrorReason`] and an [`Error`].
//!
//! Words are the only sign that tells many refusals apart; each is one that the provider has been seen to send, and
//! `docs/providers/ghl.md` lists them with their sources.

use std::{fmt, time::Duration};

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sidecar_core::{Error, ErrorKind, http::ErrorResponse};

use super::{GhlErrorReason, wire::Wire};
use crate::{
    config::DAY,
    limits::{self, Exhausted},
    model::ContactId,
};

pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
    let wire = Wire::read(body);
    let problem = problem(status, headers, &wire);
    let mut error = Error::new(kind(status, &problem), Message { wire: &wire, status, problem: &problem }.to_string());
    let trace = wire.trace.as_deref().or_else(|| headers.get("x-trace-id")?.to_str().ok());
    if let Some(trace) = trace {
        error = error.with_request_id(trace);
    }
    if let Some(code) = &wire.code {
        error = error.with_code(code);
    }
    if let Some(wait) = wait(status, headers) {
        error = error.with_retry_after(wait);
    }
    let token_refused = problem == GhlErrorReason::TokenInvalid;
    ErrorResponse { error: error.with_detail(problem), token_expired: token_refused }
}

fn wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return sidecar_core::rate_limit::headers::retry_after(headers);
    }
    match limits::exhausted(headers) {
        Exhausted::Burst(wait) => Some(wait),
        // Without a word from the provider no wait within a call can help; the client names the counter's own end.
        Exhausted::Day(reset) => Some(reset.unwrap_or(DAY)),
    }
}

fn problem(status: StatusCode, headers: &HeaderMap, wire: &Wire) -> GhlErrorReason {
    match wire.code.as_deref() {
        Some("invalid_grant") => return GhlErrorReason::GrantInvalid,
        Some("invalid_client" | "unauthorized_client") => return GhlErrorReason::ClientInvalid,
        _ => {}
    }
    let says = Says(wire.message().to_lowercase());
    match status.as_u16() {
        400 | 401 | 403 | 404 if wire.is_page => GhlErrorReason::Blocked,
        400 | 401 | 403 | 404 | 409 | 422 => {
            told(&says, wire).or_else(|| of_access(status, &says)).unwrap_or_else(|| of_status(status, wire))
        }
        429 => match limits::exhausted(headers) {
            Exhausted::Burst(_) => GhlErrorReason::BurstLimit,
            Exhausted::Day(reset) => GhlErrorReason::DayLimit { announced: reset.is_some() },
        },
        413 | 415 if !wire.messages.is_empty() => GhlErrorReason::Validation(wire.messages.clone()),
        _ => GhlErrorReason::Other,
    }
}

/// A message in lower case.
struct Says(String);

impl Says {
    fn any(&self, needles: &[&str]) -> bool {
        needles.iter().any(|needle| self.0.contains(needle))
    }
}

/// What the words alone tell, whatever the status is: the provider gives 400, 401, 403 and 422 for the same trouble.
fn told(says: &Says, wire: &Wire) -> Option<GhlErrorReason> {
    let problem = if says.any(&["duplicated contact", "duplicate contact"]) {
        duplicate_contact(&wire.meta)
    } else if says.any(&["duplicate opportunity"]) {
        GhlErrorReason::DuplicateOpportunity { opportunity_id: text(&wire.meta, "existingId").map(Into::into) }
    } else if says.any(&["no longer available"]) && says.any(&["slot"]) {
        GhlErrorReason::SlotTaken
    } else if says.any(&["version header"]) {
        GhlErrorReason::VersionRefused
    } else if says.any(&["endpoint has been removed", "was removed in version", "not available in api version"]) {
        GhlErrorReason::OperationRemoved
    } else if says.any(&[
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
    Some(problem)
}

/// Who may do what.
fn of_access(status: StatusCode, says: &Says) -> Option<GhlErrorReason> {
    let at = |statuses: &[u16]| statuses.contains(&status.as_u16());
    let problem = if at(&[400, 401, 403, 422])
        && says.any(&["refresh token", "refresh_token", "authorization code", "invalid grant"])
    {
        GhlErrorReason::GrantInvalid
    } else if at(&[400, 401, 403])
        && says.any(&["client secret", "client_secret", "client credentials", "invalid client"])
    {
        GhlErrorReason::ClientInvalid
    } else if !at(&[401, 403]) {
        // A suspended location is no reason to think that a contact's content was refused.
        return says.is_suspended().then_some(GhlErrorReason::Suspended);
    } else if says.any(&["not authorized for this scope"]) {
        GhlErrorReason::ScopeMissing
    } else if says.any(&["authclass", "not allowed to access this scope", "user type mismatch"]) {
        GhlErrorReason::TokenKindRefused
    } else if says.any(&["access to this location"]) {
        GhlErrorReason::WrongLocation
    } else if says.any(&["access to this feature"]) {
        GhlErrorReason::FeatureMissing
    } else if says.is_suspended() {
        GhlErrorReason::Suspended
    } else {
        return None;
    };
    Some(problem)
}

impl Says {
    fn is_suspended(&self) -> bool {
        let whose = ["location", "sub-account", "account", "agency", "company"];
        self.any(&["suspended", "is paused", "been paused", "deactivated"]) && self.any(&whose)
    }
}

fn of_status(status: StatusCode, wire: &Wire) -> GhlErrorReason {
    let says = Says(wire.message().to_lowercase());
    match status.as_u16() {
        404 => GhlErrorReason::NotFound,
        400 if says.any(&["not found", "does not exist"]) => GhlErrorReason::NotFound,
        401 => GhlErrorReason::TokenInvalid,
        403 => GhlErrorReason::Forbidden,
        400 | 409 if says.any(&["already exist"]) => GhlErrorReason::AlreadyExists,
        400 | 422 if !wire.messages.is_empty() => GhlErrorReason::Validation(wire.messages.clone()),
        _ => GhlErrorReason::Other,
    }
}

fn duplicate_contact(meta: &Value) -> GhlErrorReason {
    GhlErrorReason::DuplicateContact {
        contact_id: text(meta, "contactId").map(ContactId::from),
        matching_field: text(meta, "matchingField").map(str::to_owned),
    }
}

fn text<'a>(meta: &'a Value, name: &str) -> Option<&'a str> {
    meta.get(name)?.as_str().filter(|text| !text.is_empty())
}

fn kind(status: StatusCode, problem: &GhlErrorReason) -> ErrorKind {
    match problem {
        GhlErrorReason::DuplicateContact { .. }
        | GhlErrorReason::DuplicateOpportunity { .. }
        | GhlErrorReason::AlreadyExists
        | GhlErrorReason::SlotTaken => ErrorKind::Conflict,
        GhlErrorReason::ScopeMissing
        | GhlErrorReason::TokenKindRefused
        | GhlErrorReason::WrongLocation
        | GhlErrorReason::FeatureMissing
        | GhlErrorReason::Suspended
        | GhlErrorReason::Blocked
        | GhlErrorReason::Forbidden => ErrorKind::Forbidden,
        GhlErrorReason::TokenInvalid | GhlErrorReason::GrantInvalid => ErrorKind::Auth,
        GhlErrorReason::ClientInvalid | GhlErrorReason::TokenKind { .. } => ErrorKind::InvalidInput,
        GhlErrorReason::NotFound => ErrorKind::NotFound,
        GhlErrorReason::BurstLimit | GhlErrorReason::DayLimit { .. } => ErrorKind::RateLimited,
        // Not `NotFound`: it is the route that is not there, and nothing is known of the thing.
        GhlErrorReason::Validation(_)
        | GhlErrorReason::VersionRefused
        | GhlErrorReason::OperationRemoved
        | GhlErrorReason::UnknownRoute => ErrorKind::Rejected,
        GhlErrorReason::Other => of_unknown(status),
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
    problem: &'a GhlErrorReason,
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.wire.messages.is_empty() {
            false => f.write_str(&self.wire.message())?,
            true => f.write_str(self.status.canonical_reason().unwrap_or("an answer without a message"))?,
        }
        match (&self.wire.resolution, self.problem.advice()) {
            (Some(resolution), _) => write!(f, " ({resolution})"),
            (None, "") => Ok(()),
            (None, advice) => write!(f, " ({advice})"),
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
                "[a-zA-Z .']{0,60}".prop_map(|message| format!(r#"{{"message":"{message}","error":{{}}}}"#).into_bytes()),
            ],
        ) {
            let status = StatusCode::from_u16(status).unwrap();
            let ErrorResponse { error, token_expired } = failure(status, &HeaderMap::new(), &body);
            prop_assert!(!error.message().is_empty());
            prop_assert!(error.detail::<GhlErrorReason>().is_some());
            prop_assert!(!token_expired || status == StatusCode::UNAUTHORIZED);
        }
    }
}
