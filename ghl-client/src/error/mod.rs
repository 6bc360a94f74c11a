//! The reasons of provider errors.
//!
//! `body` reads error bodies, `parse` maps them to reasons. Invariant: an error that a new token cannot fix never triggers a token
//! refresh: refresh tokens are valid once, and a missing scope, a missing version or a mistyped path responds 401 like an expired
//! token.

mod body;
mod parse;

use http::{HeaderMap, StatusCode};
use sidecar_core::{
    Error, ErrorKind,
    http::{ErrorResponse, Provider},
    rate_limit::{Feedback, Scope},
};

use crate::{
    limits,
    model::{ContactId, OpportunityId, TokenKinds},
};

/// The reason of an error response, as far as it is recognized. See [`GhlErrorExt::problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GhlErrorReason {
    /// The location forbids duplicates and already has this contact.
    DuplicateContact {
        /// The existing contact.
        contact_id: Option<ContactId>,
        /// The equal field: `email` or `phone`.
        matching_field: Option<String>,
    },
    /// The contact already has an open opportunity, and the location allows one.
    DuplicateOpportunity {
        /// The existing opportunity.
        opportunity_id: Option<OpportunityId>,
    },
    /// The name already exists: of a tag, a custom field, ….
    AlreadyExists,
    /// The calendar has no such slot, or it was booked in between: read the free slots again.
    SlotTaken,
    /// The token lacks a scope for this operation: change the app's scopes and connect again.
    ScopeMissing,
    /// The operation does not accept the kind of the client's token; nothing was sent. The message says how to get another.
    TokenKind {
        /// The accepted kinds.
        needs: TokenKinds,
        /// The possible kinds of the client's token.
        has: TokenKinds,
    },
    /// The provider rejected the kind of the token: a company's instead of a location's, or the reverse.
    TokenKindRejected,
    /// The access token is expired, revoked or missing: connect again.
    TokenInvalid,
    /// The refresh token or authorization code was rejected: connect again.
    GrantInvalid,
    /// The app's client id or secret was rejected: correct the configuration.
    ClientInvalid,
    /// The token belongs to another location.
    WrongLocation,
    /// The agency's plan does not have this feature.
    FeatureMissing,
    /// The location or the account is suspended or paused: calls fail until its agency reactivates it.
    Suspended,
    /// The response is a web page: a firewall or proxy in front of the API blocked the request.
    Blocked,
    /// Forbidden for another reason.
    Forbidden,
    /// The resource does not exist. Unknown ids respond 400 or 404.
    NotFound,
    /// The `Version` header is missing or unknown.
    VersionRejected,
    /// The provider removed this operation, or it is missing in this version.
    OperationRemoved,
    /// The path and method do not exist. Paths are case-sensitive.
    UnknownRoute,
    /// Too many calls in ten seconds, or in the policy's minute. With [`SendState::NotSent`](sidecar_core::SendState::NotSent) the client did not send the call,
    /// because the wait would have exceeded its deadline.
    BurstLimit,
    /// The provider's or the policy's daily limit is exhausted; [`SendState::NotSent`](sidecar_core::SendState::NotSent) as for a burst.
    DayLimit {
        /// Whether the provider reported the wait; otherwise it ends when the client's own counter resets.
        announced: bool,
    },
    /// The content is invalid; one message per violation.
    Validation(Vec<String>),
    /// Another reason; the error has the provider's message.
    Other,
}

impl GhlErrorReason {
    /// Returns what to do; empty where the provider's message says it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::ScopeMissing => "add the scope to the app or the private integration and connect again",
            Self::TokenKindRejected => {
                "send a location's token instead of a company's, or the reverse: `GhlTokens::mint` creates the first from the second"
            }
            Self::WrongLocation => "call it with the credentials of the location it belongs to",
            Self::GrantInvalid => "connect again",
            Self::ClientInvalid => "check the client id and secret",
            Self::FeatureMissing => "the agency needs a plan with this feature",
            Self::Suspended => "the agency has to reactivate the account",
            Self::Blocked => "a web page responded instead of the API: check the base URL, proxies and firewalls",
            Self::VersionRejected => "send one of the versions in `ApiVersion`",
            Self::OperationRemoved => "use the operation that replaced it, or a version that still has it",
            Self::UnknownRoute => "check method and path, which are case-sensitive",
            Self::SlotTaken => "read the free slots again, or book with `ignore_free_slots`",
            _ => "",
        }
    }
}

/// Reads the provider's [`GhlErrorReason`] from an [`Error`], and classifies errors for callers.
///
/// ```
/// use ghl_client::{Error, GhlErrorExt};
/// fn what_to_do(error: &Error) -> &'static str {
///     match () {
///         () if error.needs_reauth() => "ask the user to connect again",
///         () if error.is_scope_missing() => "add the scope to the app, then ask the user to connect again",
///         () if error.is_suspended() => "stop syncing this location until its agency pays",
///         () if error.is_duplicate() => "use the existing one",
///         () if error.is_day_limit() => "continue after error.retry_after()",
///         () if error.is_transient() => "retry, if error.may_have_taken_effect() is false or twice does no harm",
///         () => "report error.to_string() to a developer",
///     }
/// }
/// ```
pub trait GhlErrorExt {
    /// Returns the reason that the provider (or, for the wrong kind of token, the client) gave; `None` without a response.
    fn problem(&self) -> Option<&GhlErrorReason>;

    /// Returns whether the user has to connect again, or replace the private integration token: neither a retry nor a refresh helps.
    fn needs_reauth(&self) -> bool;

    /// Returns whether the token is valid but lacks the scope. Connecting again helps only after the app's scopes were changed.
    fn is_scope_missing(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::ScopeMissing)
    }

    /// Returns whether the client or the provider rejected the kind of the token.
    fn is_wrong_token_kind(&self) -> bool {
        matches!(self.problem(), Some(GhlErrorReason::TokenKind { .. } | GhlErrorReason::TokenKindRejected))
    }

    /// Returns whether the location or account is suspended or paused.
    fn is_suspended(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::Suspended)
    }

    /// Returns whether the resource to be created already exists; [`GhlErrorExt::problem`] has its id if the provider named it.
    fn is_duplicate(&self) -> bool {
        matches!(
            self.problem(),
            Some(
                GhlErrorReason::DuplicateContact { .. }
                    | GhlErrorReason::DuplicateOpportunity { .. }
                    | GhlErrorReason::AlreadyExists
            )
        )
    }

    /// Returns whether the burst limit is exceeded until [`Error::retry_after`], some seconds.
    fn is_burst_limit(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::BurstLimit)
    }

    /// Returns whether the daily limit is exhausted until [`Error::retry_after`], up to a day.
    fn is_day_limit(&self) -> bool {
        matches!(self.problem(), Some(GhlErrorReason::DayLimit { .. }))
    }

    /// Returns whether the same call may soon succeed: after a broken connection, a deadline, a server error or a burst, not after an
    /// exhausted daily limit. Check [`Error::may_have_taken_effect`] before retrying a create.
    fn is_transient(&self) -> bool;
}

impl GhlErrorExt for Error {
    fn problem(&self) -> Option<&GhlErrorReason> {
        self.detail()
    }

    fn needs_reauth(&self) -> bool {
        // `GrantInvalid`: a location's token could not be minted because its company has to be connected again.
        self.kind() == ErrorKind::Auth || self.problem() == Some(&GhlErrorReason::GrantInvalid)
    }

    fn is_transient(&self) -> bool {
        let is_temporary = matches!(
            self.kind(),
            ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Transport | ErrorKind::Deadline | ErrorKind::Store
        );
        is_temporary && !self.is_day_limit()
    }
}

/// The provider's part of the pipeline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ghl;

impl Provider for Ghl {
    fn name(&self) -> &'static str {
        "ghl"
    }

    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
        parse::parse_error(status, headers, body)
    }

    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        limits::feedback(status, headers, scopes)
    }
}
