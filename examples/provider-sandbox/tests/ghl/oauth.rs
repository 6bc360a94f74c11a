use axum::body::Body;
use http::{Request, StatusCode};
use provider_sandbox::control::TokenCommand;
use provider_sandbox::ghl::{Rotate, TokenFault};
use serde_json::json;

use crate::receiver::sleep_ms;
use crate::support::Fixture;

async fn consent(fixture: &Fixture, choose: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", fixture.ghl.client_id()),
            ("redirect_uri", "https://app.example.com/back"),
            ("scope", "contacts.readonly oauth.write"),
            ("state", "s t+ate"),
            ("sandbox_choose", choose),
        ])
        .finish();
    let request = Request::get(format!("/ghl/v2/oauth/chooselocation?{query}")).body(Body::empty()).unwrap();
    let response = fixture.send(request).await;
    assert_eq!(response.status, StatusCode::FOUND);
    response.headers["location"].to_str().unwrap().to_owned()
}

async fn exchange(fixture: &Fixture, code: &str) -> crate::support::TestResponse {
    let (id, secret) = (fixture.ghl.client_id(), fixture.ghl.client_secret());
    let fields = [("client_id", id), ("client_secret", secret), ("grant_type", "authorization_code"), ("code", code)];
    fixture.form("", "/oauth/token", &fields).await
}

fn code_of(location: &str) -> String {
    let url = url::Url::parse(location).unwrap();
    url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

#[tokio::test]
async fn consent_redirects_with_a_code_and_the_state() {
    let fixture = Fixture::new().await;
    let url = url::Url::parse(&consent(&fixture, "company").await).unwrap();
    assert_eq!(url.host_str(), Some("app.example.com"));
    assert!(url.query_pairs().any(|(name, value)| name == "state" && value == "s t+ate"));
}

#[tokio::test]
async fn a_code_can_be_exchanged_once() {
    let fixture = Fixture::new().await;
    let code = code_of(&consent(&fixture, "company").await);
    let response = exchange(&fixture, &code).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.body["userType"], "Company");
    assert_eq!(response.body["expires_in"], 86_399);
    assert_eq!(response.body["approvedLocations"].as_array().unwrap().len(), 2);
    let again = exchange(&fixture, &code).await;
    assert_eq!((again.status, again.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
}

#[tokio::test]
async fn choosing_a_location_gives_a_location_token() {
    let fixture = Fixture::new().await;
    let code = code_of(&consent(&fixture, &format!("location:{}", fixture.other_location)).await);
    let response = exchange(&fixture, &code).await;
    assert_eq!(response.body["userType"], "Location");
    assert_eq!(response.body["locationId"].as_str(), Some(fixture.other_location.as_str()));
}

#[tokio::test]
async fn the_token_endpoint_rejects_json_unknown_fields_and_wrong_clients() {
    let fixture = Fixture::new().await;
    let json = fixture.call("POST", "/oauth/token", Some(json!({"grant_type": "refresh_token"}))).await;
    assert_eq!(json.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields =
        [("client_id", "nobody"), ("client_secret", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert_eq!(fixture.form("", "/oauth/token", &fields).await.status, StatusCode::UNAUTHORIZED);
    let unknown_field = [fields[0], fields[1], fields[2], ("clientId", "x")];
    assert_eq!(fixture.form("", "/oauth/token", &unknown_field).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_refresh_rotates_both_tokens() {
    let fixture = Fixture::new().await;
    let first = fixture.ghl.issue_location_token(&fixture.location).unwrap();
    let response = fixture.refresh(&first.refresh.unwrap()).await;
    assert_eq!(response.status, StatusCode::OK);
    let access = response.body["access_token"].as_str().unwrap();
    assert_ne!(access, first.access);
    assert_eq!(
        fixture.call_as(access, "GET", &format!("/locations/{}", fixture.location), None).await.status,
        StatusCode::OK
    );
    let second = fixture.refresh(response.body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(second.status, StatusCode::OK);
}

#[tokio::test]
async fn reusing_a_refresh_token_revokes_the_whole_family() {
    let fixture = Fixture::new().await;
    let first = fixture.ghl.issue_location_token(&fixture.location).unwrap();
    let used = first.refresh.unwrap();
    let next = fixture.refresh(&used).await.body;
    let reuse = fixture.refresh(&used).await;
    assert_eq!((reuse.status, reuse.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    let path = format!("/locations/{}", fixture.location);
    for access in [first.access.as_str(), next["access_token"].as_str().unwrap()] {
        assert_eq!(fixture.call_as(access, "GET", &path, None).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(fixture.refresh(next["refresh_token"].as_str().unwrap()).await.status, StatusCode::BAD_REQUEST);
    let counts = fixture.ghl.counts().connections[&fixture.location].clone();
    assert_eq!((counts.refreshes, counts.reuses, counts.revoked_families), (1, 2, 1));
    assert_eq!(fixture.get(&path).await.status, StatusCode::OK, "the other family stays valid");
}

#[tokio::test]
async fn a_company_token_mints_location_tokens_without_refresh_token() {
    let fixture = Fixture::new().await;
    let company = fixture.company_token().access;
    let fields = [("companyId", fixture.ghl.company_id()), ("locationId", fixture.other_location.as_str())];
    let response = fixture.form(&company, "/oauth/locationToken", &fields).await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(response.body.get("refresh_token").is_none());
    let minted = response.body["access_token"].as_str().unwrap();
    let read = fixture.call_as(minted, "GET", &format!("/locations/{}", fixture.other_location), None).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(fixture.ghl.counts().connections[&fixture.other_location].minted, 1);
}

#[tokio::test]
async fn a_company_token_mints_only_for_locations_with_the_app() {
    let fixture = Fixture::new().await;
    fixture.control("tokens", json!({"install_to_locations": false})).await;
    let code = code_of(&consent(&fixture, "company").await);
    let company = exchange(&fixture, &code).await.body;
    assert_eq!(company["approvedLocations"], json!([fixture.location]), "the location that had the app before");
    let fields = [("companyId", fixture.ghl.company_id()), ("locationId", fixture.other_location.as_str())];
    let response = fixture.form(company["access_token"].as_str().unwrap(), "/oauth/locationToken", &fields).await;
    assert_eq!(
        (response.status, response.message().as_str()),
        (StatusCode::BAD_REQUEST, "The app is not installed on this location.")
    );
}

#[tokio::test]
async fn agency_only_operations_reject_location_and_private_tokens() {
    let fixture = Fixture::new().await;
    let private = fixture.ghl.private_integration_token(fixture.ghl.company_id()).unwrap();
    let fields = [("companyId", fixture.ghl.company_id()), ("locationId", fixture.location.as_str())];
    for token in [&private, &fixture.token] {
        let response = fixture.form(token, "/oauth/locationToken", &fields).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        assert!(response.message().starts_with("This authClass type"), "{response:?}");
    }
}

#[tokio::test]
async fn a_private_token_reads_only_its_location() {
    let fixture = Fixture::new().await;
    let private = fixture.ghl.private_integration_token(&fixture.location).unwrap();
    assert!(private.starts_with("pit-"));
    let own = fixture.call_as(&private, "GET", &format!("/contacts/?locationId={}", fixture.location), None).await;
    let other =
        fixture.call_as(&private, "GET", &format!("/contacts/?locationId={}", fixture.other_location), None).await;
    assert_eq!((own.status, other.status), (StatusCode::OK, StatusCode::FORBIDDEN));
    assert_eq!(other.message(), "The token does not have access to this location.");
}

#[tokio::test]
async fn installed_locations_are_listed_to_the_company() {
    let fixture = Fixture::new().await;
    let company = fixture.company_token().access;
    let path = format!(
        "/oauth/installedLocations?companyId={}&appId={}&isInstalled=true&limit=1",
        fixture.ghl.company_id(),
        fixture.ghl.app_id()
    );
    let response = fixture.call_as(&company, "GET", &path, None).await;
    assert_eq!((response.body["count"].as_i64(), response.body["locations"].as_array().unwrap().len()), (Some(2), 1));
}

#[tokio::test]
async fn the_version_header_is_required_and_must_match_the_operation() {
    let fixture = Fixture::new().await;
    for (version, status) in
        [(None, 422), (Some("2021-04-15"), 422), (Some("2021-07-28"), 200), (Some("2023-02-21"), 200)]
    {
        let mut request = Request::get(format!("/ghl/locations/{}", fixture.location))
            .header("authorization", format!("Bearer {}", fixture.token));
        if let Some(version) = version {
            request = request.header("version", version);
        }
        assert_eq!(fixture.send(request.body(Body::empty()).unwrap()).await.status.as_u16(), status, "{version:?}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_401_with_the_reason() {
    let fixture = Fixture::new().await;
    let token = fixture.ghl.issue_location_token_with(&fixture.location, "locations.readonly").unwrap().access;
    let response = fixture.call_as(&token, "GET", &format!("/contacts/?locationId={}", fixture.location), None).await;
    assert_eq!(
        (response.status, response.message().as_str()),
        (StatusCode::UNAUTHORIZED, "The token is not authorized for this scope.")
    );
    assert!(response.body["traceId"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_access_token_expires_after_its_lifetime() {
    let fixture = Fixture::new().await;
    let path = format!("/locations/{}", fixture.location);
    fixture.sandbox.control().advance_clock(86_398_000);
    assert_eq!(fixture.get(&path).await.status, StatusCode::OK);
    fixture.sandbox.control().advance_clock(1_000);
    let response = fixture.get(&path).await;
    assert_eq!(
        (response.status, response.message().as_str()),
        (StatusCode::UNAUTHORIZED, "Invalid token: access token is invalid")
    );
}

#[tokio::test]
async fn expire_all_expires_access_tokens_but_not_refresh_tokens() {
    let fixture = Fixture::new().await;
    let token = fixture.ghl.issue_location_token(&fixture.location).unwrap();
    let response = fixture.control("tokens", json!({"expire_all": true})).await;
    assert_eq!(response.body["expired"], 2);
    let read = fixture.call_as(&token.access, "GET", &format!("/locations/{}", fixture.location), None).await;
    assert_eq!(read.status, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.refresh(&token.refresh.unwrap()).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_slow_exchange_rotates_even_if_the_caller_disconnects() {
    for rotate in [Rotate::Before, Rotate::After] {
        let fixture = Fixture::new().await;
        let refresh = fixture.ghl.issue_location_token(&fixture.location).unwrap().refresh.unwrap();
        let fault = Some(TokenFault::Slow { ms: 3_000, rotate });
        fixture.sandbox.control().update_tokens(&TokenCommand { fault, ..TokenCommand::default() }).unwrap();
        tokio::select! {
            biased;
            _ = fixture.refresh(&refresh) => panic!("responded at once"),
            () = sleep_ms(1_000) => {}
        }
        let refreshes = || fixture.ghl.counts().connections.get(&fixture.location).map_or(0, |counts| counts.refreshes);
        let early = refreshes();
        assert_eq!(early, u64::from(rotate == Rotate::Before));
        sleep_ms(3_000).await;
        assert_eq!(refreshes(), 1);
        assert_eq!(fixture.refresh(&refresh).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn the_removed_reconnect_is_400() {
    let fixture = Fixture::new().await;
    let response = fixture.call("POST", "/oauth/reconnect", Some(json!({}))).await;
    assert_eq!(
        (response.status, response.message().as_str()),
        (StatusCode::BAD_REQUEST, "API endpoint has been removed")
    );
}

#[tokio::test]
async fn uninstalling_revokes_the_tokens_of_the_location() {
    let fixture = Fixture::new().await;
    fixture
        .sandbox
        .control()
        .update_tokens(&TokenCommand { uninstall: Some(fixture.location.clone()), ..TokenCommand::default() })
        .unwrap();
    assert_eq!(fixture.get(&format!("/locations/{}", fixture.location)).await.status, StatusCode::UNAUTHORIZED);
}
