//! The pipeline's order, seen from its two ends: what the caller gets and what the transport was asked.

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
        let token_refused = text.contains("expired");
        let error = Error::new(kind, text);
        let wait = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|body| body["wait"].as_u64());
        let error = match wait {
            Some(seconds) => error.with_retry_after(Duration::from_secs(seconds)),
            None => error,
        };
        ErrorResponse { error, token_expired: token_refused }
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

fn refused() -> TransportError {
    TransportError::Connect("refused".into())
}

/// Gives token 1, and after a refusal token 2, 3, ….
#[derive(Debug, Default)]
struct Renewing(AtomicU64);

#[async_trait]
impl Credentials for Renewing {
    async fn access_token(&self, refused: Option<u64>) -> Result<AccessToken> {
        let generation = refused.map_or(1, |refused| refused + 1);
        self.0.fetch_max(generation, Ordering::Relaxed);
        Ok(AccessToken { token: format!("t{generation}").into(), generation })
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_decoded_and_the_request_is_as_built() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"id": "7"})));
    let answer = pipeline(&transport).send(get().query("q", "a b")).await.unwrap();
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["id"], "7");
    let request = &transport.requests()[0];
    assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "http://acme.test/api/things/7?q=a+b"));
    assert_eq!(request.header("accept"), "application/json");
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_after_server_trouble_and_broken_connections() {
    let transport = Arc::new(ScriptedTransport::new().respond(503, json!({})).fail(broken()).respond(200, json!({})));
    pipeline(&transport).send(get()).await.unwrap();
    assert_eq!(transport.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_may_have_happened_is_not_repeated_and_says_so() {
    let transport = Arc::new(ScriptedTransport::new().fail(broken()).respond(201, json!({})));
    let error = pipeline(&transport).send(post()).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown));
    assert!(error.to_string().contains("may have taken effect"), "{error}");
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_not_sent_is_repeated() {
    let transport = Arc::new(ScriptedTransport::new().fail(refused()).respond(201, json!({})));
    pipeline(&transport).send(post()).await.unwrap();
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_first_attempt_may_have_happened_says_so_though_the_last_was_not_sent() {
    let put = || Call::new("things.replace", Method::PUT, "/things/{id}", &["7"]);
    for transport in [ScriptedTransport::new().fail(broken()), ScriptedTransport::new().respond(502, json!({}))] {
        let transport = Arc::new(transport.fail(refused()).fail(refused()).fail(refused()));
        let error = pipeline(&transport).send(put()).await.unwrap_err();
        assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::Unknown), "{error}");
    }
    let transport = Arc::new(ScriptedTransport::new().fail(refused()).fail(refused()).fail(refused()).fail(refused()));
    assert_eq!(pipeline(&transport).send(put()).await.unwrap_err().send_state(), SendState::NotSent);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_create_is_repeated_after_the_wait_asked_for() {
    let clock = SystemClock::shared();
    let transport = Arc::new(ScriptedTransport::new().respond(429, json!({"wait": 3})).respond(201, json!({})));
    pipeline(&transport).send(post()).await.unwrap();
    assert_eq!(transport.requests().len(), 2);
    assert_eq!(clock.monotonic(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_replaced_once_without_spending_an_attempt() {
    let expired = json!({"message": "expired"});
    let transport = Arc::new(ScriptedTransport::new().respond(401, expired.clone()).respond(200, json!({})));
    let credentials = Arc::new(Renewing::default());
    pipeline(&transport).send(post().credentials(credentials)).await.unwrap();
    let sent: Vec<_> = transport.requests().iter().map(|r| r.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Bearer t1", "Bearer t2"]);

    let transport = Arc::new(ScriptedTransport::new().respond(401, expired.clone()).respond(401, expired));
    let error = pipeline(&transport).send(get().credentials(Arc::new(Renewing::default()))).await.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Auth, 2));
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_burns_no_token() {
    let transport = Arc::new(ScriptedTransport::new().respond(401, json!({"message": "scope"})));
    let credentials = Arc::new(Renewing::default());
    pipeline(&transport).send(get().credentials(credentials.clone())).await.unwrap_err();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 1);
}

/// Its token endpoint breaks in the middle of an exchange.
#[derive(Debug)]
struct NoToken;

#[async_trait]
impl Credentials for NoToken {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        Err(Error::new(ErrorKind::Transport, "the token endpoint hung up").with_send_state(SendState::Unknown))
    }
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_token_does_not_mean_that_the_call_was_sent() {
    let transport = Arc::new(ScriptedTransport::new());
    let error = pipeline(&transport).send(post().credentials(Arc::new(NoToken))).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Transport, SendState::NotSent), "{error}");
    assert!(transport.requests().is_empty());
}

/// Tells of the tokens that the provider took.
#[derive(Debug, Default)]
struct Listening(AtomicU64);

#[async_trait]
impl Credentials for Listening {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        Ok(AccessToken { token: "t".into(), generation: 7 })
    }

    fn accepted(&self, generation: u64) {
        self.0.store(generation, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_hear_of_it_when_the_provider_takes_their_token() {
    let transport = Arc::new(ScriptedTransport::new().respond(401, json!({})).respond(200, json!({})));
    let (pipeline, credentials) = (pipeline(&transport), Arc::new(Listening::default()));
    pipeline.send(get().credentials(credentials.clone())).await.unwrap_err();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 0);
    pipeline.send(get().credentials(credentials.clone())).await.unwrap();
    assert_eq!(credentials.0.load(Ordering::Relaxed), 7);
}

#[tokio::test(start_paused = true)]
async fn an_answers_debug_shows_no_body() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"access_token": "canary"})));
    let answer = pipeline(&transport).send(get()).await.unwrap();
    assert!(!format!("{answer:?}").contains("canary"), "{answer:?}");
}

#[derive(Debug)]
struct Silent;

#[async_trait]
impl Transport for Silent {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_outlives_its_deadline() {
    let clock = SystemClock::shared();
    let error = pipeline(&Arc::new(Silent)).send(get().deadline(Duration::from_secs(12))).await.unwrap_err();
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Deadline, SendState::Unknown));
    assert!(clock.monotonic() <= Duration::from_secs(12), "{:?}", clock.monotonic());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_end_is_possible() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({})));
    let pipeline = pipeline(&transport);
    SystemClock::new().sleep(Duration::from_secs(1)).await;
    pipeline.send(get().deadline(Duration::MAX)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_cut_by_their_own_deadline_open_the_circuit() {
    let breaker = Breaker::default();
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", Arc::new(Silent))
        .breaker(breaker.clone())
        .build()
        .unwrap();
    for _ in 0..10 {
        assert!(breaker.is_closed());
        pipeline.send(get().deadline(Duration::from_secs(5))).await.unwrap_err();
    }
    assert!(!breaker.is_closed());
}

/// Has no token before this time.
#[derive(Debug)]
struct SlowToken(Arc<dyn Clock>, Duration);

#[async_trait]
impl Credentials for SlowToken {
    async fn access_token(&self, _: Option<u64>) -> Result<AccessToken> {
        self.0.sleep(self.1.saturating_sub(self.0.monotonic())).await;
        Ok(AccessToken { token: "t".into(), generation: 1 })
    }
}

/// Writes down when each request left.
#[derive(Debug)]
struct Stamps(Arc<dyn Clock>, Mutex<Vec<Duration>>);

#[async_trait]
impl Transport for Stamps {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.1.lock().unwrap().push(self.0.monotonic());
        Ok(HttpResponse::new(Body::EMPTY))
    }
}

#[tokio::test(start_paused = true)]
async fn quota_is_not_taken_before_the_token_is_there() {
    let (clock, window) = (SystemClock::shared(), Duration::from_secs(10));
    let transport = Arc::new(Stamps(clock.clone(), Mutex::default()));
    let pipeline = Pipeline::builder(Arc::new(Acme), "http://acme.test", transport.clone())
        .clock(clock.clone())
        .limiter(Arc::new(LocalLimiter::new(clock.clone())))
        .build()
        .unwrap();
    let token = Arc::new(SlowToken(clock, Duration::from_secs(9)));
    let limited = || get().scopes([Scope::sliding_window("acme", 100, window)]).credentials(token.clone());
    join_all((0..200).map(|_| pipeline.send(limited()))).await.into_iter().for_each(|answer| drop(answer.unwrap()));

    let stamps = transport.1.lock().unwrap().clone();
    let within = |start: Duration| stamps.iter().filter(|at| (start..start + window).contains(at)).count();
    let most = stamps.iter().map(|start| within(*start)).max();
    assert_eq!((stamps.len(), most), (200, Some(100)), "at most 100 leave in any 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_limit_beyond_the_deadline_refuses_before_sending() {
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

/// A provider that breaks every connection, and counts.
#[derive(Debug, Default)]
struct Down(AtomicU64);

#[async_trait]
impl Transport for Down {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(broken())
    }
}

/// How many requests left for a thousand calls of an outage.
async fn requests_of_an_outage(breaker: Breaker) -> u64 {
    let transport = Arc::new(Down::default());
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
async fn an_outage_opens_the_circuit_and_costs_little() {
    let requests = requests_of_an_outage(Breaker::default()).await;
    assert!(requests <= 1_100, "{requests} requests for 1000 calls");
}

#[tokio::test(start_paused = true)]
async fn the_budget_alone_keeps_an_outage_cheap() {
    assert_eq!(requests_of_an_outage(Breaker::new(u32::MAX, Duration::ZERO)).await, 1_000 + 35);
}

#[tokio::test(start_paused = true)]
async fn mistakes_in_a_call_are_told_without_sending() {
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
fn base_urls_that_cannot_work_are_refused() {
    for bad in ["", "acme.test", "ftp://acme.test", "http://u:p@acme.test", "http://acme.test/?a=1"] {
        let transport: Arc<dyn Transport> = Arc::new(Silent);
        let error = Pipeline::builder(Arc::new(Acme), bad, transport).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad}: {error}");
    }
}
