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

use crate::support::{fixture, line, only};

fn oauth(transport: &Arc<ScriptedTransport>) -> CalcomOAuthBuilder {
    CalcomOAuth::builder("client-1")
        .redirect_uri("https://crm.example.com/api/integrations/calcom/callback")
        .transport(transport.clone())
        .retry(RetryPolicy::never())
}

fn grant(number: u32) -> serde_json::Value {
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
fn the_link_asks_for_a_code_with_state_scopes_and_challenge() {
    let oauth = oauth(&Arc::new(ScriptedTransport::new())).build().unwrap();
    let pkce = Pkce::from_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
    let url = oauth.authorize("s1").unwrap().scopes(["BOOKING_READ", "BOOKING_WRITE"]).pkce(&pkce).url();
    assert_eq!(
        url.as_str(),
        "https://app.cal.com/auth/oauth2/authorize?response_type=code&client_id=client-1&\
         redirect_uri=https%3A%2F%2Fcrm.example.com%2Fapi%2Fintegrations%2Fcalcom%2Fcallback&state=s1&\
         scope=BOOKING_READ+BOOKING_WRITE&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    let usual = oauth.authorize("s1").unwrap().url();
    assert!(usual.query_pairs().any(|(name, value)| name == "scope" && value.contains("SCHEDULE_WRITE")));
    assert!(!usual.as_str().contains("code_challenge"));
    assert_eq!(oauth.authorize("").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn what_cannot_be_right_is_refused() {
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
fn users_agree_where_their_accounts_are() {
    let new = || CalcomOAuth::builder("client-1").redirect_uri("https://x/back");
    let page = |builder: CalcomOAuthBuilder| {
        let url = builder.transport(Arc::new(ScriptedTransport::new())).build().unwrap().authorize("s").unwrap().url();
        url.as_str().split('?').next().unwrap().to_owned()
    };
    let own = "https://cal.example.com/api/v2";
    for (builder, agreed_at) in [
        (new(), "https://app.cal.com/auth/oauth2/authorize"),
        (new().region(Region::Eu), "https://app.cal.eu/auth/oauth2/authorize"),
        (new().base_url("https://api.cal.eu/v2/"), "https://app.cal.eu/auth/oauth2/authorize"),
        (new().region(Region::Eu).base_url("https://api.cal.com"), "https://app.cal.com/auth/oauth2/authorize"),
        (new().base_url(own).app_url("https://cal.example.com/"), "https://cal.example.com/auth/oauth2/authorize"),
        (new().base_url(own).authorize_url("https://cal.example.com/agree"), "https://cal.example.com/agree"),
    ] {
        assert_eq!(page(builder), agreed_at);
    }
    for builder in [new().base_url(own), new().region(Region::Eu).base_url(own)] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("`app_url`") && error.message().contains("cal.example.com"), "{error}");
    }
}

#[tokio::test]
async fn a_code_is_exchanged_with_the_secret_or_with_the_verifier() {
    let transport = Arc::new(ScriptedTransport::new().respond(200, grant(1)));
    let confidential = oauth(&transport).client_secret("sesame".to_owned()).build().unwrap();
    let tokens = confidential.exchange_code("c1", None).await.unwrap();
    assert_eq!(tokens.access.expose_secret(), "access-1");
    let sent = only(&transport);
    assert_eq!(line(&sent), "POST /v2/auth/oauth2/token");
    let redirect = "https://crm.example.com/api/integrations/calcom/callback";
    let asked = [
        ("client_id", "client-1"),
        ("client_secret", "sesame"),
        ("grant_type", "authorization_code"),
        ("code", "c1"),
        ("redirect_uri", redirect),
    ];
    assert_eq!(form(&sent), pairs(&asked));
    assert!(!format!("{confidential:?}").contains("sesame"));

    let transport = Arc::new(ScriptedTransport::new().respond(200, grant(1)));
    let public = oauth(&transport).build().unwrap();
    let error = public.exchange_code("c1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    public.exchange_code("c1", Some(&Pkce::from_verifier("v".to_owned()))).await.unwrap();
    let asked = [
        ("client_id", "client-1"),
        ("grant_type", "authorization_code"),
        ("code", "c1"),
        ("redirect_uri", redirect),
        ("code_verifier", "v"),
    ];
    assert_eq!(form(&only(&transport)), pairs(&asked));
}

#[tokio::test]
async fn refusals_of_the_token_endpoint_tell_the_grant_from_the_client() {
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
async fn the_client_can_be_looked_at() {
    let body = json!({"status": "success", "data": {
        "client_id": "client-1", "name": "CRM", "redirect_uri": "https://x", "logo": null, "is_trusted": false,
        "client_type": "PUBLIC",
    }});
    let transport = Arc::new(ScriptedTransport::new().respond(200, body));
    let info = oauth(&transport).build().unwrap().client().await.unwrap();
    assert_eq!((info.name.as_deref(), info.client_type.as_deref()), (Some("CRM"), Some("PUBLIC")));
    assert_eq!(line(&only(&transport)), "GET /v2/auth/oauth2/clients/client-1");
}

/// A connected organization over one transport for tokens and calls.
struct House {
    transport: Arc<ScriptedTransport>,
    connections: CalcomConnections,
}

impl House {
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

async fn adopted(house: &House, expires_in: i64) {
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
    house.connections.of("org-1").adopt(&tokens).await.unwrap();
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_once_for_all_callers() {
    let script =
        ScriptedTransport::new().respond(200, grant(2)).respond(200, fixture!("me")).respond(200, fixture!("me"));
    let house = House::new(script);
    adopted(&house, 10).await;
    let calcom = house.client();
    let (one, two) = futures_util::join!(calcom.me().get().into_future(), calcom.me().get().into_future());
    one.unwrap();
    two.unwrap();
    let requests = house.transport.requests();
    let lines: Vec<_> = requests.iter().map(line).collect();
    assert_eq!(lines, ["POST /v2/auth/oauth2/token", "GET /v2/me", "GET /v2/me"]);
    assert!(form(&requests[0]).contains(&("refresh_token".to_owned(), "refresh-1".to_owned())));
    assert!(requests[1..].iter().all(|request| request.header("authorization") == "Bearer access-2"));
    let stored = house.connections.of("org-1").connection().await.unwrap().unwrap();
    assert_eq!(stored.tokens.refresh.unwrap().expose_secret(), "refresh-2");
    assert_eq!(stored.tokens.scope.as_deref(), Some("BOOKING_READ"), "what the answer leaves out still holds");
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_sent_again_once() {
    let expired = json!({"status": "error", "error": {"code": "UnauthorizedException", "message": "token expired"}});
    let script = ScriptedTransport::new().respond(401, expired).respond(200, grant(2)).respond(200, fixture!("me"));
    let house = House::new(script);
    adopted(&house, 1_800).await;
    house.client().me().get().await.unwrap();
    let lines: Vec<_> = house.transport.requests().iter().map(line).collect();
    assert_eq!(lines, ["GET /v2/me", "POST /v2/auth/oauth2/token", "GET /v2/me"]);
}

#[tokio::test]
async fn a_missing_scope_never_asks_for_a_new_token() {
    let scope = json!({"status": "error", "error": {"code": "ForbiddenException", "message": "insufficient scope"}});
    for status in [401, 403] {
        let house = House::new(ScriptedTransport::new().respond(status, scope.clone()));
        adopted(&house, 1_800).await;
        let error = house.client().bookings().list().await.unwrap_err();
        assert_eq!(error.problem(), Some(&CalcomErrorReason::ScopeMissing { scope: Some("BOOKING_READ") }), "{error}");
        assert_eq!(house.transport.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_refresh_ends_the_connection_and_says_so() {
    let refused = json!({"error": "invalid_grant"});
    let house = House::new(ScriptedTransport::new().respond(400, refused));
    adopted(&house, 10).await;
    let error = house.client().me().get().await.unwrap_err();
    assert!(error.needs_reauth(), "{error}");
    let stored = house.connections.of("org-1").connection().await.unwrap().unwrap();
    assert!(matches!(stored.state, ConnectionState::NeedsReauth { .. }));
}

#[tokio::test]
async fn a_refresh_that_was_asked_for_wrongly_ends_no_connection() {
    for code in ["invalid_request", "unsupported_grant_type", "invalid_scope", "invalid_client", "unauthorized_client"]
    {
        let house = House::new(ScriptedTransport::new().respond(400, json!({"error": code})));
        adopted(&house, 10).await;
        let error = house.client().me().get().await.unwrap_err();
        assert!(!error.needs_reauth(), "{error}");
        let stored = house.connections.of("org-1").connection().await.unwrap().unwrap();
        assert!(!matches!(stored.state, ConnectionState::NeedsReauth { .. }), "{code}");
    }
}

#[tokio::test]
async fn an_api_key_can_be_the_connection_and_is_never_renewed() {
    let house = House::new(
        ScriptedTransport::new()
            .respond(200, fixture!("me"))
            .respond(401, json!({"status": "error", "error": {"code": "UnauthorizedException", "message": "bad key"}})),
    );
    let tokens = house.connections.of("org-1");
    tokens.adopt_api_key(SecretString::from("cal_live_1")).await.unwrap();
    assert_eq!(tokens.adopt_api_key(SecretString::from("a b")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let calcom = house.client();
    calcom.me().get().await.unwrap();
    assert_eq!(house.transport.requests()[0].header("authorization"), "Bearer cal_live_1");
    let error = calcom.me().get().await.unwrap_err();
    assert!(error.needs_reauth(), "{error}");
    house.connections.settle().await;
    assert_eq!(house.transport.requests().len(), 2, "no exchange was tried");

    let elsewhere = tokens.clone().at("https://cal.example.com/");
    assert!(elsewhere.connection().await.unwrap().is_none(), "what is kept for one address is not found at another");
    elsewhere.adopt_api_key(SecretString::from("cal_live_2")).await.unwrap();
    tokens.forget().await.unwrap();
    assert!(tokens.connection().await.unwrap().is_none());
    assert!(elsewhere.connection().await.unwrap().is_some());
    let error = house.client().me().get().deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
}
