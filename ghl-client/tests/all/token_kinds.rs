//! An operation that needs another kind of token fails before anything is sent; what an UNINSTALL takes away is gone.

use std::sync::Arc;

use ghl_client::{
    GhlClient, GhlClientBuilder, GhlConnections, GhlErrorExt, GhlErrorReason, GhlEvent, GhlOAuth, GhlTokens, TokenKinds,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sidecar_core::{
    Error, ErrorKind, SendState, Timestamp,
    retry::RetryPolicy,
    test_util::{ManualClock, ScriptedTransport},
    token::{MemoryStore, StaticToken, TokenKey, TokenStore},
};

use crate::support::{LOCATION, NOW};

const COMPANY: &str = "l1C08ntBrFjLS0elLIYU";

fn client(build: impl FnOnce(GhlClientBuilder) -> GhlClientBuilder) -> (GhlClient, Arc<ScriptedTransport>) {
    let transport = Arc::new(ScriptedTransport::new().respond(200, json!({"locations": []})));
    let builder = GhlClient::builder().client_id("app1-x").transport(transport.clone()).retry(RetryPolicy::never());
    (build(builder).build().unwrap(), transport)
}

fn assert_refused(error: &Error, needs: TokenKinds, has: TokenKinds, how: &str) {
    assert_eq!((error.kind(), error.send_state()), (ErrorKind::InvalidInput, SendState::NotSent), "{error}");
    assert_eq!(error.problem(), Some(&GhlErrorReason::TokenKind { needs, has }));
    for word in [&needs.to_string(), &has.to_string(), how] {
        assert!(error.message().contains(word), "`{error}` should say `{word}`");
    }
}

#[tokio::test]
async fn a_private_integration_token_is_not_sent_where_only_oauth_is_taken() {
    let (ghl, sent) = client(|builder| builder.private_integration_token("pit-1"));
    let error = ghl.locations().installed(COMPANY).await.unwrap_err();
    assert_refused(&error, TokenKinds::AGENCY_ACCESS_ONLY, TokenKinds::INTEGRATION, "GhlOAuth::authorize");
    assert_eq!(error.operation(), "oauth.installed_locations");
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn a_declared_kind_is_held_against_each_operation() {
    let (ghl, sent) =
        client(|builder| builder.private_integration_token("pit-1").token_kinds(TokenKinds::COMPANY_INTEGRATION));
    let error = ghl.contacts().get(LOCATION, "c1").await.unwrap_err();
    assert_refused(&error, TokenKinds::LOCATION_ACCESS, TokenKinds::COMPANY_INTEGRATION, "Private Integrations");
    assert!(sent.requests().is_empty());
    ghl.locations().search(COMPANY).await.unwrap();
    assert_eq!(sent.requests().len(), 1, "locations are searched with any kind");

    let location = Arc::new(StaticToken::new("location-token".to_owned()));
    let (ghl, sent) = client(|builder| builder.credentials(location).token_kinds(TokenKinds::LOCATION));
    let error = ghl.locations().installed(COMPANY).await.unwrap_err();
    assert_refused(&error, TokenKinds::COMPANY, TokenKinds::LOCATION, "administrator");
    assert!(sent.requests().is_empty());
}

#[tokio::test]
async fn a_token_of_unknown_kind_and_the_raw_level_are_left_to_the_provider() {
    let (ghl, sent) = client(|builder| builder.private_integration_token("some-access-token"));
    ghl.locations().installed(COMPANY).await.unwrap();
    assert_eq!(sent.requests().len(), 1);
    let (ghl, sent) = client(|builder| builder.private_integration_token("pit-1"));
    ghl.raw().get("/oauth/installedLocations").await.unwrap();
    assert_eq!(sent.requests().len(), 1);
}

fn company() -> Value {
    json!({"access_token": "c", "refresh_token": "r", "expires_in": 86_399, "companyId": COMPANY, "userType": "Company"})
}

fn own(location: &str) -> Value {
    json!({"access_token": location, "refresh_token": "r", "companyId": COMPANY, "locationId": location, "userType": "Location"})
}

/// A company with two locations minted from it, and a location `own` that connected by itself.
async fn connected() -> (GhlTokens, MemoryStore, OrganizationKeys) {
    let script = ScriptedTransport::new()
        .respond(200, company())
        .respond(200, json!({"access_token": "l1"}))
        .respond(200, json!({"access_token": "l2"}))
        .respond(200, own("own"));
    let clock = Arc::new(ManualClock::new(NOW));
    let oauth = GhlOAuth::builder("app1-x", "s3cret".to_owned())
        .redirect_uri("https://app.example.com/auth")
        .transport(Arc::new(script))
        .clock(clock.clone())
        .build()
        .unwrap();
    let store = MemoryStore::with_clock(clock.clone());
    let tokens = GhlConnections::new(oauth.clone(), Arc::new(store.clone()), Arc::new(store.clone()), clock).of("org1");
    let company = tokens.adopt(&oauth.exchange_code("c", None).await.unwrap()).await.unwrap();
    let first = tokens.mint(&COMPANY.into(), &"l1".into()).await.unwrap();
    let second = tokens.mint(&COMPANY.into(), &"l2".into()).await.unwrap();
    let own = tokens.adopt(&oauth.exchange_code("c", None).await.unwrap()).await.unwrap();
    (tokens, store, OrganizationKeys { company, first, second, own })
}

struct OrganizationKeys {
    company: TokenKey,
    first: TokenKey,
    second: TokenKey,
    own: TokenKey,
}

async fn uninstall(tokens: &GhlTokens, what: Value, at: i64) -> Vec<TokenKey> {
    let mut body = json!({"type": "UNINSTALL", "appId": "app1", "timestamp": Timestamp::from_secs(NOW.as_secs() + at).to_string()});
    body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    let GhlEvent::Uninstall(event) = GhlEvent::parse(body.to_string().as_bytes()).unwrap() else {
        panic!("another event")
    };
    tokens.uninstalled(&event).await.unwrap()
}

#[tokio::test]
async fn an_uninstalled_location_loses_its_token_and_the_others_keep_theirs() {
    let (tokens, store, keys) = connected().await;
    tokens.location(&"l1".into()).tokens().await.unwrap();
    assert_eq!(uninstall(&tokens, json!({"locationId": "l1"}), 60).await, std::slice::from_ref(&keys.first));
    let kept = store.load(&keys.first).await.unwrap().unwrap();
    assert!(kept.tokens.access.expose_secret().is_empty() && kept.tokens.refresh.is_none(), "a mark, but no token");
    let error = tokens.location(&"l1".into()).tokens().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "not from the cache either");
    for kept in [&keys.company, &keys.second, &keys.own] {
        assert!(store.load(kept).await.unwrap().is_some(), "{kept}");
    }
    assert!(uninstall(&tokens, json!({"locationId": "l1"}), 60).await.is_empty(), "a repeated delivery does nothing");
}

#[tokio::test]
async fn an_uninstalled_company_takes_the_locations_minted_from_it_along() {
    let (tokens, store, keys) = connected().await;
    let gone = uninstall(&tokens, json!({"companyId": COMPANY}), 60).await;
    assert_eq!(gone, [keys.company, keys.first, keys.second]);
    assert!(store.load(&keys.own).await.unwrap().is_some(), "a connection of its own stays");
}

#[tokio::test]
async fn tokens_bought_after_the_removal_stay() {
    let (tokens, store, keys) = connected().await;
    assert!(uninstall(&tokens, json!({"companyId": COMPANY}), -60).await.is_empty());
    assert!(uninstall(&tokens, json!({"locationId": "l1"}), -60).await.is_empty());
    assert!(store.load(&keys.first).await.unwrap().is_some());
}

#[tokio::test]
async fn a_removal_of_nothing_is_an_error() {
    let (tokens, ..) = connected().await;
    let GhlEvent::Uninstall(event) = GhlEvent::parse(br#"{"type":"UNINSTALL"}"#).unwrap() else { panic!("another") };
    assert_eq!(tokens.uninstalled(&event).await.unwrap_err().kind(), ErrorKind::Rejected);
}
