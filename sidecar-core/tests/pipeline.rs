//! The request pipeline: the result that the caller gets and the requests that the transport receives.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;
use sidecar_core::{
    Clock, Error, ErrorKind, Result, SendState, SystemClock,
    http::{Body, Call, ErrorResponse, HttpRequest, HttpResponse, Pipeline, Provider, Transport, TransportError},
    rate_limit::{LocalLimiter, Priority, Scope},
    retry::Breaker,
    test_util::ScriptedTransport,
    token::{AccessToken, Credentials},
};

#[derive(Debug)]
struct Acme;

impl Provider for Acme {
    fn name(&self) -> &'static str {
        "acme"
    }

    fn parse_error(&self, status: StatusCode, _: &HeaderMap, body: &[u8]) -> ErrorResponse {
        let text = String::from_utf8_lossy(body).into_owned();
        let kind = match status.as_u16() {
            401 => ErrorKind::Auth,
            429 => ErrorKind::RateLimited,
            500.. => ErrorKind::Server,
            _ => ErrorKind::Rejected,
        };
        let token_expired = text.contains("expired");
        let error = Error::new(kind, text);
        let wait = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|body| body["wait"].as_u64());
        let error = match wait {
            Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
            None => error,
        };
        ErrorResponse { error, token_expired }
    }
}

fn pipeline(transport: &Arc<impl Transport + 'static>) -> Pipeline {
    let transport: Arc<dyn Transport> = transport.clone();
    Pipeline::builder(Arc::new(Acme), "http://acme.test/api/", transport).build().unwrap()
}

fn get() -> Call {
    Call::new("things.get", Method::GET, "/things/{id}", &["7"])
}

fn post() -> Call {
    Call::new("things.create", Method::POST, "/things", &[]).json(&json!({"a": 1}))
}

fn broken() -> TransportError {
    TransportError::Broken("reset".into())
}

fn connection_refused() -> TransportError {
    TransportError::Connect("refused".into())
}

/// Returns token 1, and after each rejection the next one.
#[derive(Debug, Default)]
struct RefreshingCredentials(AtomicU64);

#[async_trait]
impl Credentials for RefreshingCredentials {
    async fn access_token(&self, rejected: Option<u64>) -> Result<AccessToken> {
        let generation = rejected.map_or(1, |rejected| rejected + 1);
        self.0.fetch_max(generation, Ordering::Relaxed);
        Ok(AccessToken { token: format!("t{generation}").into(), generation })
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_is_decoded_and_the_request_is_sent_as_built() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"id": "7"})));
    let response = pipeline(&transport).send(get().query("q", "a b")).await.unwrap();
    assert_eq!(response.json::<serde_json::Value>().unwrap()["id"], "7");
    let request = &transport.requests()[0];
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "http://acme.test/api/things/7?q=a+b"));
    assert_eq!(request.header("accept"), "application/json");
}

#[tokio::test(start_paused = true)]
async fn a_read_is_retried_after_server_errors_and_broken_connections() {
    let transport = Arc::new(ScriptedTransport::new().respond(503, json!({})).fail(broken()).respond(200, json!({})));
    pipeline(&transport).send(get()).await.unwrap();
    assert_eq!(transport.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_have_taken_effect_is_not_retried_and_says_so() {
    let transport = Arc::new(ScriptedTransport::new().fail(broken()).respond(201, json!({})));
    let error = pipeline(&transport).send(post()).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
    assert!(error.to_string().contains("may have taken effect"), "{error}");
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_not_sent_is_retried() {
    let transport = Arc::new(ScriptedTransport::new().fail(connection_refused()).respond(201, json!({})));
    pipeline(&transport).send(post()).await.unwrap();
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_first_attempt_is_reported_after_an_unsent_last_one() {
    let put = || Call::new("things.replace", Method::PUT, "/things/{id}", &["7"]);
    for transport in [ScriptedTransport::new().fail(broken()), ScriptedTransport::new().respond(502, json!({}))] {
        let transport =
            Arc::new(transport.fail(connection_refused()).fail(connection_refused()).fail(connection_refused()));
        let error = pipeline(&transport).send(put()).await.unwrap_err();
        assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown), "{error}");
    }
    let transport = Arc::new(
        ScriptedTransport::new()
            .fail(connection_refused())
            .fail(connection_refused())
            .fail(connection_refused())
            .fail(connection_refused()),
    );
    assert_eq!(pipeline(&transport).send(put()).await.unwrap_err().send_state(), SendState::NotSent);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_create_is_retried_after_the_requested_wait() {
    let clock = SystemClock::shared();
    let transport = Arc::new(ScriptedTransport::new().respond(429, json!({"wait": 3})).respond(201, json!({})));
    pipeline(&transport).send(post()).await.unwrap();
    assert_eq!(transport.requests().len(), 2);
    assert_eq!(clock.monotonic(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_once_without_using_an_attempt() {
    let expired = json!({"message": "expired"});
    let transport = Arc::new(ScriptedTransport::new().respond(401, expired.clone()).respond(200, json!({})));
    let credentials = Arc::new(RefreshingCredentials::default());
    pipeline(&transport).send(post().credentials(credentials)).await.unwrap();
    let sent: Vec<_> = transport.requests().iter().map(|r| r.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Bearer t1", "Bearer t2"]);

    let transport = Arc::new(ScriptedTransport::new().respond(401, expired.clone()).respond(401, expired));
    let error =
        pipeline(&transport).send(get().credentials(Arc::new(RefreshingCredentials::default()))).await.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Auth, 2));
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_does_not_replace_the_token() {
    let transport = Arc::new(ScriptedTransport::new().respond(401, json!({"message": "scope"})));
    let credentials = Arc::new(RefreshingCredentials::default());
    pipeline(&transport).send(get().credentials(credentials.clone())).await.unwrap_err();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 1);
}

/// Credentials whose token endpoint closes the connection during an exchange.
#[derive(Debug)]
struct FailingCredentials;

#[async_trait]
impl Credentials for FailingCredentials {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        Err(Error::new(ErrorKind::Transport, "the token endpoint closed the connection")
            .with_send_state(SendState::Unknown))
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_failure_does_not_mean_that_the_call_was_sent() {
    let transport = Arc::new(ScriptedTransport::new());
    let error = pipeline(&transport).send(post().credentials(Arc::new(FailingCredentials))).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::NotSent), "{error}");
    assert!(transport.requests().is_empty());
}

/// Records the token that the provider accepted.
#[derive(Debug, Default)]
struct RecordingCredentials(AtomicU64);

#[async_trait]
impl Credentials for RecordingCredentials {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        Ok(AccessToken { token: "t".into(), generation: 7 })
    }

    fn accepted(&self, generation: u64) {
        self.0.store(generation, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_are_notified_when_the_provider_accepts_their_token() {
    let transport = Arc::new(ScriptedTransport::new().respond(401, json!({})).respond(200, json!({})));
    let (pipeline, credentials) = (pipeline(&transport), Arc::new(RecordingCredentials::default()));
    pipeline.send(get().credentials(credentials.clone())).await.unwrap_err();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 0);
    pipeline.send(get().credentials(credentials.clone())).await.unwrap();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 7);
}

#[tokio::test(start_paused = true)]
async fn debug_output_of_a_response_omits_the_body() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"access_token": "canary"})));
    let response = pipeline(&transport).send(get()).await.unwrap();
    assert!(!format!("{response:?}").contains("canary"), "{response:?}");
}

#[derive(Debug)]
struct HangingTransport;

#[async_trait]
impl Transport for HangingTransport {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_outlives_its_deadline() {
    let clock = SystemClock::shared();
    let error = pipeline(&Arc::new(HangingTransport)).send(get().deadline(Duration::from_secs(12))).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Deadline, SendState::Unknown));
    assert!(clock.monotonic() <= Duration::from_secs(12), "{:?}", clock.monotonic());
}

#[tokio::test(start_paused = true)]
async fn a_call_may_have_an_unlimited_deadline() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({})));
    let pipeline = pipeline(&transport);
    SystemClock::new().sleep(Duration::from_secs(1)).await;
    pipeline.send(get().deadline(Duration::MAX)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_that_reach_their_deadline_open_the_circuit() {
    let breaker = Breaker::default();
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", Arc::new(HangingTransport))
        .breaker(breaker.clone())
        .build()
        .unwrap();
    for _ in 0..10 {
        assert!(breaker.is_closed());
        pipeline.send(get().deadline(Duration::from_secs(5))).await.unwrap_err();
    }
    assert!(!breaker.is_closed());
}

/// Returns its token at this time.
#[derive(Debug)]
struct SlowCredentials(Arc<dyn Clock>, Duration);

#[async_trait]
impl Credentials for SlowCredentials {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        self.0.sleep(self.1.saturating_sub(self.0.monotonic())).await;
        Ok(AccessToken { token: "t".into(), generation: 1 })
    }
}

/// Records when each request was sent.
#[derive(Debug)]
struct TimestampingTransport(Arc<dyn Clock>, Mutex<Vec<Duration>>);

#[async_trait]
impl Transport for TimestampingTransport {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.1.lock().unwrap().push(self.0.monotonic());
        Ok(HttpResponse::new(Body::EMPTY))
    }
}

#[tokio::test(start_paused = true)]
async fn quota_is_not_acquired_before_the_token_is_available() {
    let (clock, window) = (SystemClock::shared(), Duration::from_secs(10));
    let transport = Arc::new(TimestampingTransport(clock.clone(), Mutex::default()));
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", transport.clone())
        .clock(clock.clone())
        .limiter(Arc::new(LocalLimiter::new(clock.clone())))
        .build()
        .unwrap();
    let token = Arc::new(SlowCredentials(clock, Duration::from_secs(9)));
    let limited = || get().scopes([Scope::sliding_window("acme", 100, window)]).credentials(token.clone());
    join_all((0..200).map(|_| pipeline.send(limited()))).await.into_iter().for_each(|response| drop(response.unwrap()));

    let stamps = transport.1.lock().unwrap().clone();
    let within = |start: Duration| stamps.iter().filter(|at| (start..start + window).contains(at)).count();
    let most = stamps.iter().map(|start| within(*start)).max();
    assert_eq!((stamps.len(), most), (200, Some(100)), "at most 100 requests are sent in any 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_wait_beyond_the_deadline_fails_before_sending() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({})));
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", transport.clone())
        .limiter(Arc::new(LocalLimiter::new(SystemClock::shared())))
        .build()
        .unwrap();
    let limited = || get().scopes([Scope::sliding_window("acme", 1, Duration::from_secs(60))]);
    pipeline.send(limited()).await.unwrap();
    let error = pipeline.send(limited().priority(Priority::Interactive)).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::RateLimited, SendState::NotSent));
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(30)), "{error:?}");
    assert_eq!(transport.requests().len(), 1);
}

/// A transport whose connections all break, and that counts the requests.
#[derive(Debug, Default)]
struct BrokenTransport(AtomicU64);

#[async_trait]
impl Transport for BrokenTransport {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(broken())
    }
}

/// Returns how many requests a thousand calls send during an outage.
async fn requests_during_outage(breaker: Breaker) -> u64 {
    let transport = Arc::new(BrokenTransport::default());
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", transport.clone() as Arc<dyn Transport>)
        .breaker(breaker)
        .build()
        .unwrap();
    for _ in 0..1_000 {
        pipeline.send(get().deadline(Duration::from_secs(1))).await.unwrap_err();
    }
    transport.0.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn an_outage_opens_the_circuit_and_causes_few_retries() {
    let requests = requests_during_outage(Breaker::default()).await;
    assert!(requests <= 1_100, "{requests} requests for 1000 calls");
}

#[tokio::test(start_paused = true)]
async fn the_retry_budget_alone_limits_retries_in_an_outage() {
    assert_eq!(requests_during_outage(Breaker::new(u32::MAX, Duration::ZERO)).await, 1_000 + 35);
}

#[tokio::test(start_paused = true)]
async fn invalid_calls_fail_without_sending() {
    let transport = Arc::new(ScriptedTransport::new());
    let pipeline = pipeline(&transport);
    for call in [
        Call::new("x", Method::GET, "/things/{id}", &[".."]),
        Call::new("x", Method::GET, "things", &[]),
        get().header(http::header::COOKIE, "a\nb"),
    ] {
        let error = pipeline.send(call).await.unwrap_err();
        assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent), "{error}");
    }
    assert!(transport.requests().is_empty());
}

#[test]
fn invalid_base_urls_are_rejected() {
    for bad in ["", "acme.test", "ftp://acme.test", "http://u:p@acme.test", "http://acme.test/?a=1"] {
        let transport: Arc<dyn Transport> = Arc::new(HangingTransport);
        let error = Pipeline::builder(Arc::new(Acme), bad, transport).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}: {error}");
    }
}
