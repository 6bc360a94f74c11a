//! The one error of a call to a provider. It says everything that a caller acts on.

use std::{any::Any, borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use http::StatusCode;

/// A boxed source of an error.
pub type BoxError = Box<dyn StdError + Send + Sync>;
/// The result of a call to a provider.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the words a caller branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No usable token: not connected, revoked, expired beyond refresh. Somebody has to connect again.
    Auth,
    /// The token is good but not for this: a scope is missing, or it belongs to another location.
    Forbidden,
    /// The provider does not know the thing asked for.
    NotFound,
    /// It clashes with what is there (a duplicate contact, a version that moved on).
    Conflict,
    /// The provider refused the request's content; sending it again will not help.
    Rejected,
    /// A limit of the provider; see [`Error::retry`] for how long.
    RateLimited,
    /// The provider failed (5xx) or its circuit is open.
    Server,
    /// The connection failed before a whole answer was read.
    Transport,
    /// The call's deadline passed.
    Deadline,
    /// The answer could not be read as the type asked for.
    Decode,
    /// The call or the client is set up wrong; nothing was sent.
    InvalidInput,
    /// The embedding application's store did not answer.
    Store,
}

impl ErrorKind {
    /// The kind in lower case, as it stands in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Transport => "transport",
            Self::Deadline => "deadline",
            Self::Decode => "decode",
            Self::InvalidInput => "invalid_input",
            Self::Store => "store",
        }
    }
}

/// Whether the provider may have acted on the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SendState {
    /// Nothing left this process: safe to do again.
    NotSent,
    /// Bytes left but no answer came: a create may or may not have happened.
    Unknown,
    /// The provider answered.
    Responded,
}

/// Whether trying again later can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail in the same way.
    Never,
    /// It may work; after the given wait where the provider named one.
    After(Option<Duration>),
}

/// Why a call to a provider failed. One pointer wide, cheap to clone.
///
/// `Display` is a whole sentence for a log: `ghl contacts.search: 422 Unprocessable Entity: locationId is required (trace 7f…)`.
/// It never holds a token, a secret or a request body.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    sent: SendState,
    provider: &'static str,
    operation: Cow<'static, str>,
    status: Option<StatusCode>,
    code: Option<String>,
    message: Cow<'static, str>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    body: Option<String>,
    detail: Option<Arc<dyn Any + Send + Sync>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());

impl Error {
    /// An error with a message; the pipeline adds provider and operation.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner {
            kind,
            sent: SendState::NotSent,
            provider: "",
            operation: Cow::Borrowed(""),
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            body: None,
            detail: None,
            source: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Adds where it happened: the provider and the operation, such as `ghl`, `contacts.search`.
    #[must_use]
    pub fn at(self, provider: &'static str, operation: impl Into<Cow<'static, str>>) -> Self {
        self.with(|e| (e.provider, e.operation) = (provider, operation.into()))
    }

    /// Says whether the provider may have acted.
    #[must_use]
    pub fn with_send_state(self, with_send_state: SendState) -> Self {
        self.with(|e| e.sent = with_send_state)
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        self.with(|e| e.status = Some(status))
    }

    /// Adds the provider's own error code.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        self.with(|e| e.code = Some(code.into()))
    }

    /// Adds the id under which the provider's support finds the request.
    #[must_use]
    pub fn with_request_id(self, id: impl Into<String>) -> Self {
        self.with(|e| e.request_id = Some(id.into()))
    }

    /// Adds the wait that the provider asked for.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.with(|e| e.retry_after = Some(wait))
    }

    /// Adds the answer's body, cut to 2,048 characters.
    #[must_use]
    pub fn with_body(self, body: &[u8]) -> Self {
        self.with(|e| e.body = Some(String::from_utf8_lossy(body).chars().take(2_048).collect()))
    }

    /// Adds what the provider crate understood of the failure; see [`Error::detail`].
    #[must_use]
    pub fn with_detail(self, detail: impl Any + Send + Sync) -> Self {
        self.with(|e| e.detail = Some(Arc::new(detail)))
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        self.with(|e| e.source = Some(Arc::from(source.into())))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns how far the request got.
    pub fn send_state(&self) -> SendState {
        self.0.sent
    }

    /// Returns whether the provider may have done what was requested although the call failed: the response was lost, says nothing
    /// about it (5xx) or could not be read. Look for the result before retrying a create.
    pub fn may_have_taken_effect(&self) -> bool {
        match self.send_state() {
            SendState::NotSent => false,
            SendState::Unknown => true,
            SendState::Responded => {
                self.status().is_some_and(|status| status.is_server_error()) || self.kind() == ErrorKind::Decode
            }
        }
    }

    /// Whether and when trying again can help. It speaks of the failure; whether the call itself may be repeated
    /// is also a matter of [`Error::send_state`].
    pub fn retry(&self) -> Retry {
        match self.0.kind {
            ErrorKind::RateLimited
            | ErrorKind::Server
            | ErrorKind::Transport
            | ErrorKind::Deadline
            | ErrorKind::Store => Retry::After(self.0.retry_after),
            _ => Retry::Never,
        }
    }

    /// The wait that the provider asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The provider's name, such as `ghl`.
    pub fn provider(&self) -> &'static str {
        self.0.provider
    }

    /// The operation, such as `contacts.search`.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The HTTP status, when there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The provider's own error code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's message, or ours.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The id under which the provider's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The answer's body, at most 2,048 characters of it.
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// What the provider crate understood of the failure, for example `ghl_client::Problem`.
    pub fn detail<T: Any>(&self) -> Option<&T> {
        self.0.detail.as_deref()?.downcast_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        match (e.provider, &*e.operation) {
            ("", "") => {}
            (provider, "") => write!(f, "{provider}: ")?,
            (provider, operation) => write!(f, "{provider} {operation}: ")?,
        }
        if let Some(status) = e.status {
            write!(f, "{status}: ")?;
        }
        if let Some(code) = &e.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(&e.message)?;
        if e.sent == SendState::Unknown {
            f.write_str(" (the request may have taken effect)")?;
        }
        if let Some(id) = &e.request_id {
            write!(f, " (trace {id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        f.debug_struct("Error")
            .field("kind", &e.kind)
            .field("sent", &e.sent)
            .field("text", &format_args!("{self}"))
            .field("retry_after", &e.retry_after)
            .field("source", &e.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The store behind a port failed: the database is gone, full, locked or holds something unreadable.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    message: Cow<'static, str>,
    retryable: bool,
    #[source]
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl StoreError {
    /// The store is out of reach or busy; later may work.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), retryable: true, source: None }
    }

    /// What is stored cannot be used: a missing key, a broken row, a bug. Later will not help.
    pub fn broken(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), retryable: false, source: None }
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Whether trying again later can help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = match &error.source {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        Self::new(ErrorKind::Store, message).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_a_whole_sentence() {
        let error = Error::new(ErrorKind::Rejected, "locationId is required")
            .at("ghl", "contacts.search")
            .with_status(StatusCode::UNPROCESSABLE_ENTITY)
            .with_request_id("7f");
        assert_eq!(
            error.to_string(),
            "ghl contacts.search: 422 Unprocessable Entity: locationId is required (trace 7f)"
        );
    }

    #[test]
    fn a_detail_comes_back_as_its_own_type() {
        let error = Error::new(ErrorKind::Conflict, "x").with_detail(7_u32);
        assert_eq!((error.detail::<u32>(), error.detail::<i8>()), (Some(&7), None));
    }
}
