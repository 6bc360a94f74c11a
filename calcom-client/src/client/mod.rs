//! The client of all endpoint families: adds credentials, rate limits and the version header to each call.
//!
//! The families have folders of their own. Invariant: every call goes through `CalcomClient::send_call`, so that no endpoint can
//! skip the limits.

mod builder;
mod operation;
mod quota;
mod raw;
mod request_builder;
mod schedule_lock;

use std::{fmt, sync::Arc};

use http::HeaderName;
use sidecar_core::{
    Clock, Error, ErrorKind, Result,
    http::{Call, Pipeline, Response},
    lease::LeaseStore,
    retry::Replay,
    token::Credentials,
};

pub use builder::CalcomClientBuilder;
pub use operation::{Auth, Group, Operation};
pub use quota::CalcomQuotaStatus;
pub use raw::{Raw, RawRequest};
pub use request_builder::PlainRequest;
pub(crate) use request_builder::{RequestBuilder, data, request};
use schedule_lock::ScheduleLocks;

use crate::{
    config::{ApiVersion, ApiVersions, Profile},
    error::{CalcomErrorExt, CalcomErrorReason},
    limits::Limits,
};

pub(crate) type RequestOptions = sidecar_core::client::RequestOptions<ApiVersion>;

pub(crate) const VERSION: HeaderName = HeaderName::from_static("cal-api-version");

/// A client of Cal.com's API v2. Cheap to clone; clones share connections, limits and retry budget.
#[derive(Clone)]
pub struct CalcomClient(Arc<Inner>);

const _: () = {
    const fn is_shared<T: Clone + Send + Sync + fmt::Debug>() {}
    is_shared::<CalcomClient>();
};

struct Inner {
    pipeline: Pipeline,
    credentials: Option<Arc<dyn Credentials>>,
    limits: Limits,
    profile: Profile,
    versions: ApiVersions,
    leases: Option<Arc<dyn LeaseStore>>,
    schedule_locks: ScheduleLocks,
}

impl Operation {
    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        let call = Call::new(self.name, self.method.clone(), self.path, arguments);
        if self.repeatable { call.replay(Replay::Safe) } else { call }
    }
}

impl CalcomClient {
    /// Returns a builder of clients.
    pub fn builder() -> CalcomClientBuilder {
        CalcomClientBuilder::new()
    }

    /// Requests to any path of the API, with the same credentials, limits and retries.
    pub fn raw(&self) -> Raw {
        Raw::new(self.clone())
    }

    /// Returns which of the two APIs it calls.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.0.pipeline.clock()
    }

    /// Returns the base URL of the API.
    pub(crate) fn base(&self) -> &str {
        self.0.pipeline.base()
    }

    /// Returns the name of the account in rate limit keys.
    pub(crate) fn account(&self) -> &str {
        self.0.limits.account()
    }

    /// Sends a call of `operation`.
    pub(crate) async fn send(&self, call: Call, operation: &Operation, options: &RequestOptions) -> Result<Response> {
        if operation.auth == Auth::Required && self.0.credentials.is_none() {
            let why =
                "this operation needs credentials: give the client's builder an `api_key`, `credentials` or `tokens`";
            let error = Error::new(ErrorKind::InvalidInput, why).with_detail(CalcomErrorReason::CredentialsMissing);
            return Err(error.at("calcom", operation.name));
        }
        let version = options.version.as_ref().or_else(|| operation.group.version(&self.0.versions));
        self.send_call(call, version.map(ToString::to_string).as_deref(), options)
            .await
            .map_err(|error| with_scope(error, operation))
    }

    async fn send_call(&self, mut call: Call, version: Option<&str>, options: &RequestOptions) -> Result<Response> {
        if let Some(version) = version {
            call = call.header(VERSION, version);
        }
        if let Some(credentials) = &self.0.credentials {
            call = call.credentials(Arc::clone(credentials));
        }
        let call = call.scopes(self.0.limits.scopes());
        self.0.pipeline.send(options.apply(call)).await.map_err(|error| match (error.kind(), error.problem()) {
            // Without a usable token nothing was sent: to callers the same as a rejected token.
            (ErrorKind::Auth, None) => error.with_detail(CalcomErrorReason::TokenInvalid),
            (ErrorKind::RateLimited, None) => error.with_detail(CalcomErrorReason::RateLimit),
            _ => error,
        })
    }
}

/// Adds the scope that the operation needs, which the provider does not report.
fn with_scope(error: Error, operation: &Operation) -> Error {
    match (error.problem(), operation.scope) {
        (Some(CalcomErrorReason::ScopeMissing { .. }), Some(scope)) => {
            error.with_detail(CalcomErrorReason::ScopeMissing { scope: Some(scope) })
        }
        _ => error,
    }
}

impl fmt::Debug for CalcomClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalcomClient")
            .field("base", &self.0.pipeline.base())
            .field("profile", &self.0.profile)
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}
