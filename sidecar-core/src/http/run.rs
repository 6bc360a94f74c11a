use std::{
    sync::{
        PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{HeaderValue, header};
use secrecy::ExposeSecret;

use super::{
    AttemptReport, Body, Call, ErrorResponse, HttpRequest, HttpResponse, Inner, MAX_RESPONSE_BYTES, TransportError,
};
use crate::{
    error::{Error, ErrorKind, Result, SendState},
    rate_limit::Decision,
    retry::{Permit, RetryDecision, classify, next},
    secret,
    time::{Elapsed, timeout},
};

/// An attempt ends this much before the call's deadline, so that the breaker and the observer still hear how it went.
const GRACE: Duration = Duration::from_millis(5);

/// One call on its way.
pub(super) struct Run<'a> {
    pipeline: &'a Inner,
    ends: Duration,
    /// The body is wanted whole.
    whole: bool,
    /// An attempt is on the wire.
    on_the_wire: AtomicBool,
    /// An earlier attempt may have been carried out.
    carried_out: AtomicBool,
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

impl<'a> Run<'a> {
    pub(super) fn new(pipeline: &'a Inner, deadline: Duration, whole: bool) -> Self {
        let ends = pipeline.clock.monotonic().saturating_add(deadline);
        Self { pipeline, ends, whole, on_the_wire: AtomicBool::new(false), carried_out: AtomicBool::new(false) }
    }

    /// Whether anything of the call may have been carried out so far.
    pub(super) fn sent(&self) -> SendState {
        if self.on_the_wire.load(Relaxed) || self.carried_out.load(Relaxed) {
            SendState::Unknown
        } else {
            SendState::NotSent
        }
    }

    /// A later attempt that was not sent does not undo an earlier one that perhaps was.
    fn raised(&self, error: Error) -> Error {
        let sent = error.send_state().max(self.sent());
        error.with_send_state(sent)
    }

    fn remaining(&self) -> Duration {
        self.ends.saturating_sub(self.pipeline.clock.monotonic())
    }

    /// Attempts until one succeeds or the rules say stop.
    pub(super) async fn repeat(&self, mut call: Call) -> Result<HttpResponse> {
        let url = call.url(&self.pipeline.base)?;
        let mut body =
            Some(std::mem::replace(call.body.get_mut().unwrap_or_else(PoisonError::into_inner), Body::EMPTY));
        let mut refused = None;
        let mut attempt = 1;
        loop {
            let Some(sendable) = take_body(&mut body) else {
                return Err(Error::new(ErrorKind::InvalidInput, "a streamed request cannot be sent twice"));
            };
            let Failed { error, token_refused } = match self.attempt(&call, &url, sendable, attempt, refused).await {
                Ok(answer) => {
                    self.pipeline.budget.on_success();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            if let (Some(generation), None) = (token_refused, refused) {
                refused = Some(generation);
                if body.is_some() {
                    continue;
                }
                self.renew_for_later(&call, generation).await;
            }
            if body.is_none() {
                return Err(self.raised(error));
            }
            let class = classify(&error, &call.replay);
            match next(&self.pipeline.retry, attempt, class, error.retry_after(), Some(self.remaining()), random_unit())
            {
                RetryDecision::RetryAfter(wait) if self.pipeline.budget.try_spend(class) => {
                    self.pipeline.clock.sleep(wait).await
                }
                _ => return Err(self.raised(error)),
            }
            attempt += 1;
        }
    }

    /// A stream cannot be sent again, but the next call need not be refused too.
    async fn renew_for_later(&self, call: &Call, generation: u64) {
        if let Some(credentials) = &call.credentials
            && let Err(error) = credentials.access_token(Some(generation)).await
        {
            tracing::warn!(operation = %call.operation, %error, "the refused token could not be renewed");
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
        // Circuit and token are asked twice: a wait for either must not come after the quota was taken.
        drop(self.admit()?);
        if let Some(credentials) = &call.credentials {
            credentials.access_token(refused).await.map_err(|error| error.with_send_state(SendState::NotSent))?;
        }
        let let_go = self.wait_for_limits(call).await?;
        let (request, generation) = self.request(call, url, body, refused).await?;
        let permit = self.admit()?;

        let started = inner.clock.monotonic();
        let exchanged = self.timed_exchange(call, request).await;
        let took = inner.clock.monotonic().saturating_sub(started);
        let status = exchanged.as_ref().ok().map(HttpResponse::status);
        let outcome = match exchanged {
            Ok(response) => self.judge(call, response, generation, let_go).await,
            Err(error) => Err(error.into()),
        };
        self.note(outcome.as_ref().err());
        settle(permit, outcome.as_ref().err(), inner.clock.monotonic());
        if let (Ok(_), Some(credentials), Some(generation)) = (&outcome, &call.credentials, generation) {
            credentials.accepted(generation);
        }
        let error = outcome.as_ref().err().map(|failed| failed.error.kind());
        let waited = started.saturating_sub(queued);
        let (provider, operation) = (inner.provider.name(), &call.operation);
        inner.observer.attempt(&AttemptReport { provider, operation, attempt, status, error, took, waited });
        outcome
    }

    /// Sends within the attempt's time, or what is left of the call's.
    async fn timed_exchange(&self, call: &Call, request: HttpRequest) -> Result<HttpResponse> {
        let inner = self.pipeline;
        let own = call.attempt_timeout.unwrap_or(inner.attempt_timeout);
        let left = self.remaining().saturating_sub(GRACE);
        let (limit, kind) = if own <= left { (own, ErrorKind::Transport) } else { (left, ErrorKind::Deadline) };
        self.on_the_wire.store(true, Relaxed);
        match timeout(&*inner.clock, limit, self.exchange(request)).await {
            Ok(exchanged) => exchanged.map_err(transport_failed),
            Err(Elapsed(limit)) => {
                Err(Error::new(kind, format!("no whole answer within {limit:?}")).with_send_state(SendState::Unknown))
            }
        }
    }

    /// Remembers whether the attempt that just ended may have been carried out.
    fn note(&self, failed: Option<&Failed>) {
        self.on_the_wire.store(false, Relaxed);
        let ambiguous = failed.is_some_and(|Failed { error, .. }| {
            error.send_state() == SendState::Unknown || error.status().is_some_and(|status| status.is_server_error())
        });
        self.carried_out.fetch_or(ambiguous, Relaxed);
    }

    fn admit(&self) -> Result<Permit> {
        self.pipeline.breaker.admit(self.pipeline.clock.monotonic()).map_err(|open| {
            Error::new(ErrorKind::Server, "the provider failed repeatedly; its circuit is open")
                .with_retry_after(open.retry_in)
        })
    }

    /// When the limiter was asked that let the call go: it counted the call no earlier.
    async fn wait_for_limits(&self, call: &Call) -> Result<Duration> {
        loop {
            let asked = self.pipeline.clock.monotonic();
            let (Some(limiter), false) = (&self.pipeline.limiter, call.scopes.is_empty()) else {
                return Ok(asked);
            };
            match limiter.try_acquire(&call.scopes, call.priority).await {
                Ok(Decision::Go) => return Ok(asked),
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
            Error::new(ErrorKind::InvalidInput, format!("the address cannot be sent: {error}"))
        })?;
        *request.headers_mut() = call.headers.clone();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.pipeline.user_agent.clone());
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let Some(credentials) = &call.credentials else {
            return Ok((request, None));
        };
        let bearer =
            credentials.access_token(refused).await.map_err(|error| error.with_send_state(SendState::NotSent))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", bearer.token.expose_secret())).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "the token has characters that cannot be sent in a header")
        })?;
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
        let body = body.collect(MAX_RESPONSE_BYTES).await?;
        Ok(HttpResponse::from_parts(head, Body::Bytes(body)))
    }

    /// Tells the limiter what the headers say, and success from refusal.
    async fn judge(
        &self,
        call: &Call,
        response: HttpResponse,
        generation: Option<u64>,
        let_go: Duration,
    ) -> Result<HttpResponse, Failed> {
        let (status, provider) = (response.status(), &self.pipeline.provider);
        if let Some(limiter) = &self.pipeline.limiter {
            let took = self.pipeline.clock.monotonic().saturating_sub(let_go);
            for mut feedback in provider.feedback(status, response.headers(), &call.scopes) {
                feedback.took = Some(took);
                if let Err(error) = limiter.observe(&feedback).await {
                    tracing::warn!(provider = provider.name(), %error, "the limiter did not take the provider's word");
                }
            }
        }
        if status.is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.collect(MAX_RESPONSE_BYTES).await.map_err(transport_failed)?;
        let ErrorResponse { error, token_expired } = provider.parse_error(status, &head.headers, &body);
        let error = error.with_send_state(SendState::Responded).with_status(status).with_body(&body);
        Err(Failed { error, token_refused: generation.filter(|_| token_expired) })
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
    let (kind, sent) = match &error {
        TransportError::Request(_) => (ErrorKind::InvalidInput, SendState::NotSent),
        TransportError::Connect(_) => (ErrorKind::Transport, SendState::NotSent),
        TransportError::Broken(_) | TransportError::Body(_) => (ErrorKind::Transport, SendState::Unknown),
        TransportError::TooLarge { .. } => (ErrorKind::Decode, SendState::Responded),
    };
    Error::new(kind, error.to_string()).with_send_state(sent).with_source(error)
}

/// Any answer but a 5xx shows that the provider lives.
fn settle(permit: Permit, failed: Option<&Failed>, now: Duration) {
    match failed.map(|failed| failed.error.kind()) {
        Some(ErrorKind::Transport | ErrorKind::Server | ErrorKind::Deadline) => permit.failure(now),
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
    let _ = |pipeline: &'static super::Pipeline, call: Call| is_send(&pipeline.send(call));
};
