//! What a refusal of the provider means.
//!
//! Reading answers lives beside: `wire` takes bodies apart, `refusal` says what they mean. Invariant: a refusal that a
//! new token cannot heal never asks for one; refresh tokens are good for one use, and a missing scope, a missing version or a
//! mistyped path answers 401 like an expired token does.

mod refusal;
mod wire;

use http::{HeaderMap, StatusCode};
use sidecar_core::{
    Error, ErrorKind, SendState,
    http::{ErrorResponse, Provider},
    rate_limit::{Feedback, Scope},
};

use crate::{
    client::TokenKinds,
    limits,
    model::{ContactId, OpportunityId},
};

/// What the provider refused for, as far as it is understood. See [`GhlErrorExt::problem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GhlErrorReason {
    /// The location forbids duplicates and knows this contact already.
    DuplicateContact {
        /// The contact that is there.
        contact_id: Option<ContactId>,
        /// What they share: `email` or `phone`.
        matching_field: Option<String>,
    },
    /// The contact has an open opportunity already, and the location allows one.
    DuplicateOpportunity {
        /// The opportunity that is there.
        opportunity_id: Option<OpportunityId>,
    },
    /// There is one of this name already: a tag, a custom field, ….
    AlreadyExists,
    /// The calendar has no such slot, or somebody was faster: ask for the free slots again.
    SlotTaken,
    /// The token lacks a scope for this operation: change the app's scopes and connect again.
    ScopeMissing,
    /// The operation takes no token of the kind that the client has; nothing was sent. The message says how to get one.
    TokenKind {
        /// What it takes.
        needs: TokenKinds,
        /// What the client's token is, or may be.
        has: TokenKinds,
    },
    /// The provider found the token to be of the wrong kind: a company's where it takes a location's, or the other way round.
    TokenKindRefused,
    /// The access token is expired or revoked, or there is none: not connected, or to be connected again.
    TokenInvalid,
    /// The refresh token or authorization code was refused: somebody has to connect again.
    GrantInvalid,
    /// The app's client id or secret was refused: correct the configuration.
    ClientInvalid,
    /// The token belongs to another location.
    WrongLocation,
    /// The agency's plan does not have this feature.
    FeatureMissing,
    /// The location or the account is suspended or paused: nothing goes until its agency settles that.
    Suspended,
    /// A web page instead of an answer: something before the API (a firewall, a proxy) let the request not through.
    Blocked,
    /// Not allowed, for another reason.
    Forbidden,
    /// There is no such thing. Unknown ids answer 400 as well as 404.
    NotFound,
    /// The `Version` header is missing or not one of the provider's.
    VersionRefused,
    /// The provider no longer has this operation, or not in this version.
    OperationRemoved,
    /// The provider knows no such path and method. Paths are sensitive to case.
    UnknownRoute,
    /// Too many calls in ten seconds, or in the policy's minute. With [`SendState::NotSent`] it was the client that did not let the call
    /// go, because the wait would have outlasted its deadline.
    BurstLimit,
    /// The day's budget is spent, the provider's or the policy's; [`SendState::NotSent`] as for a burst.
    DayLimit {
        /// Whether the wait that the error names is the provider's own word; otherwise it is when our counter starts anew.
        announced: bool,
    },
    /// The content was refused; one line per complaint.
    Validation(Vec<String>),
    /// Something else; the error's message has the provider's words.
    Other,
}

impl GhlErrorReason {
    /// What to do, where the provider's words do not say.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::ScopeMissing => "add the scope to the app or the private integration and connect again",
            Self::TokenKindRefused => {
                "use a location's token where a company's was sent, or the other way round: `GhlTokens::mint` makes the first from the second"
            }
            Self::WrongLocation => "call it with the credentials of the location it belongs to",
            Self::GrantInvalid => "connect again",
            Self::ClientInvalid => "check the client id and secret",
            Self::FeatureMissing => "the agency's plan has to be raised for it",
            Self::Suspended => "the agency has to make the account active again",
            Self::Blocked => {
                "a web page answered instead of the API: look at the base URL, a proxy or a firewall between"
            }
            Self::VersionRefused => "send one of the versions in `ApiVersion`",
            Self::OperationRemoved => "use the operation that took its place, or a version that still has it",
            Self::UnknownRoute => "check method and path, which are sensitive to case",
            Self::SlotTaken => "read the free slots again, or book with `ignore_free_slots`",
            _ => "",
        }
    }
}

/// Reads the provider's [`GhlErrorReason`] from an [`Error`], and answers the questions that callers branch on.
///
/// ```
/// use ghl_client::{Error, GhlErrorExt};
/// fn what_to_do(error: &Error) -> &'static str {
///     match () {
///         () if error.needs_reauth() => "ask somebody to connect again",
///         () if error.is_scope_missing() => "add the scope to the app, then ask somebody to connect again",
///         () if error.is_suspended() => "stop syncing this location until its agency pays",
///         () if error.is_duplicate() => "go on with the one that is there",
///         () if error.is_day_limit() => "go on tomorrow: error.retry_after() says when",
///         () if error.is_transient() => "do it again, if error.may_have_happened() is false or twice does no harm",
///         () => "tell a developer: error.to_string()",
///     }
/// }
/// ```
pub trait GhlErrorExt {
    /// What the provider (or, for the wrong kind of token, the client) refused for; `None` when it did not answer at all.
    fn problem(&self) -> Option<&GhlErrorReason>;

    /// Somebody has to connect again, or a private integration token has to be replaced: no retry and no refresh helps.
    fn needs_reauth(&self) -> bool;

    /// The token is good but lacks the scope. Connecting again helps only after the app's scopes were changed.
    fn is_scope_missing(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::ScopeMissing)
    }

    /// The operation takes another kind of token, be it the client or the provider who noticed.
    fn is_wrong_token_kind(&self) -> bool {
        matches!(self.problem(), Some(GhlErrorReason::TokenKind { .. } | GhlErrorReason::TokenKindRefused))
    }

    /// The location or account is suspended or paused.
    fn is_suspended(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::Suspended)
    }

    /// What was to be created is there already; [`GhlErrorExt::problem`] names it where the provider did.
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

    /// Too many calls in ten seconds: it works again after [`Error::retry_after`], some seconds.
    fn is_burst_limit(&self) -> bool {
        self.problem() == Some(&GhlErrorReason::BurstLimit)
    }

    /// The day's budget is spent: it works again after [`Error::retry_after`], up to a day.
    fn is_day_limit(&self) -> bool {
        matches!(self.problem(), Some(GhlErrorReason::DayLimit { .. }))
    }

    /// The same call may work in a moment: a broken connection, a deadline, a failing server, a burst of calls. Not a spent
    /// day. Whether it may be repeated is also a matter of [`GhlErrorExt::may_have_happened`].
    fn is_transient(&self) -> bool;

    /// The provider may have done what it was asked for although the call failed: no answer came, or one that says nothing of
    /// it (5xx), or a kind of refusal after which the provider has been seen to have created the thing all the same. Look
    /// before doing it again; for contacts
    /// [`create_or_find`](crate::contacts::CreateContact::create_or_find) does so.
    fn may_have_happened(&self) -> bool;
}

impl GhlErrorExt for Error {
    fn problem(&self) -> Option<&GhlErrorReason> {
        self.detail()
    }

    fn needs_reauth(&self) -> bool {
        // The second: a location's token could not be minted because its company has to be connected again.
        self.kind() == ErrorKind::Auth || self.problem() == Some(&GhlErrorReason::GrantInvalid)
    }

    fn is_transient(&self) -> bool {
        let passing = matches!(
            self.kind(),
            ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Transport | ErrorKind::Deadline | ErrorKind::Store
        );
        passing && !self.is_day_limit()
    }

    fn may_have_happened(&self) -> bool {
        match self.send_state() {
            SendState::NotSent => false,
            SendState::Unknown => true,
            SendState::Responded => {
                self.status().is_some_and(|status| status.is_server_error()) || self.kind() == ErrorKind::Decode
            }
        }
    }
}

/// The provider, as the pipeline sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ghl;

impl Provider for Ghl {
    fn name(&self) -> &'static str {
        "ghl"
    }

    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
        refusal::failure(status, headers, body)
    }

    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        limits::feedback(status, headers, scopes)
    }
}
