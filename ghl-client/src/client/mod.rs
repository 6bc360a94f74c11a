//! The client of all endpoint families: adds credentials, rate limits and the version header to each call.
//!
//! The families have folders of their own. Invariant: every call goes through [`GhlClient::send`], so that no endpoint can skip the
//! limits, the version header or the credentials of its resource.

mod builder;
mod form;
mod operation;
mod paging;
mod quota;
mod raw;
mod request;
mod request_builder;
mod time_range;

use std::{fmt, sync::Arc};

use http::HeaderName;
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Pipeline, Response},
    token::Credentials,
};

pub use builder::GhlClientBuilder;
#[cfg(feature = "api")]
pub(crate) use form::{multipart, pairs};
pub(crate) use operation::Operation;
pub(crate) use paging::{CursorPaging, OffsetPaging, listing};
pub use quota::GhlQuotaStatus;
pub use raw::{Raw, RawRequest};
pub(crate) use request::{any_field, request, setters};
pub use request_builder::PlainRequest;
pub(crate) use request_builder::{RequestBuilder, ignore_body};
pub(crate) use time_range::TimeRange;

pub(crate) use crate::model::{Resource, TokenKinds};

use crate::{
    config::ApiVersion,
    error::{GhlErrorExt, GhlErrorReason},
    limits::RateLimitPolicy,
    oauth::GhlTokens,
};

pub(crate) type RequestOptions = sidecar_core::client::RequestOptions<ApiVersion>;

const VERSION: HeaderName = HeaderName::from_static("version");

/// A client of the GoHighLevel API. Cheap to clone; clones share connections, limits and retry budget.
#[derive(Clone)]
pub struct GhlClient(Arc<Inner>);

const _: () = {
    const fn is_shared<T: Clone + Send + Sync + fmt::Debug>() {}
    is_shared::<GhlClient>();
};

#[derive(Clone)]
struct Inner {
    pipeline: Pipeline,
    auth: Auth,
    app: Arc<str>,
    version: Option<ApiVersion>,
    rate_limit: RateLimitPolicy,
}

/// The source of access tokens.
#[derive(Debug, Clone)]
enum Auth {
    /// One token for every call, and its possible kinds.
    Fixed(Arc<dyn Credentials>, TokenKinds),
    /// The token of each location and company.
    PerResource(GhlTokens),
}

/// The version of an operation, and the kinds of token that it accepts.
#[derive(Debug, Clone)]
pub(crate) struct RequestPolicy {
    version: ApiVersion,
    accepts: TokenKinds,
}

impl From<&Operation> for RequestPolicy {
    fn from(operation: &Operation) -> Self {
        Self { version: operation.version.clone(), accepts: operation.accepts }
    }
}

#[cfg(feature = "api")]
impl From<(ApiVersion, TokenKinds)> for RequestPolicy {
    fn from((version, accepts): (ApiVersion, TokenKinds)) -> Self {
        Self { version, accepts }
    }
}

impl From<ApiVersion> for RequestPolicy {
    fn from(version: ApiVersion) -> Self {
        Self { version, accepts: TokenKinds::ANY }
    }
}

/// Returns the error of sending a token of the kinds `available` to an operation that accepts the kinds `needed`.
fn token_kind_mismatch(needed: TokenKinds, available: TokenKinds) -> Error {
    let why = format!("this operation needs {needed}, and the client has {available}: {}", needed.how_to_get());
    Error::new(ErrorKind::InvalidInput, why).with_detail(GhlErrorReason::TokenKind { needs: needed, has: available })
}

impl GhlClient {
    /// Returns a builder of clients.
    pub fn builder() -> GhlClientBuilder {
        GhlClientBuilder::new()
    }

    /// Returns a client of v3, whose paths, names and schemas differ and which lacks some operations. It shares everything else with
    /// this one.
    #[must_use]
    pub fn v3(&self) -> Self {
        Self(Arc::new(Inner { version: Some(ApiVersion::V3), ..(*self.0).clone() }))
    }

    /// Requests to any path of the API, with the same credentials, limits and retries.
    pub fn raw(&self) -> Raw {
        Raw::new(self.clone())
    }

    /// Returns the app's id: the client id up to its first dash. `None` without a client id.
    pub fn app_id(&self) -> Option<&str> {
        Some(&*self.0.app).filter(|app| *app != builder::NO_APP)
    }

    /// Returns the organization's tokens; `None` with one token for every call.
    pub(crate) fn tokens(&self) -> Option<&GhlTokens> {
        match &self.0.auth {
            Auth::PerResource(tokens) => Some(tokens),
            Auth::Fixed(..) => None,
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn sidecar_core::Clock> {
        self.0.pipeline.clock()
    }

    /// Returns the version that the request or else the client sets; `None` if the operation's applies.
    pub(crate) fn version_override(&self, options: &RequestOptions) -> Option<ApiVersion> {
        options.version.clone().or_else(|| self.0.version.clone())
    }

    /// Sends a call with the credentials and limits of `resource` and the version header.
    pub(crate) async fn send(
        &self,
        call: Call,
        resource: &Resource,
        policy: impl Into<RequestPolicy>,
        options: &RequestOptions,
    ) -> Result<Response> {
        let RequestPolicy { version, accepts } = policy.into();
        resource.check()?;
        let available = self.token_kinds_for(resource);
        if !accepts.intersects(available) {
            return Err(token_kind_mismatch(accepts, available).at("ghl", call.operation().to_owned()));
        }
        let credentials = self.credentials(resource)?;
        let version = self.version_override(options).unwrap_or(version);
        let scopes = self.scopes(resource);
        let call = call.header(VERSION, version.as_str()).credentials(credentials).scopes(scopes.clone());
        match self.0.pipeline.send(options.apply(call)).await {
            Err(error) if error.problem() == Some(&GhlErrorReason::DayLimit { announced: false }) => {
                Err(self.with_counted_reset(error, &scopes).await)
            }
            // Without a usable token nothing was sent (again): to callers the same as a rejected token.
            Err(error) if error.kind() == ErrorKind::Auth && error.problem().is_none() => {
                Err(error.with_detail(GhlErrorReason::TokenInvalid))
            }
            Err(error) if error.kind() == ErrorKind::RateLimited && error.problem().is_none() => {
                Err(Self::with_limit_reason(error))
            }
            outcome => outcome,
        }
    }

    /// Returns the possible kinds of the token for `resource`.
    fn token_kinds_for(&self, resource: &Resource) -> TokenKinds {
        match (&self.0.auth, resource) {
            (Auth::Fixed(_, kinds), _) => *kinds,
            (Auth::PerResource(_), Resource::Location(_)) => TokenKinds::LOCATION,
            (Auth::PerResource(_), Resource::Company(_)) => TokenKinds::COMPANY,
            // The token does not exist, so `credentials` fails.
            (Auth::PerResource(_), Resource::Token) => TokenKinds::ANY,
        }
    }

    fn credentials(&self, resource: &Resource) -> Result<Arc<dyn Credentials>> {
        match (&self.0.auth, resource) {
            (Auth::Fixed(credentials, _), _) => Ok(Arc::clone(credentials)),
            (Auth::PerResource(tokens), Resource::Location(id)) => Ok(Arc::new(tokens.location(id))),
            (Auth::PerResource(tokens), Resource::Company(id)) => Ok(Arc::new(tokens.company(id))),
            (Auth::PerResource(_), Resource::Token) => Err(Error::new(
                ErrorKind::InvalidInput,
                "this client has a token for each location and company: choose one with `.location(id)` or `.company(id)`",
            )),
        }
    }
}

impl fmt::Debug for GhlClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GhlClient")
            .field("base", &self.0.pipeline.base())
            .field("app", &self.0.app)
            .finish_non_exhaustive()
    }
}
