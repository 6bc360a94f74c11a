use std::{sync::Arc, time::Duration};

use calcom_client::{
    CalcomConnections, CalcomErrorExt, CalcomErrorReason, CalcomOAuth, Region,
    oauth::{CalcomOAuthBuilder, Pkce},
};
use serde_json::json;
use sidecar_core::{
    ErrorKind, SecretString, SystemClock,
    retry::RetryPolicy,
    secret::ExposeSecret,
    test_util::{RecordedRequest, ScriptedTransport},
    token::{ConnectionState, MemoryStore},
};

use crate::support::{fixture, only_request, request_line};

fn oauth(transport: &Arc<ScriptedTransport>) -> CalcomOAuthBuilder {
    CalcomOAuth::builder("client-1")
        .redirect_uri("https://crm.example.com/api/integrations/calcom/callback")
        .transport(transport.clone())
        .retry(RetryPolicy::never())
}

fn token_response(number: u32) -> serde_json::Value {
    json!({
        "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
        "token_type": "bearer", "expires_in": 1800,
    })
}

fn form(request: &RecordedRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_authorization_url_has_state_scopes_and_challenge() {
    let oauth = oauth(&Arc::new(ScriptedTransport::new())).build().unwrap();
    let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
    let url = oauth.authorize("s1").unwrap().scopes(["BOOKING_READ", "BOOKING_WRITE"]).pkce(&pkce).url();
    assert_eq!(
        url.as_str(),
        "https://app.cal.com/auth/oauth2/authorize?response_type=code&client_id=client-1&\
         redirect_uri=https%3A%2F%2Fcrm.example.com%2Fapi%2Fintegrations%2Fcalcom%2Fcallback&state=s1&\
         scope=BOOKING_READ+BOOKING_WRITE&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    let default = oauth.authorize("s1").unwrap().url();
    assert!(default.query_pairs().any(|(name, value)| name == "scope" && value.contains("SCHEDULE_WRITE")));
    assert!(!default.as_str().contains("code_challenge"));
    assert_eq!(oauth.authorize("").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn invalid_settings_are_rejected() {
    let new = || CalcomOAuth::builder("client-1").transport(Arc::new(ScriptedTransport::new()));
    for builder in [
        CalcomOAuth::builder(" "),
        new().client_secret(String::new()),
        new().redirect_uri("/callback"),
        new().app_url("ftp://x"),
        new().base_url("https://api.cal.com/v1"),
    ] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(new().build().unwrap().authorize("s").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_authorization_page_belongs_to_the_api() {
    let new = || CalcomOAuth::builder("client-1").redirect_uri("https://x/back");
    let page = |builder: CalcomOAuthBuilder| {
        let url = builder.transport(Arc::new(ScriptedTransport::new())).build().unwrap().authorize("s").unwrap().url();
        url.as_str().split('?').next().unwrap().to_owned()
    };
    let self_hosted = "https://cal.example.com/api/v2";
    for (builder, expected) in [
        (new(), "https://app.cal.com/auth/oauth2/authorize"),
        (new().region(Region::Eu), "https://app.cal.eu/auth/oauth2/authorize"),
        (new().base_url("https://api.cal.eu/v2/"), "https://app.cal.eu/auth/oauth2/authorize"),
        (new().region(Region::Eu).base_url("https://api.cal.com"), "https://app.cal.com/auth/oauth2/authorize"),
        (
            new().base_url(self_hosted).app_url("https://cal.example.com/"),
            "https://cal.example.com/auth/oauth2/authorize",
        ),
        (new().base_url(self_hosted).authorize_url("https://cal.example.com/agree"), "https://cal.example.com/agree"),
    ] {
        assert_eq!(page(builder), expected);
    }
    for builder in [new().base_url(self_hosted), new().region(Region::Eu).base_url(self_hosted)] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("`app_url`") && error.message().contains("cal.example.com"), "{error}");
    }
}

#[tokio::test]
async fn a_code_is_exchanged_with_the_secret_or_the_verifier() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, token_response(1)));
    let confidential = oauth(&transport).client_secret("sesame".to_owned()).build().unwrap();
    let tokens = confidential.exchange_code("c1", None).await.unwrap();
    assert_eq!(tokens.access.expose_secret(), "access-1");
    let sent = only_request(&transport);
    assert_eq!(request_line(&sent), "POST /v2/auth/oauth2/token");
    let redirect = "https://crm.example.com/api/integrations/calcom/callback";
    let fields = [
        ("client_id", "client-1"),
        ("client_secret", "sesame"),
        ("grant_type", "authorization_code"),
        ("code", "c1"),
        ("redirect_uri", redirect),
    ];
    assert_eq!(form(&sent), pairs(&fields));
    assert!(!format!("{confidential:?}").contains("sesame"));

    let transport = Arc::new(ScriptedTransport::new().respond(200, token_response(1)));
    let public = oauth(&transport).build().unwrap();
    let error = public.exchange_code("c1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    public.exchange_code("c1", Some(&Pkce::from_verifier("v".to_owned()))).await.unwrap();
    let fields = [
        ("client_id", "client-1"),
        ("grant_type", "authorization_code"),
        ("code", "c1"),
        ("redirect_uri", redirect),
        ("code_verifier", "v"),
    ];
    assert_eq!(form(&only_request(&transport)), pairs(&fields));
}

#[tokio::test]
async fn token_errors_distinguish_the_grant_from_the_client() {
    for (status, body, kind, problem) in [
        (
            400,
            json!({"error": "invalid_grant", "error_description": "used"}),
            ErrorKind::Auth,
            CalcomErrorReason::GrantInvalid,
        ),
        (
            400,
            json!({"status": "error", "error": {"message": "Invalid code"}}),
            ErrorKind::Auth,
            CalcomErrorReason::GrantInvalid,
        ),
        (401, json!({"error": "invalid_client"}), ErrorKind::InvalidInput, CalcomErrorReason::ClientInvalid),
        (
            400,
            json!({"error": "invalid_request", "error_description": "refresh_token is missing"}),
            ErrorKind::InvalidInput,
            CalcomErrorReason::ClientInvalid,
        ),
        (400, json!({"error": "unsupported_grant_type"}), ErrorKind::InvalidInput, CalcomErrorReason::ClientInvalid),
        (
            400,
            json!({"error": "invalid_scope", "error_description": "no"}),
            ErrorKind::InvalidInput,
            CalcomErrorReason::ClientInvalid,
        ),
        (
            400,
            json!({"error": {"code": "invalid_request", "message": "x"}}),
            ErrorKind::InvalidInput,
            CalcomErrorReason::ClientInvalid,
        ),
        (400, json!({"error": "something_else"}), ErrorKind::Auth, CalcomErrorReason::GrantInvalid),
        (401, json!({"message": "no"}), ErrorKind::InvalidInput, CalcomErrorReason::ClientInvalid),
        (503, json!({}), ErrorKind::Server, CalcomErrorReason::Other),
    ] {
        let transport = Arc::new(ScriptedTransport::new().respond(status, body));
        let oauth = oauth(&transport).client_secret("s".to_owned()).build().unwrap();
        let error = oauth.refresh(&"r".to_owned().into()).await.unwrap_err();
        assert_eq!((error.kind(), error.problem()), (kind, Some(&problem)), "{error}");
    }
}

#[tokio::test]
async fn the_public_data_of_the_client_can_be_read() {
    let body = json!({"status": "success", "data": {
        "client_id": "client-1", "name": "CRM", "redirect_uri": "https://x", "logo": null, "is_trusted": false,
        "client_type": "PUBLIC",
    }});
    let transport = Arc::new(ScriptedTransport::new().respond(200, body));
    let info = oauth(&transport).build().unwrap().client().await.unwrap();
    assert_eq!((info.name.as_deref(), info.client_type.as_deref()), (Some("CRM"), Some("PUBLIC")));
    assert_eq!(request_line(&only_request(&transport)), "GET /v2/auth/oauth2/clients/client-1");
}

/// The connections of an organization, with one transport for tokens and calls.
struct Harness {
    transport: Arc<ScriptedTransport>,
    connections: CalcomConnections,
}

impl Harness {
    fn new(script: ScriptedTransport) -> Self {
        let transport = Arc::new(script);
        let (store, clock) = (MemoryStore::new(), SystemClock::shared());
        let oauth = oauth(&transport).client_secret("s".to_owned()).clock(clock.clone()).build().unwrap();
        let connections = CalcomConnections::new(Some(oauth), Arc::new(store.clone()), Arc::new(store), clock);
        Self { transport, connections }
    }

    fn client(&self) -> calcom_client::CalcomClient {
        calcom_client::CalcomClient::builder()
            .tokens(self.connections.of("org-1"))
            .transport(self.transport.clone())
            .retry(RetryPolicy::never())
            .build()
            .unwrap()
    }
}

/// Saves a token that expires in so many seconds.
async fn connect(harness: &Harness, expires_in: i64) {
    let now = SystemClock::shared().now();
    let tokens = sidecar_core::token::TokenSet {
        access: "access-1".to_owned().into(),
        refresh: Some("refresh-1".to_owned().into()),
        expires_at: Some(sidecar_core::Timestamp::from_secs(now.as_secs() + expires_in)),
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: Some("BOOKING_READ".to_owned()),
        extra: serde_json::Map::new(),
    };
    harness.connections.of("org-1").adopt(&tokens).await.unwrap();
}

#[tokio::test]
async fn an_expiring_token_is_refreshed_once_for_all_callers() {
    let script = ScriptedTransport::new()
        .respond(200, token_response(2))
        .respond(200, fixture!("me"))
        .respond(200, fixture!("me"));
    let harness = Harness::new(script);
    connect(&harness, 10).await;
    let calcom = harness.client();
    let (one, two) = futures_util::join!(calcom.me().get().into_future(), calcom.me().get().into_future());
    one.unwrap();
    two.unwrap();
    let requests = harness.transport.requests();
    let lines: Vec<_> = requests.iter().map(request_line).collect();
    assert_eq!(lines, ["POST /v2/auth/oauth2/token", "GET /v2/me", "GET /v2/me"]);
    assert!(form(&requests[0]).contains(&("refresh_token".to_owned(), "refresh-1".to_owned())));
    assert!(requests[1..].iter().all(|request| request.header("authorization") == "Bearer access-2"));
    let stored = harness.connections.of("org-1").connection().await.unwrap().unwrap();
    assert_eq!(stored.tokens.refresh.unwrap().expose_secret(), "refresh-2");
    assert_eq!(stored.tokens.scope.as_deref(), Some("BOOKING_READ"), "values that the response omits stay valid");
}

#[tokio::test]
async fn a_rejected_token_is_refreshed_and_the_call_retried_once() {
    let expired = json!({"status": "error", "error": {"code": "UnauthorizedException", "message": "token expired"}});
    let script =
        ScriptedTransport::new().respond(401, expired).respond(200, token_response(2)).respond(200, fixture!("me"));
    let harness = Harness::new(script);
    connect(&harness, 1_800).await;
    harness.client().me().get().await.unwrap();
    let lines: Vec<_> = harness.transport.requests().iter().map(request_line).collect();
    assert_eq!(lines, ["GET /v2/me", "POST /v2/auth/oauth2/token", "GET /v2/me"]);
}

#[tokio::test]
async fn a_missing_scope_never_triggers_a_token_refresh() {
    let scope = json!({"status": "error", "error": {"code": "ForbiddenException", "message": "insufficient scope"}});
    for status in [401, 403] {
        let harness = Harness::new(ScriptedTransport::new().respond(status, scope.clone()));
        connect(&harness, 1_800).await;
        let error = harness.client().bookings().list().await.unwrap_err();
        assert_eq!(error.problem(), Some(&CalcomErrorReason::ScopeMissing { scope: Some("BOOKING_READ") }), "{error}");
        assert_eq!(harness.transport.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_rejected_refresh_token_ends_the_connection() {
    let rejected = json!({"error": "invalid_grant"});
    let harness = Harness::new(ScriptedTransport::new().respond(400, rejected));
    connect(&harness, 10).await;
    let error = harness.client().me().get().await.unwrap_err();
    assert!(error.needs_reauth(), "{error}");
    let stored = harness.connections.of("org-1").connection().await.unwrap().unwrap();
    assert!(matches!(stored.state, ConnectionState::NeedsReauth { .. }));
}

#[tokio::test]
async fn an_invalid_refresh_request_does_not_end_the_connection() {
    for code in ["invalid_request", "unsupported_grant_type", "invalid_scope", "invalid_client", "unauthorized_client"]
    {
        let harness = Harness::new(ScriptedTransport::new().respond(400, json!({"error": code})));
        connect(&harness, 10).await;
        let error = harness.client().me().get().await.unwrap_err();
        assert!(!error.needs_reauth(), "{error}");
        let stored = harness.connections.of("org-1").connection().await.unwrap().unwrap();
        assert!(!matches!(stored.state, ConnectionState::NeedsReauth { .. }), "{code}");
    }
}

#[tokio::test]
async fn an_api_key_can_be_the_connection_and_is_never_refreshed() {
    let harness = Harness::new(
        ScriptedTransport::new()
            .respond(200, fixture!("me"))
            .respond(401, json!({"status": "error", "error": {"code": "UnauthorizedException", "message": "bad key"}})),
    );
    let tokens = harness.connections.of("org-1");
    tokens.adopt_api_key(SecretString::from("cal_live_1")).await.unwrap();
    assert_eq!(tokens.adopt_api_key(SecretString::from("a b")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let calcom = harness.client();
    calcom.me().get().await.unwrap();
    assert_eq!(harness.transport.requests()[0].header("authorization"), "Bearer cal_live_1");
    let error = calcom.me().get().await.unwrap_err();
    assert!(error.needs_reauth(), "{error}");
    harness.connections.drain_refreshes().await;
    assert_eq!(harness.transport.requests().len(), 2, "no exchange was sent");

    let elsewhere = tokens.clone().at("https://cal.example.com/");
    assert!(elsewhere.connection().await.unwrap().is_none(), "the connection of one address is not found at another");
    elsewhere.adopt_api_key(SecretString::from("cal_live_2")).await.unwrap();
    tokens.forget().await.unwrap();
    assert!(tokens.connection().await.unwrap().is_none());
    assert!(elsewhere.connection().await.unwrap().is_some());
    let error = harness.client().me().get().deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
}
