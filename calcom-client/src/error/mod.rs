//! The reasons of provider errors.
//!
//! `body` reads error bodies, `parse` maps them to reasons. Invariant: the message has the actual reason, which the provider often
//! hides in `details.errors`, and an error that a new token cannot fix never triggers a token refresh.

mod body;
mod parse;

pub(crate) use parse::error_in_success;

use http::{HeaderMap, StatusCode};
use sidecar_core::{
    Error, ErrorKind,
    http::{ErrorResponse, Provider},
    rate_limit::{Feedback, Scope},
};

use crate::{limits, model::BlockHandle};

/// The reason of an error response, as far as it is recognized. See [`CalcomErrorExt::problem`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CalcomErrorReason {
    /// No host is available, or the slot was booked in between. A booking may have been created nevertheless
    /// (<https://github.com/calcom/cal.diy/issues/15379>): [`Error::may_have_taken_effect`] is then true.
    SlotTaken,
    /// The resource already exists: an event type with this slug, an out-of-office entry of this period, ….
    AlreadyExists,
    /// The booking is already cancelled, rejected or confirmed.
    AlreadyDone,
    /// The OAuth token lacks a scope: connect again with it.
    ScopeMissing {
        /// The scope that the operation needs, if known.
        scope: Option<&'static str>,
    },
    /// The key or access token is wrong, expired or revoked.
    TokenInvalid,
    /// The refresh token or authorization code was rejected: connect again.
    GrantInvalid,
    /// The OAuth client's id or secret was rejected, or its request (a scope, a grant type, a parameter): correct the configuration.
    /// Connections are not affected.
    ClientInvalid,
    /// The operation needs credentials and the client has none; nothing was sent.
    CredentialsMissing,
    /// Cal.com locked the account, for example after it often exceeded limits; only its support unlocks it.
    AccountLocked,
    /// The response is a web page: a firewall or proxy in front of the API blocked the request.
    Blocked,
    /// Forbidden for another reason: not the host, not a member.
    Forbidden,
    /// The resource does not exist.
    NotFound,
    /// The operation does not exist, or not in the `cal-api-version` that was sent.
    UnknownRoute,
    /// Too many calls in a minute. With [`SendState::NotSent`](sidecar_core::SendState::NotSent) the client did not send the call,
    /// because the wait would have exceeded its deadline.
    RateLimit,
    /// The content is invalid; one message per violation.
    Validation(Vec<String>),
    /// Some of several times were blocked before one failed, or the response to a change of the schedule was lost.
    PartlyBlocked {
        /// The handles of the blocks that exist, or may exist: unblocking a free slot does no harm.
        handles: Vec<BlockHandle>,
    },
    /// Another reason; the error has the provider's message.
    Other,
}

impl CalcomErrorReason {
    /// Returns what to do; empty where the provider's message says it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::ScopeMissing { .. } => "connect again with the scope that the operation needs",
            Self::TokenInvalid => "connect again, or set another API key",
            Self::GrantInvalid => "connect again",
            Self::ClientInvalid => "check the OAuth client's id, secret, redirect URI and scopes",
            Self::AccountLocked => "ask Cal.com's support to unlock the account, and lower the client's `rate_limit`",
            Self::Blocked => "a web page responded instead of the API: check the base URL, proxies and firewalls",
            Self::UnknownRoute => {
                "the API does not have this operation in this `cal-api-version`: for a self-hosted instance set \
                 `Profile::SelfHosted`, or the `versions` it has"
            }
            Self::SlotTaken => "read the free slots again, and check whether the booking was created",
            _ => "",
        }
    }
}

/// Reads the provider's [`CalcomErrorReason`] from an [`Error`], and classifies errors for callers.
///
/// ```
/// use calcom_client::{CalcomErrorExt, Error};
/// fn what_to_do(error: &Error) -> &'static str {
///     match () {
///         () if error.needs_reauth() => "ask the user to connect again, or for another key",
///         () if error.is_scope_missing() => "ask the user to connect again, with the scope",
///         () if error.is_slot_taken() => "show the free slots again",
///         () if error.is_transient() => "retry, if error.may_have_taken_effect() is false or twice does no harm",
///         () => "report error.to_string() to a developer",
///     }
/// }
/// ```
pub trait CalcomErrorExt {
    /// Returns the reason that the provider (or the client, before sending) gave; `None` without a response.
    fn problem(&self) -> Option<&CalcomErrorReason>;

    /// Returns whether the user has to connect again or give another key: the credentials are rejected permanently.
    fn needs_reauth(&self) -> bool {
        matches!(self.problem(), Some(CalcomErrorReason::TokenInvalid | CalcomErrorReason::GrantInvalid))
    }

    /// Returns whether the OAuth token lacks a scope.
    fn is_scope_missing(&self) -> bool {
        matches!(self.problem(), Some(CalcomErrorReason::ScopeMissing { .. }))
    }

    /// Returns whether the slot is not available.
    fn is_slot_taken(&self) -> bool {
        self.problem() == Some(&CalcomErrorReason::SlotTaken)
    }

    /// Returns whether the same call may soon succeed: after a broken connection, a deadline, a server error or too many calls. Check
    /// [`Error::may_have_taken_effect`] before retrying a create.
    fn is_transient(&self) -> bool;
}

impl CalcomErrorExt for Error {
    fn problem(&self) -> Option<&CalcomErrorReason> {
        self.detail()
    }

    fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Transport | ErrorKind::Deadline | ErrorKind::Store
        )
    }
}

/// The provider's part of the pipeline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calcom {
    /// Whether a rejected token can be refreshed. Not for an API key: a failed refresh would replace the provider's message.
    pub(crate) refreshable: bool,
}

impl Provider for Calcom {
    fn name(&self) -> &'static str {
        "calcom"
    }

    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
        let ErrorResponse { error, token_expired } = parse::parse_error(status, headers, body);
        ErrorResponse { error, token_expired: token_expired && self.refreshable }
    }

    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        limits::feedback(status, headers, scopes)
    }
}
