use std::{sync::Arc, time::Duration};

use ghl_client::{
    GhlClient, GhlConnections, GhlErrorExt, GhlErrorReason, GhlOAuth, GhlTokens,
    model::{CompanyId, LocationId},
    oauth::{UserType, company_of, location_of, minted_from, user_type_of},
};
use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::{
    Clock, ErrorKind, Timestamp,
    retry::RetryPolicy,
    test_util::{ManualClock, ScriptedTransport},
    token::{ConnectionState, MemoryStore, StaticToken, TokenStore},
};

use crate::support::{LOCATION, NOW, fixture, line, only};

const COMPANY: &str = "l1C08ntBrFjLS0elLIYU";

fn oauth(script: ScriptedTransport) -> (GhlOAuth, Arc<ScriptedTransport>, Arc<ManualClock>) {
    let (transport, clock) = (Arc::new(script), Arc::new(ManualClock::new(NOW)));
    let oauth = GhlOAuth::builder("app1-x", "s3cret".to_owned())
        .redirect_uri("https://app.example.com/auth")
        .transport(transport.clone())
        .clock(clock.clone())
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    (oauth, transport, clock)
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_link_names_app_redirect_scopes_and_state() {
    let (oauth, ..) = oauth(ScriptedTransport::new());
    let url =
        oauth.authorize("st&te").unwrap().scopes(["contacts.readonly", "calendars/events.write"]).same_window().url();
    assert_eq!(
        url.as_str(),
        "https://marketplace.gohighlevel.com/v2/oauth/chooselocation?response_type=code&client_id=app1-x\
         &redirect_uri=https%3A%2F%2Fapp.example.com%2Fauth&scope=contacts.readonly+calendars%2Fevents.write\
         &state=st%26te&loginWindowOpenMode=self"
    );
    let white_label = oauth.authorize("s").unwrap().white_label().url();
    assert_eq!(white_label.host_str(), Some("marketplace.leadconnectorhq.com"));
    assert!(
        white_label.query().unwrap().contains("calendars%2Fevents.readonly"),
        "the default scopes hold those of events"
    );
}

#[tokio::test]
async fn a_code_is_exchanged_by_form_without_a_version() {
    let (oauth, sent, _) = oauth(ScriptedTransport::new().respond(200, fixture!("oauth_token_company")));
    let tokens = oauth.exchange_code("c0de", Some(&UserType::Company)).await.unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "POST /oauth/token");
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!((request.header("version"), request.header("authorization")), ("", ""));
    assert_eq!(
        form(&request.body),
        pairs(&[
            ("client_id", "app1-x"),
            ("client_secret", "s3cret"),
            ("grant_type", "authorization_code"),
            ("code", "c0de"),
            ("redirect_uri", "https://app.example.com/auth"),
            ("user_type", "Company"),
        ])
    );
    assert_eq!(tokens.access.expose_secret(), "ab12dc0ae1234a7898f9ff06d4f69gh");
    assert_eq!(tokens.expires_at, Some(NOW + Duration::from_secs(86_399)));
    assert_eq!((company_of(&tokens).unwrap().as_str(), user_type_of(&tokens)), (COMPANY, UserType::Company));
}

#[tokio::test]
async fn a_refused_refresh_token_means_connect_again_and_is_not_repeated() {
    let refusal = json!({"error": "invalid_grant", "error_description": "This refresh token is invalid"});
    let (oauth, sent, _) = oauth(ScriptedTransport::new().respond(400, refusal));
    let error = oauth.refresh(&"r3fresh".to_owned().into(), &UserType::Location).await.unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Auth, Some(&GhlErrorReason::GrantInvalid)));
    assert!(!format!("{error:?} {error}").contains("r3fresh"));
    assert_eq!(
        form(&only(&sent).body)[2..],
        pairs(&[("grant_type", "refresh_token"), ("refresh_token", "r3fresh"), ("user_type", "Location")])
    );
}

#[tokio::test]
async fn a_location_token_is_minted_with_the_companys_token_and_remembers_it() {
    let (oauth, sent, _) = oauth(ScriptedTransport::new().respond(200, fixture!("oauth_location_token")));
    let company = Arc::new(StaticToken::new("company-token".to_owned()));
    let tokens = oauth.location_token(&COMPANY.into(), &LOCATION.into(), company).await.unwrap();
    let request = only(&sent);
    assert_eq!(line(&request), "POST /oauth/locationToken");
    assert_eq!(request.header("authorization"), "Bearer company-token");
    assert_eq!(request.header("version"), "2021-07-28");
    assert_eq!(form(&request.body), pairs(&[("companyId", COMPANY), ("locationId", LOCATION)]));
    assert!(tokens.refresh.is_none());
    assert_eq!(minted_from(&tokens), Some(COMPANY.into()));
    assert_eq!((location_of(&tokens).unwrap().as_str(), company_of(&tokens).unwrap().as_str()), (LOCATION, COMPANY));
}

async fn connected(script: ScriptedTransport) -> (GhlTokens, MemoryStore, Arc<ScriptedTransport>, Arc<ManualClock>) {
    let (oauth, transport, clock) = oauth(script);
    let store = MemoryStore::with_clock(clock.clone());
    let connections =
        GhlConnections::new(oauth.clone(), Arc::new(store.clone()), Arc::new(store.clone()), clock.clone());
    let tokens = connections.of("org1");
    let company = oauth.exchange_code("c", None).await.unwrap();
    let key = tokens.adopt(&company).await.unwrap();
    assert_eq!(key.resource(), format!("ghl:company:{COMPANY}"));
    tokens.mint(&COMPANY.into(), &LOCATION.into()).await.unwrap();
    (tokens, store, transport, clock)
}

fn minted(token: &str) -> serde_json::Value {
    json!({"access_token": token, "expires_in": 86_399, "locationId": LOCATION})
}

fn company(token: &str, refresh: &str) -> serde_json::Value {
    json!({"access_token": token, "refresh_token": refresh, "expires_in": 86_399, "companyId": COMPANY, "userType": "Company"})
}

fn api(tokens: &GhlTokens, transport: &Arc<ScriptedTransport>, clock: &Arc<ManualClock>) -> GhlClient {
    GhlClient::builder()
        .tokens(tokens.clone())
        .client_id("app1-x")
        .transport(transport.clone())
        .clock(clock.clone())
        .retry(RetryPolicy::never())
        .build()
        .unwrap()
}

#[tokio::test]
async fn each_call_uses_the_token_of_its_own_location_or_company() {
    let script = ScriptedTransport::new()
        .respond(200, fixture!("oauth_token_company"))
        .respond(200, fixture!("oauth_location_token"))
        .respond(200, fixture!("contacts_get"))
        .respond(200, fixture!("locations_search"))
        .respond(400, json!({"statusCode": 400, "message": "Location not found"}));
    let (tokens, _, transport, clock) = connected(script).await;
    let ghl = api(&tokens, &transport, &clock);
    ghl.contacts().get(LOCATION, "c1").await.unwrap();
    ghl.locations().search(COMPANY).await.unwrap();
    let bearers: Vec<_> =
        transport.requests()[2..].iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(bearers, ["Bearer loc12dc0ae1234a7898f9ff06d4f69gh", "Bearer ab12dc0ae1234a7898f9ff06d4f69gh"]);
    let error = ghl.contacts().get("unknown", "c1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "a location that is not connected: {error}");
    let error = ghl.raw().get("/x").await.unwrap_err();
    assert!(error.message().contains(".location(id)"), "{error}");
}

#[tokio::test]
async fn a_day_later_the_company_is_refreshed_and_the_location_minted_anew() {
    let script = ScriptedTransport::new()
        .respond(200, company("company-1", "refresh-1"))
        .respond(200, minted("location-1"))
        .respond(200, company("company-2", "refresh-2"))
        .respond(200, minted("location-2"))
        .respond(200, fixture!("contacts_get"));
    let (tokens, store, transport, clock) = connected(script).await;
    clock.advance(Duration::from_secs(86_400));
    api(&tokens, &transport, &clock).contacts().get(LOCATION, "c1").await.unwrap();
    let requests = transport.requests();
    assert_eq!(form(&requests[2].body)[3], ("refresh_token".to_owned(), "refresh-1".to_owned()));
    assert_eq!(requests[3].header("authorization"), "Bearer company-2");
    assert_eq!(requests[4].header("authorization"), "Bearer location-2");
    let kept = store.load(&tokens.company_key(&CompanyId::from(COMPANY))).await.unwrap().unwrap();
    assert_eq!(kept.tokens.refresh.unwrap().expose_secret(), "refresh-2");
    assert_eq!(kept.tokens.generation, 2);
}

#[tokio::test]
async fn a_dead_company_does_not_kill_the_locations_minted_from_it() {
    let script = ScriptedTransport::new()
        .respond(200, company("company-1", "refresh-1"))
        .respond(200, minted("location-1"))
        .respond(400, json!({"error": "invalid_grant"}))
        .respond(200, company("company-2", "refresh-2"))
        .respond(200, minted("location-2"))
        .respond(200, fixture!("contacts_get"));
    let (tokens, store, transport, clock) = connected(script).await;
    clock.advance(Duration::from_secs(86_400));
    let ghl = api(&tokens, &transport, &clock);
    let error = ghl.contacts().get(LOCATION, "c1").await.unwrap_err();
    assert!(error.message().contains("connect the company again") && error.needs_reauth(), "{error}");
    let location = store.load(&tokens.location_key(&LocationId::from(LOCATION))).await.unwrap().unwrap();
    assert_eq!(location.state, ConnectionState::Active);
    let dead = store.load(&tokens.company_key(&CompanyId::from(COMPANY))).await.unwrap().unwrap();
    assert!(matches!(dead.state, ConnectionState::NeedsReauth { .. }));
    // Somebody connects the company again: the location lives on without being touched.
    let (again, ..) = oauth(ScriptedTransport::new().respond(200, company("company-2", "refresh-2")));
    let fresh = again.exchange_code("c2", None).await.unwrap();
    let fresh = sidecar_core::token::TokenSet { expires_at: Some(clock.now() + Duration::from_secs(86_399)), ..fresh };
    tokens.adopt(&fresh).await.unwrap();
    // The scripted company answer is not needed any more: the adopted set is good.
    let _ = transport;
    let kept = store.load(&tokens.company_key(&CompanyId::from(COMPANY))).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.tokens.access.expose_secret()), (ConnectionState::Active, "company-2"));
}

#[tokio::test]
async fn a_disconnected_location_is_forgotten_at_once() {
    let script = ScriptedTransport::new().respond(200, company("c", "r")).respond(200, minted("l"));
    let (tokens, store, transport, clock) = connected(script).await;
    let location = LocationId::from(LOCATION);
    tokens.location(&location).tokens().await.unwrap();
    tokens.disconnect_location(&location).await.unwrap();
    let error = api(&tokens, &transport, &clock).contacts().get(LOCATION, "c1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    let kept = store.load(&tokens.location_key(&location)).await.unwrap().unwrap();
    assert!(kept.tokens.access.expose_secret().is_empty() && kept.state != ConnectionState::Active, "a mark alone");
}

#[tokio::test]
async fn a_refresh_keeps_what_the_answer_leaves_out() {
    let script = ScriptedTransport::new()
        .respond(200, json!({"access_token": "a", "refresh_token": "r1", "expires_in": 60, "locationId": LOCATION, "companyId": COMPANY, "userType": "Location"}))
        .respond(200, json!({"access_token": "b", "refresh_token": "r2", "expires_in": 86_399}));
    let (oauth, _, clock) = oauth(script);
    let store = MemoryStore::with_clock(clock.clone());
    let tokens = GhlConnections::new(oauth.clone(), Arc::new(store.clone()), Arc::new(store), clock.clone()).of("org1");
    tokens.adopt(&oauth.exchange_code("c", None).await.unwrap()).await.unwrap();
    clock.advance(Duration::from_secs(55));
    let renewed = tokens.location(&LOCATION.into()).tokens().await.unwrap();
    assert_eq!(renewed.access.expose_secret(), "b");
    assert_eq!((company_of(&renewed).unwrap().as_str(), location_of(&renewed).unwrap().as_str()), (COMPANY, LOCATION));
    assert_eq!(renewed.expires_at, Some(Timestamp::from_secs(NOW.as_secs() + 55 + 86_399)));
}

#[tokio::test]
async fn a_refusal_without_words_ends_the_connection_only_when_it_speaks_of_the_grant() {
    for (status, body, kind) in [
        (400, json!({"statusCode": 400, "message": "Bad Request"}), ErrorKind::Auth),
        (400, json!({}), ErrorKind::Auth),
        (
            401,
            json!({"error": "UnAuthorized!", "error_description": "Invalid grant: refresh token is invalid"}),
            ErrorKind::Auth,
        ),
        (401, json!({"statusCode": 401, "message": "Unauthorized"}), ErrorKind::InvalidInput),
        (
            401,
            json!({"error": "invalid_client", "error_description": "Invalid client credentials"}),
            ErrorKind::InvalidInput,
        ),
        (422, json!({"statusCode": 422, "message": ["grant_type must be a string"]}), ErrorKind::Rejected),
        (503, json!({}), ErrorKind::Server),
        (400, json!({"statusCode": 400, "message": "API endpoint has been removed"}), ErrorKind::Rejected),
        (401, json!({"statusCode": 401, "message": "version header is invalid"}), ErrorKind::Rejected),
    ] {
        let (oauth, ..) = oauth(ScriptedTransport::new().respond(status, body.clone()));
        let error = oauth.refresh(&"r".to_owned().into(), &UserType::Company).await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (kind, status), "{body}: {error}");
    }
}
