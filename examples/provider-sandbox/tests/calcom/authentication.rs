use calcom_client::oauth::Pkce;
use calcom_client::{CalcomErrorExt, CalcomErrorReason, CalcomOAuth, RateLimitPolicy};
use provider_sandbox::calcom::{Fault, FaultRule};
use provider_sandbox::control::CalcomTokenCommand;
use sidecar_core::ErrorKind;
use sidecar_core::retry::RetryPolicy;
use sidecar_core::secret::ExposeSecret;
use sidecar_core::token::StaticToken;

use crate::support::{Fixture, builder};

const REDIRECT_URI: &str = "https://app.example.com/back";

fn oauth(fixture: &Fixture) -> CalcomOAuth {
    let (id, base) = (fixture.calcom.client_id(), fixture.calcom.base_url());
    let builder =
        CalcomOAuth::builder(id).client_secret(fixture.calcom.client_secret().to_owned()).redirect_uri(REDIRECT_URI);
    builder.base_url(base).app_url(base).retry(RetryPolicy::never()).build().unwrap()
}

/// Opens the link as a browser does and returns the code of the redirect.
async fn authorize_in_browser(link: url::Url) -> String {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = browser.get(link).send().await.unwrap();
    let target = url::Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    assert!(target.as_str().starts_with(REDIRECT_URI));
    let value = |name: &str| target.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    assert_eq!(value("state"), "state-1");
    value("code")
}

fn with_token(fixture: &Fixture, token: &str) -> calcom_client::CalcomClient {
    let credentials = std::sync::Arc::new(StaticToken::new(token.to_owned()));
    builder(&fixture.calcom).credentials(credentials).build().unwrap()
}

#[tokio::test]
async fn a_wrong_key_and_no_key_are_rejected_in_the_envelope() {
    let fixture = Fixture::new().await;
    let unknown = builder(&fixture.calcom).api_key("cal_live_wrong".to_owned()).build().unwrap();
    let error = unknown.me().get().await.unwrap_err();
    assert_eq!(
        (error.problem(), error.code()),
        (Some(&CalcomErrorReason::TokenInvalid), Some("UnauthorizedException"))
    );
    assert!(error.request_id().is_some());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = http.get(format!("{}/v2/me", fixture.calcom.base_url())).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["path"]), (&"error".into(), &"/v2/me".into()));
    assert_eq!(body["error"]["details"]["statusCode"], 401);
}

#[tokio::test]
async fn an_unknown_route_or_version_differs_from_a_missing_record() {
    let fixture = Fixture::new().await;
    let raw = fixture.client.raw().get("/v2/teams").await.unwrap_err();
    assert_eq!(raw.problem(), Some(&CalcomErrorReason::UnknownRoute));
    let put = fixture.client.raw().put("/v2/me").await.unwrap_err();
    assert_eq!(put.problem(), Some(&CalcomErrorReason::UnknownRoute));
    let old = fixture.client.raw().get("/v2/bookings").await.unwrap_err();
    assert_eq!(old.problem(), Some(&CalcomErrorReason::UnknownRoute), "the version is required");
    assert_eq!(fixture.client.event_types().get(1).await.unwrap_err().problem(), Some(&CalcomErrorReason::NotFound));
    let invalid = fixture.client.raw().get("/v2/schedules/nine").version(calcom_client::ApiVersion::V2024_06_11).await;
    assert_eq!(invalid.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn the_rate_limit_blocks_for_one_minute() {
    let fixture = Fixture::new().await;
    let builder_with_key = builder(&fixture.calcom).api_key(fixture.calcom.api_key().to_owned());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = || http.get(format!("{}/v2/me", fixture.calcom.base_url())).bearer_auth(fixture.calcom.api_key()).send();
    let number = |response: &reqwest::Response, name: &str| -> i64 {
        response.headers()[format!("x-ratelimit-{name}-default")].to_str().unwrap().parse().unwrap()
    };
    let first = get().await.unwrap();
    assert_eq!((number(&first, "limit"), number(&first, "remaining"), number(&first, "reset")), (120, 119, 60));
    for _ in 1..120 {
        assert_eq!(get().await.unwrap().status().as_u16(), 200);
    }
    let rejected = get().await.unwrap();
    assert_eq!((rejected.status().as_u16(), number(&rejected, "remaining"), number(&rejected, "reset")), (429, 0, 60));
    assert!(rejected.headers().get("retry-after").is_none());
    let client = builder_with_key.rate_limit(RateLimitPolicy::API_KEY.burst(50)).build().unwrap();
    let error = client.me().get().await.unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::RateLimited, Some(&CalcomErrorReason::RateLimit)));
    fixture.book("intro", "2026-11-24T09:00:00Z");
    fixture.sandbox.control().advance_clock(61_000);
    assert_eq!(get().await.unwrap().status().as_u16(), 200);
    assert_eq!(fixture.calcom.counts().rejected(), 2, "calls of the in-process API do not count");
}

#[tokio::test]
async fn a_code_and_a_refresh_token_are_accepted_once() {
    let fixture = Fixture::new().await;
    let oauth = oauth(&fixture);
    assert_eq!(oauth.client().await.unwrap().client_id.as_deref(), Some(fixture.calcom.client_id()));
    let code = authorize_in_browser(oauth.authorize("state-1").unwrap().url()).await;
    let pair = oauth.exchange_code(&code, None).await.unwrap();
    let client = with_token(&fixture, pair.access.expose_secret());
    assert_eq!(client.me().get().await.unwrap().username.as_deref(), Some("bo"));
    assert_eq!(oauth.exchange_code(&code, None).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    let refresh = pair.refresh.unwrap();
    let next = oauth.refresh(&refresh).await.unwrap();
    assert_eq!(oauth.refresh(&refresh).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    assert!(oauth.refresh(&next.refresh.unwrap()).await.is_ok());
    assert_eq!((fixture.calcom.counts().exchanges, fixture.calcom.counts().refreshes), (1, 2));
}

#[tokio::test]
async fn a_code_with_a_challenge_requires_the_verifier() {
    let fixture = Fixture::new().await;
    let oauth = oauth(&fixture);
    let (pkce, other) = (Pkce::generate().unwrap(), Pkce::generate().unwrap());
    let link = || oauth.authorize("state-1").unwrap().pkce(&pkce).url();
    let wrong = oauth.exchange_code(&authorize_in_browser(link()).await, Some(&other)).await;
    assert_eq!(wrong.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    assert!(oauth.exchange_code(&authorize_in_browser(link()).await, Some(&pkce)).await.is_ok());
}

#[tokio::test]
async fn an_access_token_has_scopes_and_expires_after_half_an_hour() {
    let fixture = Fixture::new().await;
    let token = fixture.calcom.issue_token("PROFILE_READ BOOKING_READ");
    let client = with_token(&fixture, &token.access);
    assert!(client.bookings().list().await.is_ok());
    let error = client.schedules().list().await.unwrap_err();
    assert!(error.is_scope_missing(), "{error}");
    fixture.sandbox.control().advance_clock(1_800_000);
    assert_eq!(client.me().get().await.unwrap_err().kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn a_refresh_whose_response_is_lost_has_used_its_token() {
    let fixture = Fixture::new().await;
    let oauth = oauth(&fixture);
    let token = fixture.calcom.issue_token("PROFILE_READ");
    let control = fixture.sandbox.control();
    let lost =
        FaultRule { path: Some("/v2/auth".into()), fault: Fault::ResetAfter, times: Some(1), ..FaultRule::default() };
    control.calcom().add_faults([lost]);
    let refresh = token.refresh.into();
    assert!(oauth.refresh(&refresh).await.unwrap_err().may_have_taken_effect());
    assert_eq!(oauth.refresh(&refresh).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    let command = CalcomTokenCommand { expire_all: true, ..CalcomTokenCommand::default() };
    assert_eq!(control.calcom().update_tokens(&command), 2);
}
