use axum::body::Body;
use http::{Request, StatusCode};
use provider_sandbox::control::TokenOrder;
use provider_sandbox::ghl::{Rotate, TokenFault};
use serde_json::json;

use crate::support::{World, pause};

async fn consent(world: &World, choose: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", world.ghl.client_id()),
            ("redirect_uri", "https://app.example.com/back"),
            ("scope", "contacts.readonly oauth.write"),
            ("state", "s t+ate"),
            ("sandbox_choose", choose),
        ])
        .finish();
    let request = Request::get(format!("/ghl/v2/oauth/chooselocation?{query}")).body(Body::empty()).unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn exchange(world: &World, code: &str) -> crate::support::Answer {
    let (id, secret) = (world.ghl.client_id(), world.ghl.client_secret());
    let fields = [("client_id", id), ("client_secret", secret), ("grant_type", "authorization_code"), ("code", code)];
    world.form("", "/oauth/token", &fields).await
}

fn code_of(location: &str) -> String {
    let url = url::Url::parse(location).unwrap();
    url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

#[tokio::test]
async fn consent_redirects_with_a_code_and_the_state_it_was_given() {
    let world = World::new().await;
    let url = url::Url::parse(&consent(&world, "company").await).unwrap();
    assert_eq!(url.host_str(), Some("app.example.com"));
    assert!(url.query_pairs().any(|(name, value)| name == "state" && value == "s t+ate"));
}

#[tokio::test]
async fn a_code_is_good_for_one_exchange() {
    let world = World::new().await;
    let code = code_of(&consent(&world, "company").await);
    let answer = exchange(&world, &code).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["userType"], "Company");
    assert_eq!(answer.body["expires_in"], 86_399);
    assert_eq!(answer.body["approvedLocations"].as_array().unwrap().len(), 2);
    let again = exchange(&world, &code).await;
    assert_eq!((again.status, again.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
}

#[tokio::test]
async fn choosing_a_location_gives_a_location_token() {
    let world = World::new().await;
    let code = code_of(&consent(&world, &format!("location:{}", world.other_location)).await);
    let answer = exchange(&world, &code).await;
    assert_eq!(answer.body["userType"], "Location");
    assert_eq!(answer.body["locationId"].as_str(), Some(world.other_location.as_str()));
}

#[tokio::test]
async fn the_token_endpoint_refuses_json_unknown_fields_and_wrong_clients() {
    let world = World::new().await;
    let json = world.call("POST", "/oauth/token", Some(json!({"grant_type": "refresh_token"}))).await;
    assert_eq!(json.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields =
        [("client_id", "nobody"), ("client_secret", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert_eq!(world.form("", "/oauth/token", &fields).await.status, StatusCode::UNAUTHORIZED);
    let stray = [fields[0], fields[1], fields[2], ("clientId", "x")];
    assert_eq!(world.form("", "/oauth/token", &stray).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_refresh_rotates_both_tokens() {
    let world = World::new().await;
    let first = world.ghl.issue_location_token(&world.location).unwrap();
    let answer = world.refresh(&first.refresh.unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let access = answer.body["access_token"].as_str().unwrap();
    assert_ne!(access, first.access);
    assert_eq!(
        world.call_as(access, "GET", &format!("/locations/{}", world.location), None).await.status,
        StatusCode::OK
    );
    let second = world.refresh(answer.body["refresh_token"].as_str().unwrap()).await;
    assert_eq!(second.status, StatusCode::OK);
}

#[tokio::test]
async fn reusing_a_refresh_token_revokes_the_whole_family() {
    let world = World::new().await;
    let first = world.ghl.issue_location_token(&world.location).unwrap();
    let used = first.refresh.unwrap();
    let next = world.refresh(&used).await.body;
    let reuse = world.refresh(&used).await;
    assert_eq!((reuse.status, reuse.body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    let path = format!("/locations/{}", world.location);
    for access in [first.access.as_str(), next["access_token"].as_str().unwrap()] {
        assert_eq!(world.call_as(access, "GET", &path, None).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(world.refresh(next["refresh_token"].as_str().unwrap()).await.status, StatusCode::BAD_REQUEST);
    let counts = world.ghl.counts().connections[&world.location].clone();
    assert_eq!((counts.refreshes, counts.reuses, counts.revoked_families), (1, 2, 1));
    assert_eq!(world.get(&path).await.status, StatusCode::OK, "another family lives on");
}

#[tokio::test]
async fn a_company_token_mints_location_tokens_without_refresh_token() {
    let world = World::new().await;
    let company = world.company_token().access;
    let fields = [("companyId", world.ghl.company_id()), ("locationId", world.other_location.as_str())];
    let answer = world.form(&company, "/oauth/locationToken", &fields).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.get("refresh_token").is_none());
    let minted = answer.body["access_token"].as_str().unwrap();
    let read = world.call_as(minted, "GET", &format!("/locations/{}", world.other_location), None).await;
    assert_eq!(read.status, StatusCode::OK);
    assert_eq!(world.ghl.counts().connections[&world.other_location].minted, 1);
}

#[tokio::test]
async fn a_company_alone_mints_nothing_for_locations_without_the_app() {
    let world = World::new().await;
    world.control("tokens", json!({"install_to_locations": false})).await;
    let code = code_of(&consent(&world, "company").await);
    let company = exchange(&world, &code).await.body;
    assert_eq!(company["approvedLocations"], json!([world.location]), "the one that had it before");
    let fields = [("companyId", world.ghl.company_id()), ("locationId", world.other_location.as_str())];
    let answer = world.form(company["access_token"].as_str().unwrap(), "/oauth/locationToken", &fields).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (StatusCode::BAD_REQUEST, "The app is not installed on this location.")
    );
}

#[tokio::test]
async fn agency_only_operations_refuse_location_and_private_tokens() {
    let world = World::new().await;
    let private = world.ghl.private_integration_token(world.ghl.company_id()).unwrap();
    let fields = [("companyId", world.ghl.company_id()), ("locationId", world.location.as_str())];
    for token in [&private, &world.token] {
        let answer = world.form(token, "/oauth/locationToken", &fields).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.message().starts_with("This authClass type"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_private_token_reads_its_own_location_only() {
    let world = World::new().await;
    let private = world.ghl.private_integration_token(&world.location).unwrap();
    assert!(private.starts_with("pit-"));
    let own = world.call_as(&private, "GET", &format!("/contacts/?locationId={}", world.location), None).await;
    let other = world.call_as(&private, "GET", &format!("/contacts/?locationId={}", world.other_location), None).await;
    assert_eq!((own.status, other.status), (StatusCode::OK, StatusCode::FORBIDDEN));
    assert_eq!(other.message(), "The token does not have access to this location.");
}

#[tokio::test]
async fn installed_locations_are_listed_to_the_company() {
    let world = World::new().await;
    let company = world.company_token().access;
    let path = format!(
        "/oauth/installedLocations?companyId={}&appId={}&isInstalled=true&limit=1",
        world.ghl.company_id(),
        world.ghl.app_id()
    );
    let answer = world.call_as(&company, "GET", &path, None).await;
    assert_eq!((answer.body["count"].as_i64(), answer.body["locations"].as_array().unwrap().len()), (Some(2), 1));
}

#[tokio::test]
async fn the_version_header_is_required_and_must_be_the_group_s() {
    let world = World::new().await;
    for (version, status) in
        [(None, 422), (Some("2021-04-15"), 422), (Some("2021-07-28"), 200), (Some("2023-02-21"), 200)]
    {
        let mut request = Request::get(format!("/ghl/locations/{}", world.location))
            .header("authorization", format!("Bearer {}", world.token));
        if let Some(version) = version {
            request = request.header("version", version);
        }
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status.as_u16(), status, "{version:?}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_401_and_says_so() {
    let world = World::new().await;
    let token = world.ghl.issue_location_token_with(&world.location, "locations.readonly").unwrap().access;
    let answer = world.call_as(&token, "GET", &format!("/contacts/?locationId={}", world.location), None).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (StatusCode::UNAUTHORIZED, "The token is not authorized for this scope.")
    );
    assert!(answer.body["traceId"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_access_token_ends_after_its_lifetime() {
    let world = World::new().await;
    let path = format!("/locations/{}", world.location);
    world.sandbox.control().jump(86_398_000);
    assert_eq!(world.get(&path).await.status, StatusCode::OK);
    world.sandbox.control().jump(1_000);
    let answer = world.get(&path).await;
    assert_eq!(
        (answer.status, answer.message().as_str()),
        (StatusCode::UNAUTHORIZED, "Invalid token: access token is invalid")
    );
}

#[tokio::test]
async fn control_ends_all_access_tokens_and_leaves_refresh_tokens_good() {
    let world = World::new().await;
    let token = world.ghl.issue_location_token(&world.location).unwrap();
    let answer = world.control("tokens", json!({"expire_all": true})).await;
    assert_eq!(answer.body["expired"], 2);
    let read = world.call_as(&token.access, "GET", &format!("/locations/{}", world.location), None).await;
    assert_eq!(read.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.refresh(&token.refresh.unwrap()).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_slow_exchange_rotates_although_the_caller_hung_up() {
    for rotate in [Rotate::Before, Rotate::After] {
        let world = World::new().await;
        let refresh = world.ghl.issue_location_token(&world.location).unwrap().refresh.unwrap();
        let fault = Some(TokenFault::Slow { ms: 3_000, rotate });
        world.sandbox.control().tokens(&TokenOrder { fault, ..TokenOrder::default() }).unwrap();
        tokio::select! {
            biased;
            _ = world.refresh(&refresh) => panic!("answered at once"),
            () = pause(1_000) => {}
        }
        let refreshes = || world.ghl.counts().connections.get(&world.location).map_or(0, |counts| counts.refreshes);
        let early = refreshes();
        assert_eq!(early, u64::from(rotate == Rotate::Before));
        pause(3_000).await;
        assert_eq!(refreshes(), 1);
        assert_eq!(world.refresh(&refresh).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn reconnect_is_gone() {
    let world = World::new().await;
    let answer = world.call("POST", "/oauth/reconnect", Some(json!({}))).await;
    assert_eq!((answer.status, answer.message().as_str()), (StatusCode::BAD_REQUEST, "API endpoint has been removed"));
}

#[tokio::test]
async fn an_uninstalled_location_s_tokens_are_dead() {
    let world = World::new().await;
    world
        .sandbox
        .control()
        .tokens(&TokenOrder { uninstall: Some(world.location.clone()), ..TokenOrder::default() })
        .unwrap();
    assert_eq!(world.get(&format!("/locations/{}", world.location)).await.status, StatusCode::UNAUTHORIZED);
}
