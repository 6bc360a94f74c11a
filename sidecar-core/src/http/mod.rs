//! The pipeline that every call to a provider goes through, in one visible order:
//!
//! ```text
//! deadline → retry{ quota → limiter(all scopes) → token → headers → attempt timeout → transport → observe limits → classify } → decode
//! ```
//!
//! The provider's crate interprets responses ([`Provider`]). Invariant: a request that may have taken effect is repeated only if the
//! call allows it.

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

/// The default deadline of a call, including waits and retries.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// The default timeout of one attempt.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest response that is read.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// The properties of a provider that the pipeline needs.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in errors, logs and metrics, such as `ghl`.
    fn name(&self) -> &'static str;

    /// Interprets a response whose status is not 2xx.
    fn parse_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ErrorResponse;

    /// Returns what the headers of a response report about the limits of the call.
    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        let _ = (status, headers, scopes);
        Vec::new()
    }
}

/// An error response, interpreted by the provider's crate.
#[derive(Debug)]
pub struct ErrorResponse {
    /// The error for the caller. The pipeline adds status, operation and body.
    pub error: Error,
    /// Whether the access token has expired or was revoked, so that one attempt with a newer token is useful. Never `true` for a
    /// missing scope, which would waste a refresh token.
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

    /// Sets the limiter. Without one, calls do not wait.
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

    /// Returns the pipeline.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the base URL is not an absolute http(s) URL.
    pub fn build(self) -> Result<Pipeline> {
        self.0.map(|inner| Pipeline(Arc::new(inner)))
    }
}

/// Checks a base URL and removes its trailing slash.
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
    /// Returns a builder of a pipeline to `base` (`https://services.leadconnectorhq.com`, with any path prefix).
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

    /// Returns the clock of the pipeline.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Returns the limiter, if there is one.
    pub fn limiter(&self) -> Option<&Arc<dyn RateLimiter>> {
        self.0.limiter.as_ref()
    }

    /// Returns the base URL without a trailing slash.
    pub fn base(&self) -> &str {
        &self.0.base
    }

    /// Sends a call and reads the whole response.
    ///
    /// # Errors
    /// [`Error`]; its kind says what to do, and [`Error::send_state`] whether the request may have taken effect.
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

    /// Sends a call and streams the body of the response. The deadline and the timeout cover only the head. An error response is read
    /// whole and becomes an error as in [`Pipeline::send`].
    ///
    /// # Errors
    /// Those of [`Pipeline::send`].
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
