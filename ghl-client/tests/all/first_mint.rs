//! A location whose company is connected gets its token with its first call, once; a disconnected one does not.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ghl_client::{GhlClient, GhlConnections, GhlErrorExt, GhlEvent, GhlOAuth, GhlTokens};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, ErrorKind, SendState, SystemClock, Timestamp,
    http::{HttpRequest, HttpResponse, Transport, TransportError},
    retry::RetryPolicy,
    test_util::ScriptedTransport,
    token::{ConnectionState, MemoryStore, TokenSet, TokenStore},
};

use crate::support::{LOCATION, NOW, line};

const COMPANY: &str = "l1C08ntBrFjLS0elLIYU";

/// A provider that takes its time.
#[derive(Debug)]
struct Slow(Arc<ScriptedTransport>, Arc<dyn Clock>);

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.1.sleep(Duration::from_millis(300)).await;
        self.0.send(request).await
    }
}

struct World {
    clock: Arc<dyn Clock>,
    store: MemoryStore,
    sent: Arc<ScriptedTransport>,
}

impl World {
    fn new(script: ScriptedTransport) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(NOW));
        Self { store: MemoryStore::with_clock(clock.clone()), sent: Arc::new(script), clock }
    }

    /// The same with a connected company.
    async fn with_company(script: ScriptedTransport) -> Self {
        let world = Self::new(script);
        world.tokens().adopt(&world.company(COMPANY)).await.unwrap();
        world
    }

    fn company(&self, id: &str) -> TokenSet {
        let extra = json!({"companyId": id, "userType": "Company"}).as_object().unwrap().clone();
        let end = self.clock.now() + Duration::from_secs(86_399);
        let issued_at = Some(self.clock.now());
        TokenSet { expires_at: Some(end), issued_at, extra, ..TokenSet::new(format!("token of {id}")) }
    }

    /// What one process has.
    fn connections(&self) -> GhlConnections {
        let oauth = GhlOAuth::builder("app1-x", "s3cret".to_owned())
            .transport(Arc::new(Slow(self.sent.clone(), self.clock.clone())))
            .clock(self.clock.clone())
            .retry(RetryPolicy::never())
            .build()
            .unwrap();
        let store = Arc::new(self.store.clone());
        GhlConnections::new(oauth, store.clone(), store, self.clock.clone())
    }

    fn tokens(&self) -> GhlTokens {
        self.connections().of("org1")
    }

    fn ghl(&self, tokens: &GhlTokens) -> GhlClient {
        let client = GhlClient::builder().tokens(tokens.clone()).client_id("app1-x").clock(self.clock.clone());
        client.transport(self.sent.clone()).retry(RetryPolicy::never()).build().unwrap()
    }

    /// The stored connection of the location, if any.
    async fn kept(&self) -> Option<(ConnectionState, String)> {
        let found = self.store.load(&self.tokens().location_key(&LOCATION.into())).await.unwrap()?;
        Some((found.state, found.tokens.access.expose_secret().to_owned()))
    }

    fn lines(&self) -> Vec<String> {
        self.sent.requests().iter().map(line).collect()
    }
}

fn minted(token: &str) -> Value {
    json!({"access_token": token, "expires_in": 86_399, "locationId": LOCATION})
}

fn contact() -> Value {
    json!({"contact": {"id": "c1"}})
}

fn event(kind: &str, what: &Value, seconds: i64) -> GhlEvent {
    let at = Timestamp::from_secs(NOW.as_secs() + seconds).to_string();
    let mut body = json!({"type": kind, "appId": "app1", "timestamp": at});
    body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    GhlEvent::parse(body.to_string().as_bytes()).unwrap()
}

async fn uninstall(tokens: &GhlTokens, what: Value, seconds: i64) -> usize {
    let GhlEvent::Uninstall(event) = event("UNINSTALL", &what, seconds) else { panic!("another event") };
    tokens.uninstalled(&event).await.unwrap().len()
}

async fn install(tokens: &GhlTokens, seconds: i64) {
    let GhlEvent::Install(event) = event("INSTALL", &json!({"locationId": LOCATION}), seconds) else {
        panic!("another event")
    };
    tokens.installed(&event).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_locations_first_call_mints_its_token_and_keeps_it() {
    let script = ScriptedTransport::new().respond(200, minted("l")).respond(200, contact()).respond(200, contact());
    let world = World::with_company(script).await;
    let tokens = world.tokens();
    world.ghl(&tokens).contacts().get(LOCATION, "c1").await.unwrap();
    // Another process finds it.
    world.ghl(&world.tokens()).contacts().get(LOCATION, "c1").await.unwrap();
    assert_eq!(world.lines(), ["POST /oauth/locationToken", "GET /contacts/c1", "GET /contacts/c1"]);
    let bearers: Vec<_> =
        world.sent.requests().iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(bearers, [format!("Bearer token of {COMPANY}"), "Bearer l".to_owned(), "Bearer l".to_owned()]);
    assert_eq!(world.kept().await, Some((ConnectionState::Active, "l".to_owned())));
    let (companies, locations) = tokens.connected().await.unwrap();
    assert_eq!((companies.len(), locations.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn two_processes_and_many_calls_mint_once() {
    let world = World::with_company(ScriptedTransport::new().respond(200, minted("l"))).await;
    let processes = [world.tokens(), world.tokens()];
    let calls = (0..20).map(|n| {
        let location = processes[n % 2].location(&LOCATION.into());
        tokio::spawn(async move { location.tokens().await.unwrap().access.expose_secret().to_owned() })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), "l");
    }
    assert_eq!(world.lines(), ["POST /oauth/locationToken"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_company_nothing_is_sent_and_a_connection_is_needed() {
    let world = World::new(ScriptedTransport::new());
    let error = world.ghl(&world.tokens()).contacts().get(LOCATION, "c1").await.unwrap_err();
    assert!(error.needs_reauth() && error.message().contains("neither is a company"), "{error}");
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::Auth, SendState::NotSent));
    assert!(world.sent.requests().is_empty() && world.kept().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_company_that_has_the_location_mints_for_it() {
    let refusals = [
        (400, "Location not found"),
        (403, "The token does not have access to this location."),
        (403, "The account is suspended"),
    ];
    for (status, message) in refusals {
        let refusal = json!({"statusCode": status, "message": message});
        let script = ScriptedTransport::new().respond(status, refusal).respond(200, minted("l"));
        let world = World::with_company(script).await;
        let tokens = world.tokens();
        tokens.adopt(&world.company("z2")).await.unwrap();
        assert_eq!(tokens.location(&LOCATION.into()).tokens().await.unwrap().access.expose_secret(), "l");
        assert_eq!(world.sent.requests()[1].header("authorization"), "Bearer token of z2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_location_that_no_company_has_is_to_be_connected_and_nothing_is_kept() {
    let refusal = json!({"statusCode": 400, "message": "Location not found"});
    let script = ScriptedTransport::new().respond(400, refusal).respond(503, json!({})).respond(200, minted("l"));
    let world = World::with_company(script).await;
    let location = world.tokens().location(&LOCATION.into());
    let error = location.tokens().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Auth && error.message().contains("Location not found"), "{error}");
    assert_eq!(location.tokens().await.unwrap_err().kind(), ErrorKind::Server, "out of order is no refusal");
    assert!(world.kept().await.is_none());
    location.tokens().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_uninstalled_location_is_not_minted_again_until_it_is_installed() {
    let script = ScriptedTransport::new().respond(200, minted("l")).respond(200, minted("l2")).respond(200, contact());
    let world = World::with_company(script).await;
    let tokens = world.tokens();
    tokens.location(&LOCATION.into()).tokens().await.unwrap();
    let another_process = world.tokens();
    assert_eq!(uninstall(&tokens, json!({"locationId": LOCATION}), 60).await, 1);
    assert_eq!(uninstall(&tokens, json!({"locationId": LOCATION}), 60).await, 0, "a repeated delivery");
    for tokens in [&tokens, &another_process] {
        let error = world.ghl(tokens).contacts().get(LOCATION, "c1").await.unwrap_err();
        assert!(error.kind() == ErrorKind::Auth && error.needs_reauth(), "{error}");
        assert!(error.message().contains("uninstalled") && error.send_state() == SendState::NotSent, "{error}");
    }
    assert!(matches!(world.kept().await, Some((ConnectionState::Disconnected { .. }, token)) if token.is_empty()));
    assert_eq!(tokens.connected().await.unwrap().1, []);

    install(&tokens, 30).await;
    assert!(world.kept().await.is_some(), "an installation before the removal");
    install(&tokens, 90).await;
    world.ghl(&tokens).contacts().get(LOCATION, "c1").await.unwrap();
    assert_eq!(world.lines()[1..], ["POST /oauth/locationToken", "GET /contacts/c1"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_comes_while_the_first_token_is_minted_wins() {
    let world = World::with_company(ScriptedTransport::new().respond(200, minted("l"))).await;
    let tokens = world.tokens();
    let location = tokens.location(&LOCATION.into());
    let call = tokio::spawn(async move { location.tokens().await });
    world.clock.sleep(Duration::from_millis(100)).await;
    uninstall(&tokens, json!({"locationId": LOCATION}), 60).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(error.kind() == ErrorKind::Auth && error.message().contains("uninstalled"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_disconnected_location_is_minted_again_only_when_asked_for() {
    let script = ScriptedTransport::new().respond(200, minted("l")).respond(200, minted("l2"));
    let world = World::with_company(script).await;
    let tokens = world.tokens();
    let location = tokens.location(&LOCATION.into());
    location.tokens().await.unwrap();
    tokens.disconnect_location(&LOCATION.into()).await.unwrap();
    let error = location.tokens().await.unwrap_err();
    assert!(error.message().contains("disconnected"), "{error}");
    tokens.mint(&COMPANY.into(), &LOCATION.into()).await.unwrap();
    assert_eq!(location.tokens().await.unwrap().access.expose_secret(), "l2");
}

#[tokio::test(start_paused = true)]
async fn an_uninstalled_company_leaves_no_marks_behind() {
    let world = World::with_company(ScriptedTransport::new().respond(200, minted("l"))).await;
    let tokens = world.tokens();
    uninstall(&tokens, json!({"locationId": LOCATION}), 60).await;
    assert!(world.kept().await.is_some(), "it was never minted, and is not now");
    assert_eq!(uninstall(&tokens, json!({"companyId": COMPANY}), 90).await, 1);
    assert!(world.kept().await.is_none());
    tokens.adopt(&world.company(COMPANY)).await.unwrap();
    tokens.location(&LOCATION.into()).tokens().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_latest_word_on_a_location_holds_whatever_overtook_what() {
    let world = World::with_company(ScriptedTransport::new()).await;
    let tokens = world.tokens();
    // Removed, installed again and removed again; the installation comes last.
    uninstall(&tokens, json!({"locationId": LOCATION}), 60).await;
    uninstall(&tokens, json!({"locationId": LOCATION}), 180).await;
    uninstall(&tokens, json!({"locationId": LOCATION}), 90).await;
    install(&tokens, 120).await;
    let error = tokens.location(&LOCATION.into()).tokens().await.unwrap_err();
    assert!(error.message().contains("uninstalled") && world.sent.requests().is_empty(), "{error}");
    // The company's removal of before its connection and the location's removal takes neither away.
    assert_eq!(uninstall(&tokens, json!({"companyId": COMPANY}), -60).await, 0);
    assert!(world.kept().await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_installation_does_not_undo_a_connection_that_was_made_meanwhile() {
    let world = World::with_company(ScriptedTransport::new().respond(200, minted("l"))).await;
    let tokens = world.tokens();
    uninstall(&tokens, json!({"locationId": LOCATION}), 60).await;
    install(&tokens, 90).await;
    assert_eq!(tokens.connected().await.unwrap().1, [], "there is no token yet");
    tokens.mint(&COMPANY.into(), &LOCATION.into()).await.unwrap();
    install(&tokens, 120).await;
    assert_eq!(world.kept().await, Some((ConnectionState::Active, "l".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn on_request_means_that_no_call_mints() {
    let world = World::with_company(ScriptedTransport::new().respond(200, minted("l"))).await;
    let tokens = world.connections().auto_mint(false).of("org1");
    let error = tokens.location(&LOCATION.into()).tokens().await.unwrap_err();
    assert!(error.message().contains("is not connected") && world.sent.requests().is_empty(), "{error}");
    tokens.mint(&COMPANY.into(), &LOCATION.into()).await.unwrap();
    tokens.location(&LOCATION.into()).tokens().await.unwrap();
    tokens.disconnect_location(&LOCATION.into()).await.unwrap();
    assert!(world.kept().await.is_none());
}
