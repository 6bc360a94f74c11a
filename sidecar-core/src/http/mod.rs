//! The pipeline that every call to a provider goes through, in one visible order:
//!
//! ```text
//! deadline → retry{ quota → limiter(all scopes) → token → headers → attempt timeout → transport → observe limits → classify } → decode
//! ```
//!
//! Here live the calls, the transport seam and that order. What an answer means lives with the provider
//! ([`Provider`]). Invariant: a request that may have been carried out is repeated only if the call says so.

mod observe;
mod public;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod run;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

#[cfg(feature = "reqwest")]
pub use self::reqwest::{NotPublic, PublicTransport, ReqwestTransport};
use self::run::Run;
pub use self::{
    observe::{AttemptReport, Observer, TracingObserver},
    public::is_public,
    request::{Call, Response},
    transport::{Body, ByteStream, HttpRequest, HttpResponse, Transport, TransportError},
};
use crate::{
    error::{Error, ErrorKind, Result},
    rate_limit::{Feedback, RateLimiter, Scope},
    retry::{Breaker, RetryBudget, RetryPolicy},
    time::{Clock, Elapsed, SystemClock, timeout},
};

/// How long a call may take in all when it does not say.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// How long one attempt may take when the call does not say.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// What the pipeline must know of a provider.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in errors, logs and metrics, such as `ghl`.
    fn name(&self) -> &'static str;

    /// What an answer that is not 2xx means.
    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse;

    /// What an answer's headers say of the limits that the call was counted against.
    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        let _ = (status, headers, scopes);
        Vec::new()
    }
}

/// A refusal, as the provider's crate understands it.
#[derive(Debug)]
pub struct ErrorResponse {
    /// What the caller is told. Status, operation and body are added by the pipeline.
    pub error: Error,
    /// Whether the access token is no longer good, so that one newer token is worth a try. Never `true` for a missing
    /// scope: that would burn a refresh token.
    pub token_expired: bool,
}

/// Sends calls to one provider. Cheap to clone; clones share limits, retry budget and circuit breaker.
#[derive(Clone, Debug)]
pub struct Pipeline(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: Arc<dyn Provider>,
    base: String,
    transport: Arc<dyn Transport>,
    limiter: Option<Arc<dyn RateLimiter>>,
    retry: RetryPolicy,
    budget: RetryBudget,
    breaker: Breaker,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    deadline: Duration,
    attempt_timeout: Duration,
    user_agent: HeaderValue,
}

/// Builds a [`Pipeline`].
#[derive(Debug)]
#[must_use = "call `build`"]
pub struct PipelineBuilder(Result<Inner>);

impl PipelineBuilder {
    fn set(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Ok(inner) = &mut self.0 {
            change(inner);
        }
        self
    }

    /// Waits for these limits before sending. Without it nothing waits.
    pub fn limiter(self, limiter: Arc<dyn RateLimiter>) -> Self {
        self.set(|inner| inner.limiter = Some(limiter))
    }

    /// Replaces the retry policy.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.set(|inner| inner.retry = policy)
    }

    /// Shares a retry budget with other pipelines.
    pub fn budget(self, budget: RetryBudget) -> Self {
        self.set(|inner| inner.budget = budget)
    }

    /// Replaces the circuit breaker.
    pub fn breaker(self, breaker: Breaker) -> Self {
        self.set(|inner| inner.breaker = breaker)
    }

    /// Replaces the clock, for tests.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.set(|inner| inner.clock = clock)
    }

    /// Reports every attempt.
    pub fn observer(self, observer: Arc<dyn Observer>) -> Self {
        self.set(|inner| inner.observer = observer)
    }

    /// Replaces [`DEFAULT_DEADLINE`].
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set(|inner| inner.deadline = deadline)
    }

    /// Replaces [`DEFAULT_ATTEMPT_TIMEOUT`].
    pub fn attempt_timeout(self, timeout: Duration) -> Self {
        self.set(|inner| inner.attempt_timeout = timeout)
    }

    /// The finished pipeline.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the base URL is not an absolute http(s) URL.
    pub fn build(self) -> Result<Pipeline> {
        self.0.map(|inner| Pipeline(Arc::new(inner)))
    }
}

/// Checks a base URL and takes its trailing slash away.
fn base_url(base: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::InvalidInput, format!("the base URL `{base}` {why}")));
    match url::Url::parse(base) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => refuse("must begin with http:// or https://"),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => refuse("must not have a query or a fragment"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => refuse("must not hold credentials"),
        Ok(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        Err(error) => refuse(&format!("is not an absolute URL: {error}")),
    }
}

impl Pipeline {
    /// A pipeline to `base` (`https://services.leadconnectorhq.com`; a path prefix is kept).
    pub fn builder(provider: Arc<dyn Provider>, base: &str, transport: Arc<dyn Transport>) -> PipelineBuilder {
        PipelineBuilder(base_url(base).map(|base| Inner {
            provider,
            base,
            transport,
            limiter: None,
            retry: RetryPolicy::default(),
            budget: RetryBudget::default(),
            breaker: Breaker::default(),
            clock: SystemClock::shared(),
            observer: Arc::new(TracingObserver),
            deadline: DEFAULT_DEADLINE,
            attempt_timeout: DEFAULT_ATTEMPT_TIMEOUT,
            user_agent: HeaderValue::from_static(concat!("sidecar/", env!("CARGO_PKG_VERSION"))),
        }))
    }

    /// The clock that the pipeline waits by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The limiter, if there is one.
    pub fn limiter(&self) -> Option<&Arc<dyn RateLimiter>> {
        self.0.limiter.as_ref()
    }

    /// The provider's base URL, without a trailing slash.
    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// Sends a call and reads the answer whole.
    ///
    /// # Errors
    /// [`Error`], whose kind says what to do and whose [`Error::send_state`] whether the provider may have acted.
    pub async fn send(&self, send: Call) -> Result<Response> {
        let operation = send.operation.clone();
        let response = self.run(send, true).await?;
        let (head, body) = response.into_parts();
        let body = match body {
            Body::Bytes(bytes) => bytes,
            Body::Stream(_) => Bytes::new(),
        };
        Ok(Response { provider: self.0.provider.name(), operation, status: head.status, headers: head.headers, body })
    }

    /// Sends a call and hands the answer's body out as it comes. Deadline and attempt timeout cover the head only; a
    /// refusal is read whole and becomes an error as in [`Pipeline::send`].
    ///
    /// # Errors
    /// As [`Pipeline::send`].
    pub async fn stream(&self, call: Call) -> Result<HttpResponse> {
        self.run(call, false).await
    }

    async fn run(&self, call: Call, whole: bool) -> Result<HttpResponse> {
        let (provider, operation) = (self.0.provider.name(), call.operation.clone());
        let deadline = call.deadline.unwrap_or(self.0.deadline);
        let run = Run::new(&self.0, deadline, whole);
        let outcome = match timeout(&*self.0.clock, deadline, run.repeat(call)).await {
            Ok(outcome) => outcome,
            Err(Elapsed(limit)) => Err(Error::new(ErrorKind::Deadline, format!("the deadline of {limit:?} passed"))
                .with_send_state(run.sent())),
        };
        outcome.map_err(|error| error.at(provider, operation))
    }
}
