//! What a refusal of the provider means.
//!
//! Reading answers lives beside: `wire` takes bodies apart, `refusal` says what they mean. Invariant: the message says the real
//! reason, which the provider often hides in `details.errors`, and a refusal that a new token cannot heal never asks for one.

mod refusal;
mod wire;

pub(crate) use refusal::under_success;

use http::{HeaderMap, StatusCode};
use sidecar_core::{
    Error, ErrorKind, SendState,
    http::{ErrorResponse, Provider},
    rate_limit::{Feedback, Scope},
};

use crate::{compat::BlockHandle, limits};

/// What the provider refused for, as far as it is understood. See [`CalcomErrorExt::problem`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CalcomErrorReason {
    /// Nobody is free then, or somebody was faster. A booking may have been made all the same
    /// (<https://github.com/calcom/cal.diy/issues/15379>): [`CalcomErrorExt::may_have_happened`] is true of it.
    SlotTaken,
    /// There is one already: an event type of this slug, an out-of-office entry of this period, ….
    AlreadyExists,
    /// The booking is cancelled, rejected or confirmed already.
    AlreadyDone,
    /// The OAuth token lacks a scope: connect again with it.
    ScopeMissing {
        /// The scope that the operation needs, where it is known.
        scope: Option<&'static str>,
    },
    /// The key or access token is wrong, expired or revoked.
    TokenInvalid,
    /// The refresh token or authorization code was refused: somebody has to connect again.
    GrantInvalid,
    /// The OAuth client's id or secret was refused, or what it asked for (a scope, a kind of grant, a parameter): correct the
    /// configuration. It says nothing of any connection.
    ClientInvalid,
    /// The operation needs credentials and the client has none; nothing was sent.
    CredentialsMissing,
    /// Cal.com locked the account, as it does after limits were broken often; only its support unlocks it.
    AccountLocked,
    /// A web page instead of an answer: something before the API (a firewall, a proxy) let the request not through.
    Blocked,
    /// Not allowed, for another reason: not the host, not a member.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The API has no such operation, or not in the `cal-api-version` that was sent.
    UnknownRoute,
    /// Too many calls in a minute. With [`SendState::NotSent`] it was the client that did not let the call go, because the wait would have
    /// outlasted its deadline.
    RateLimit,
    /// The content was refused; one line per complaint.
    Validation(Vec<String>),
    /// Some of several times were blocked before one failed, or the change of a schedule that blocks them was sent and not answered.
    PartlyBlocked {
        /// What undoes those that hold, or may hold: freeing what is free does no harm.
        handles: Vec<BlockHandle>,
    },
    /// Something else; the error's message has the provider's words.
    Other,
}

impl CalcomErrorReason {
    /// What to do, where the provider's words do not say.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::ScopeMissing { .. } => "connect again with the scope that the operation needs",
            Self::TokenInvalid => "connect again, or give another API key",
            Self::GrantInvalid => "connect again",
            Self::ClientInvalid => "check the OAuth client's id, secret, redirect URI and scopes",
            Self::AccountLocked => "ask Cal.com's support to unlock the account, and lower the client's `rate_limit`",
            Self::Blocked => {
                "a web page answered instead of the API: look at the base URL, a proxy or a firewall between"
            }
            Self::UnknownRoute => {
                "the API does not have this operation in this `cal-api-version`: for a host of your own set \
                 `Profile::SelfHosted`, or the `versions` it has"
            }
            Self::SlotTaken => "read the free slots again, and look whether the booking was made after all",
            _ => "",
        }
    }
}

/// Reads the provider's [`CalcomErrorReason`] from an [`Error`], and answers the questions that callers branch on.
///
/// ```
/// use calcom_client::{CalcomErrorExt, Error};
/// fn what_to_do(error: &Error) -> &'static str {
///     match () {
///         () if error.needs_reauth() => "ask somebody to connect again, or for another key",
///         () if error.is_scope_missing() => "ask somebody to connect again, with the scope",
///         () if error.is_slot_taken() => "show the free slots again",
///         () if error.is_transient() => "do it again, if error.may_have_happened() is false or twice does no harm",
///         () => "tell a developer: error.to_string()",
///     }
/// }
/// ```
pub trait CalcomErrorExt {
    /// What the provider (or the client, before anything was sent) refused for; `None` when no answer came at all.
    fn problem(&self) -> Option<&CalcomErrorReason>;

    /// Somebody has to connect again or give another key: what the client has is refused for good.
    fn needs_reauth(&self) -> bool {
        matches!(self.problem(), Some(CalcomErrorReason::TokenInvalid | CalcomErrorReason::GrantInvalid))
    }

    /// The OAuth token lacks a scope.
    fn is_scope_missing(&self) -> bool {
        matches!(self.problem(), Some(CalcomErrorReason::ScopeMissing { .. }))
    }

    /// Nobody is free then.
    fn is_slot_taken(&self) -> bool {
        self.problem() == Some(&CalcomErrorReason::SlotTaken)
    }

    /// The same call may work in a moment: a broken connection, a deadline, a failing server, too many calls. Whether it may be
    /// repeated is also a matter of [`CalcomErrorExt::may_have_happened`].
    fn is_transient(&self) -> bool;

    /// The provider may have done what it was asked for although the call failed: no answer came, or one that says nothing of it
    /// (5xx), or a refusal after which a booking has been seen to be there all the same. Look before doing it again.
    fn may_have_happened(&self) -> bool;
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
pub(crate) struct Calcom {
    /// Whether there may be a newer token than the one that was refused. Never for an API key: asking for one would put other words
    /// in the place of the provider's.
    pub(crate) renews: bool,
}

impl Provider for Calcom {
    fn name(&self) -> &'static str {
        "calcom"
    }

    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse {
        let ErrorResponse { error, token_expired } = refusal::failure(status, headers, body);
        ErrorResponse { error, token_expired: token_expired && self.renews }
    }

    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        limits::feedback(status, headers, scopes)
    }
}
