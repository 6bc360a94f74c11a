//! What a refusal of the provider means.
//!
//! Invariant: a refusal that a new token cannot heal never asks for one; refresh tokens are good for one use, and a missing
//! scope answers 401 like an expired token does.

use std::fmt;

use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind,
    http::{Failure, Provider},
    limit::{Feedback, Scope},
};

use crate::{
    client::TokenKinds,
    config::DAY,
    limits::{self, Exhausted},
    model::ContactId,
};

/// What the provider refused for, as far as it is understood. See [`GhlErrorExt::problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The location forbids duplicates and knows this contact already.
    DuplicateContact {
        /// The contact that is there.
        contact_id: Option<ContactId>,
        /// What they share: `email` or `phone`.
        matching_field: Option<String>,
    },
    /// The token lacks a scope (or is of the wrong kind) for this operation: change the app's scopes and connect again.
    ScopeMissing,
    /// The access token is expired or revoked, or there is none: not connected, or to be connected again.
    TokenInvalid,
    /// The refresh token or authorization code was refused: somebody has to connect again.
    GrantInvalid,
    /// The app's client id or secret was refused: correct the configuration.
    ClientInvalid,
    /// The operation takes no token of the kind that the client has; nothing was sent. The message says how to get one.
    TokenKind {
        /// What it takes.
        needs: TokenKinds,
        /// What the client's token is, or may be.
        has: TokenKinds,
    },
    /// The token belongs to another location.
    WrongLocation,
    /// Not allowed, for another reason.
    Forbidden,
    /// There is no such thing. Unknown ids answer 400 as well as 404.
    NotFound,
    /// Too many calls in ten seconds.
    BurstLimit,
    /// The day's budget is spent.
    DayLimit {
        /// Whether the wait that the error names is the provider's own word; otherwise it is when our counter starts anew.
        announced: bool,
    },
    /// The content was refused; one line per complaint.
    Validation(Vec<String>),
    /// Something else; the error's message has the provider's words.
    Other,
}

impl Problem {
    /// What to do, where the provider's words do not say.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::ScopeMissing => "add the scope to the app and connect again, or use a token of the other kind",
            Self::WrongLocation => "call it with the credentials of the location it belongs to",
            Self::GrantInvalid => "connect again",
            Self::ClientInvalid => "check the client id and secret",
            _ => "",
        }
    }
}

/// Reads the provider's [`Problem`] from an [`Error`].
pub trait GhlErrorExt {
    /// What the provider (or, for the wrong kind of token, the client) refused for; `None` when it did not answer at all.
    fn problem(&self) -> Option<&Problem>;
}

impl GhlErrorExt for Error {
    fn problem(&self) -> Option<&Problem> {
        self.detail()
    }
}

/// The provider, as the pipeline sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ghl;

impl Provider for Ghl {
    fn name(&self) -> &'static str {
        "ghl"
    }

    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        failure(status, headers, body)
    }

    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        limits::feedback(status, headers, scopes)
    }
}

/// Everything that the shapes of error bodies have in common; each may be absent, and the body may be no JSON at all.
#[derive(Debug, Default)]
struct Wire {
    messages: Vec<String>,
    code: Option<String>,
    trace: Option<String>,
    meta: Value,
}

impl Wire {
    fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        // v3 answers `{"error": {"code", "message"}}`, the token endpoint `{"error": code, "error_description": text}`, the
        // rest `{"message": text or list, "error": reason phrase}`.
        let nested = body.get("error").filter(|error| error.is_object()).cloned().unwrap_or_default();
        let message = body
            .get("message")
            .or_else(|| nested.get("message"))
            .or_else(|| body.get("error_description"))
            .or_else(|| body.get("msg"));
        Self {
            messages: message.map(lines).unwrap_or_default(),
            code: text(nested.get("code"))
                .or_else(|| text(body.get("error")).filter(|error| !error.contains(' ') && error.contains('_'))),
            trace: text(body.get("traceId")),
            meta: body.remove("meta").unwrap_or_default(),
        }
    }

    fn message(&self) -> String {
        self.messages.join("; ")
    }
}

fn lines(message: &Value) -> Vec<String> {
    match message {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
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
    let token_refused = problem == Problem::TokenInvalid;
    Failure { error: error.with_detail(problem), token_refused }
}

fn wait(status: StatusCode, headers: &HeaderMap) -> Option<std::time::Duration> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return sidecar_core::limit::headers::retry_after(headers);
    }
    match limits::exhausted(headers) {
        Exhausted::Burst(wait) => Some(wait),
        // Without a word from the provider no wait within a call can help; the client names the counter's own end.
        Exhausted::Day(reset) => Some(reset.unwrap_or(DAY)),
    }
}

fn problem(status: StatusCode, headers: &HeaderMap, wire: &Wire) -> Problem {
    let text = wire.message().to_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
    match wire.code.as_deref() {
        Some("invalid_grant") => return Problem::GrantInvalid,
        Some("invalid_client" | "unauthorized_client") => return Problem::ClientInvalid,
        _ => {}
    }
    match status.as_u16() {
        400 | 409 if says(&["duplicated contact", "duplicate contact"]) => duplicate(&wire.meta),
        400 | 401 | 403 | 422 if says(&["refresh token", "refresh_token", "authorization code", "invalid grant"]) => {
            Problem::GrantInvalid
        }
        400 | 401 | 403 if says(&["client secret", "client_secret", "client credentials", "invalid client"]) => {
            Problem::ClientInvalid
        }
        400 | 404 if says(&["not found", "does not exist"]) => Problem::NotFound,
        404 => Problem::NotFound,
        401 | 403 if says(&["not authorized for this scope", "authclass", "not allowed to access this scope"]) => {
            Problem::ScopeMissing
        }
        401 | 403 if says(&["access to this location"]) => Problem::WrongLocation,
        401 => Problem::TokenInvalid,
        403 => Problem::Forbidden,
        429 => match limits::exhausted(headers) {
            Exhausted::Burst(_) => Problem::BurstLimit,
            Exhausted::Day(reset) => Problem::DayLimit { announced: reset.is_some() },
        },
        400 | 413 | 415 | 422 if !wire.messages.is_empty() => Problem::Validation(wire.messages.clone()),
        _ => Problem::Other,
    }
}

fn duplicate(meta: &Value) -> Problem {
    let text = |name: &str| meta.get(name).and_then(Value::as_str);
    Problem::DuplicateContact {
        contact_id: text("contactId").map(ContactId::from),
        matching_field: text("matchingField").map(str::to_owned),
    }
}

fn kind(status: StatusCode, problem: &Problem) -> ErrorKind {
    match problem {
        Problem::DuplicateContact { .. } => ErrorKind::Conflict,
        Problem::ScopeMissing | Problem::WrongLocation | Problem::Forbidden => ErrorKind::Forbidden,
        Problem::TokenInvalid | Problem::GrantInvalid => ErrorKind::Auth,
        Problem::ClientInvalid | Problem::TokenKind { .. } => ErrorKind::Config,
        Problem::NotFound => ErrorKind::NotFound,
        Problem::BurstLimit | Problem::DayLimit { .. } => ErrorKind::RateLimited,
        Problem::Validation(_) => ErrorKind::Invalid,
        Problem::Other if status.is_server_error() => ErrorKind::Server,
        Problem::Other if status == StatusCode::REQUEST_TIMEOUT => ErrorKind::Transport,
        Problem::Other if status == StatusCode::CONFLICT => ErrorKind::Conflict,
        // A redirect or another answer that the API never gives: a proxy or a wrong base URL.
        Problem::Other if !status.is_client_error() => ErrorKind::Decode,
        Problem::Other => ErrorKind::Invalid,
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
