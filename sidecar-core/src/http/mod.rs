//! The pipeline that every call to a provider goes through, in one visible order:
//!
//! ```text
//! deadline → retry{ quota → limiter(all scopes) → token → headers → attempt timeout → transport → observe limits → classify } → decode
//! ```
//!
//! Here live the calls, the transport seam and that order. What an answer means lives with the provider
//! ([`Provider`]). Invariant: a request that may have been carried out is repeated only if the call says so.

mod observe;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod transport;

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::ExposeSecret;

#[cfg(feature = "reqwest")]
pub use self::reqwest::ReqwestTransport;
pub use self::{
    observe::{AttemptReport, Observer, TracingObserver},
    request::{Answer, Call},
    transport::{Body, ByteStream, HttpRequest, HttpResponse, Transport, TransportError},
};
use crate::{
    error::{Error, ErrorKind, Result, Sent},
    limit::{Decision, Feedback, RateLimiter, Scope},
    retry::{Breaker, Permit, RetryBudget, RetryPolicy, Verdict, classify, next},
    secret,
    time::{Clock, Elapsed, SystemClock, timeout},
};

/// How long a call may take in all when it does not say.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// How long one attempt may take when the call does not say.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What the pipeline must know of a provider.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its name in errors, logs and metrics, such as `ghl`.
    fn name(&self) -> &'static str;

    /// What an answer that is not 2xx means.
    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure;

    /// What an answer's headers say of the limits that the call was counted against.
    fn feedback(&self, status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
        let _ = (status, headers, scopes);
        Vec::new()
    }
}

/// A refusal, as the provider's crate understands it.
#[derive(Debug)]
pub struct Failure {
    /// What the caller is told. Status, operation and body are added by the pipeline.
    pub error: Error,
    /// Whether the access token is no longer good, so that one newer token is worth a try. Never `true` for a missing
    /// scope: that would burn a refresh token.
    pub token_refused: bool,
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
    /// [`ErrorKind::Config`] when the base URL is not an absolute http(s) URL.
    pub fn build(self) -> Result<Pipeline> {
        self.0.map(|inner| Pipeline(Arc::new(inner)))
    }
}

/// Checks a base URL and takes its trailing slash away.
fn base_url(base: &str) -> Result<String> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::Config, format!("the base URL `{base}` {why}")));
    match url::Url::parse(base) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => refuse("must begin with http:// or https://"),
        Ok(url) if url.query().is_some() || url.fragment().is_some() => refuse("must not have a query or a fragment"),
        Ok(url) if !url.username().is_empty() || url.password().is_some() => refuse("must not hold credentials"),
        Ok(_) => Ok(base.trim_end_matches('/').to_owned()),
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
    /// [`Error`], whose kind says what to do and whose [`Error::was_sent`] whether the provider may have acted.
    pub async fn call(&self, call: Call) -> Result<Answer> {
        let operation = call.operation.clone();
        let response = self.run(call, true).await?;
        let (head, body) = response.into_parts();
        let body = match body {
            Body::Bytes(bytes) => bytes,
            Body::Stream(_) => Bytes::new(),
        };
        Ok(Answer { provider: self.0.provider.name(), operation, status: head.status, headers: head.headers, body })
    }

    /// Sends a call and hands the answer's body out as it comes. Deadline and attempt timeout cover the head only; a
    /// refusal is read whole and becomes an error as in [`Pipeline::call`].
    ///
    /// # Errors
    /// As [`Pipeline::call`].
    pub async fn stream(&self, call: Call) -> Result<HttpResponse> {
        self.run(call, false).await
    }

    async fn run(&self, call: Call, whole: bool) -> Result<HttpResponse> {
        let (provider, operation) = (self.0.provider.name(), call.operation.clone());
        let deadline = call.deadline.unwrap_or(self.0.deadline);
        let run = Run { pipeline: &self.0, ends: self.0.clock.monotonic() + deadline, sent: AtomicU8::new(0), whole };
        let outcome = match timeout(&*self.0.clock, deadline, run.repeat(call)).await {
            Ok(outcome) => outcome,
            Err(Elapsed(limit)) => {
                Err(Error::new(ErrorKind::Deadline, format!("the deadline of {limit:?} passed")).sent(run.sent()))
            }
        };
        outcome.map_err(|error| error.at(provider, operation))
    }
}

/// One call on its way.
struct Run<'a> {
    pipeline: &'a Inner,
    ends: Duration,
    sent: AtomicU8,
    whole: bool,
}

/// How an attempt failed.
struct Failed {
    error: Error,
    token_refused: Option<u64>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, token_refused: None }
    }
}

impl Run<'_> {
    fn sent(&self) -> Sent {
        if self.sent.load(Ordering::Relaxed) == 0 { Sent::No } else { Sent::Perhaps }
    }

    fn remaining(&self) -> Duration {
        self.ends.saturating_sub(self.pipeline.clock.monotonic())
    }

    /// Attempts until one succeeds or the rules say stop.
    async fn repeat(&self, mut call: Call) -> Result<HttpResponse> {
        let url = call.url(&self.pipeline.base)?;
        let mut body =
            Some(std::mem::replace(call.body.get_mut().unwrap_or_else(PoisonError::into_inner), Body::EMPTY));
        let mut refused = None;
        let mut attempt = 1;
        loop {
            let Some(sendable) = take_body(&mut body) else {
                return Err(Error::new(ErrorKind::Config, "a streamed request cannot be sent twice"));
            };
            let Failed { error, token_refused } = match self.attempt(&call, &url, sendable, attempt, refused).await {
                Ok(answer) => {
                    self.pipeline.budget.on_success();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            if body.is_none() {
                return Err(error);
            }
            if let (Some(generation), None) = (token_refused, refused) {
                refused = Some(generation);
                continue;
            }
            let class = classify(&error, &call.replay);
            match next(&self.pipeline.retry, attempt, class, error.retry_after(), Some(self.remaining()), random_unit())
            {
                Verdict::Again(wait) if self.pipeline.budget.try_spend(class) => self.pipeline.clock.sleep(wait).await,
                _ => return Err(error),
            }
            attempt += 1;
        }
    }

    /// One attempt: limits, token, headers, transport, what the answer says.
    async fn attempt(
        &self,
        call: &Call,
        url: &str,
        body: Body,
        attempt: u32,
        refused: Option<u64>,
    ) -> Result<HttpResponse, Failed> {
        let inner = self.pipeline;
        let queued = inner.clock.monotonic();
        // Asked twice, so that an open circuit costs neither quota nor a token.
        drop(self.admit()?);
        self.wait_for_limits(call).await?;
        let (request, generation) = self.request(call, url, body, refused).await?;
        let permit = self.admit()?;

        let started = inner.clock.monotonic();
        let limit = call.attempt_timeout.unwrap_or(inner.attempt_timeout);
        self.sent.store(1, Ordering::Relaxed);
        let exchanged = match timeout(&*inner.clock, limit, self.exchange(request)).await {
            Ok(exchanged) => exchanged.map_err(transport_failed),
            Err(Elapsed(limit)) => {
                Err(Error::new(ErrorKind::Transport, format!("no whole answer within {limit:?}")).sent(Sent::Perhaps))
            }
        };
        let took = inner.clock.monotonic().saturating_sub(started);
        let status = exchanged.as_ref().ok().map(HttpResponse::status);
        let outcome = match exchanged {
            Ok(response) => self.judge(call, response, generation).await,
            Err(error) => Err(error.into()),
        };
        settle(permit, outcome.as_ref().err(), inner.clock.monotonic());
        let error = outcome.as_ref().err().map(|failed| failed.error.kind());
        let waited = started.saturating_sub(queued);
        let (provider, operation) = (inner.provider.name(), &call.operation);
        inner.observer.attempt(&AttemptReport { provider, operation, attempt, status, error, took, waited });
        if outcome.as_ref().is_err_and(|failed| failed.error.was_sent() == Sent::No) {
            self.sent.store(0, Ordering::Relaxed);
        }
        outcome
    }

    fn admit(&self) -> Result<Permit> {
        self.pipeline.breaker.admit(self.pipeline.clock.monotonic()).map_err(|open| {
            Error::new(ErrorKind::Server, "the provider failed repeatedly; its circuit is open")
                .with_retry_after(open.retry_in)
        })
    }

    async fn wait_for_limits(&self, call: &Call) -> Result<()> {
        let (Some(limiter), false) = (&self.pipeline.limiter, call.scopes.is_empty()) else {
            return Ok(());
        };
        loop {
            match limiter.try_acquire(&call.scopes, call.lane).await {
                Ok(Decision::Go) => return Ok(()),
                Ok(Decision::Wait(wait)) if wait <= self.remaining() => self.pipeline.clock.sleep(wait).await,
                Ok(Decision::Wait(wait)) => {
                    let why = format!("the limit allows the next call in {wait:?}, after the call's deadline");
                    return Err(Error::new(ErrorKind::RateLimited, why).with_retry_after(wait));
                }
                Err(error) => {
                    return Err(Error::new(ErrorKind::Store, "the limiter did not answer").with_source(error));
                }
            }
        }
    }

    async fn request(
        &self,
        call: &Call,
        url: &str,
        body: Body,
        refused: Option<u64>,
    ) -> Result<(HttpRequest, Option<u64>)> {
        let mut request = http::Request::new(body);
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| {
            Error::new(ErrorKind::Config, format!("the address cannot be sent: {error}"))
        })?;
        *request.headers_mut() = call.headers.clone();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.pipeline.user_agent.clone());
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let Some(credentials) = &call.credentials else {
            return Ok((request, None));
        };
        let bearer = credentials.bearer(refused).await?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.token.expose_secret()))
            .map_err(|_| Error::new(ErrorKind::Config, "the token has characters that cannot be sent in a header"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok((request, Some(bearer.generation)))
    }

    /// Sends, and reads the body when it is wanted whole or is a refusal.
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let response = self.pipeline.transport.send(request).await?;
        if !self.whole && response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.collect(MAX_ANSWER).await?;
        Ok(HttpResponse::from_parts(head, Body::Bytes(body)))
    }

    /// Tells the limiter what the headers say, and success from refusal.
    async fn judge(
        &self,
        call: &Call,
        response: HttpResponse,
        generation: Option<u64>,
    ) -> Result<HttpResponse, Failed> {
        let (status, provider) = (response.status(), &self.pipeline.provider);
        if let Some(limiter) = &self.pipeline.limiter {
            for feedback in provider.feedback(status, response.headers(), &call.scopes) {
                if let Err(error) = limiter.observe(&feedback).await {
                    tracing::warn!(provider = provider.name(), %error, "the limiter did not take the provider's word");
                }
            }
        }
        if status.is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.collect(MAX_ANSWER).await.map_err(transport_failed)?;
        let Failure { error, token_refused } = provider.failure(status, &head.headers, &body);
        let error = error.sent(Sent::Yes).with_status(status).with_body(&body);
        Err(Failed { error, token_refused: generation.filter(|_| token_refused) })
    }
}

/// The body for one attempt: bytes are kept for the next, a stream is gone.
fn take_body(body: &mut Option<Body>) -> Option<Body> {
    match body.take()? {
        Body::Bytes(bytes) => {
            *body = Some(Body::Bytes(bytes.clone()));
            Some(Body::Bytes(bytes))
        }
        stream => Some(stream),
    }
}

fn transport_failed(error: TransportError) -> Error {
    let sent = error.sent();
    Error::new(ErrorKind::Transport, error.to_string()).sent(sent).with_source(error)
}

/// Any answer but a 5xx shows that the provider lives.
fn settle(permit: Permit, failed: Option<&Failed>, now: Duration) {
    match failed.map(|failed| failed.error.kind()) {
        Some(ErrorKind::Transport | ErrorKind::Server) => permit.failure(now),
        _ => permit.success(),
    }
}

/// A number in 0..1 for jitter; 0.5 when the system has no randomness, which then only means no jitter.
fn random_unit() -> f64 {
    secret::random::<4>().map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / 4_294_967_296.0)
}

const _: () = {
    const fn is_send<T: Send>(_: &T) {}
    // A call's future can be spawned, whatever its body is.
    let _ = |pipeline: &'static Pipeline, call: Call| is_send(&pipeline.call(call));
};
