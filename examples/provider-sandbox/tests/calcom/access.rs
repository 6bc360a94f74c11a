use calcom_client::oauth::Pkce;
use calcom_client::{CalcomErrorExt, CalcomErrorReason, CalcomOAuth, RateLimitPolicy};
use provider_sandbox::calcom::{Fault, FaultRule};
use provider_sandbox::control::CalcomTokenOrder;
use sidecar_core::ErrorKind;
use sidecar_core::retry::RetryPolicy;
use sidecar_core::secret::ExposeSecret;
use sidecar_core::token::StaticToken;

use crate::support::{World, builder};

const BACK: &str = "https://app.example.com/back";

fn oauth(world: &World) -> CalcomOAuth {
    let (id, base) = (world.calcom.client_id(), world.calcom.base_url());
    let builder = CalcomOAuth::builder(id).client_secret(world.calcom.client_secret().to_owned()).redirect_uri(BACK);
    builder.base_url(base).app_url(base).retry(RetryPolicy::never()).build().unwrap()
}

/// Follows the link as a user's browser does: the code that it leads back with.
async fn agreed(link: url::Url) -> String {
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(link).send().await.unwrap();
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(target.as_str().starts_with(BACK));
    let value = |name: &str| target.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    assert_eq!(value("state"), "state-1");
    value("code")
}

fn with_token(world: &World, token: &str) -> calcom_client::CalcomClient {
    let credentials = std::sync::Arc::new(StaticToken::new(token.to_owned()));
    builder(&world.calcom).credentials(credentials).build().unwrap()
}

#[tokio::test]
async fn a_wrong_key_and_none_are_refused_in_the_envelope() {
    let world = World::new().await;
    let stranger = builder(&world.calcom).api_key("cal_live_wrong".to_owned()).build().unwrap();
    let error = stranger.me().get().await.unwrap_err();
    assert_eq!(
        (error.problem(), error.code()),
        (Some(&CalcomErrorReason::TokenInvalid), Some("UnauthorizedException"))
    );
    assert!(error.request_id().is_some());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = plain.get(format!("{}/v2/me", world.calcom.base_url())).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["path"]), (&"error".into(), &"/v2/me".into()));
    assert_eq!(body["error"]["details"]["statusCode"], 401);
}

#[tokio::test]
async fn an_unknown_route_and_another_version_are_told_apart_from_a_missing_thing() {
    let world = World::new().await;
    let raw = world.client.raw().get("/v2/teams").await.unwrap_err();
    assert_eq!(raw.problem(), Some(&CalcomErrorReason::UnknownRoute));
    let put = world.client.raw().put("/v2/me").await.unwrap_err();
    assert_eq!(put.problem(), Some(&CalcomErrorReason::UnknownRoute));
    let old = world.client.raw().get("/v2/bookings").await.unwrap_err();
    assert_eq!(old.problem(), Some(&CalcomErrorReason::UnknownRoute), "without a version the old shapes would answer");
    assert_eq!(world.client.event_types().get(1).await.unwrap_err().problem(), Some(&CalcomErrorReason::NotFound));
    let odd = world.client.raw().get("/v2/schedules/nine").version(calcom_client::ApiVersion::V2024_06_11).await;
    assert_eq!(odd.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn the_minute_s_limit_is_told_kept_and_over_after_a_minute() {
    let world = World::new().await;
    let hasty = builder(&world.calcom).api_key(world.calcom.api_key().to_owned());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = || plain.get(format!("{}/v2/me", world.calcom.base_url())).bearer_auth(world.calcom.api_key()).send();
    let number = |answer: &reqwest::Response, name: &str| -> i64 {
        answer.headers()[format!("x-ratelimit-{name}-default")].to_str().unwrap().parse().unwrap()
    };
    let first = get().await.unwrap();
    assert_eq!((number(&first, "limit"), number(&first, "remaining"), number(&first, "reset")), (120, 119, 60));
    for _ in 1..120 {
        assert_eq!(get().await.unwrap().status().as_u16(), 200);
    }
    let refused = get().await.unwrap();
    assert_eq!((refused.status().as_u16(), number(&refused, "remaining"), number(&refused, "reset")), (429, 0, 60));
    assert!(refused.headers().get("retry-after").is_none());
    let client = hasty.rate_limit(RateLimitPolicy::API_KEY.burst(50)).build().unwrap();
    let error = client.me().get().await.unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::RateLimited, Some(&CalcomErrorReason::RateLimit)));
    world.book("intro", "2026-11-24T09:00:00Z");
    world.sandbox.control().jump(61_000);
    assert_eq!(get().await.unwrap().status().as_u16(), 200);
    assert_eq!(world.calcom.counts().refused(), 2, "a person on Cal.com's pages spends nothing");
}

#[tokio::test]
async fn a_code_gives_a_pair_and_a_refresh_token_works_once() {
    let world = World::new().await;
    let oauth = oauth(&world);
    assert_eq!(oauth.client().await.unwrap().client_id.as_deref(), Some(world.calcom.client_id()));
    let code = agreed(oauth.authorize("state-1").unwrap().url()).await;
    let pair = oauth.exchange_code(&code, None).await.unwrap();
    let client = with_token(&world, pair.access.expose_secret());
    assert_eq!(client.me().get().await.unwrap().username.as_deref(), Some("bo"));
    assert_eq!(oauth.exchange_code(&code, None).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    let refresh = pair.refresh.unwrap();
    let next = oauth.refresh(&refresh).await.unwrap();
    assert_eq!(oauth.refresh(&refresh).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    assert!(oauth.refresh(&next.refresh.unwrap()).await.is_ok());
    assert_eq!((world.calcom.counts().exchanges, world.calcom.counts().refreshes), (1, 2));
}

#[tokio::test]
async fn a_code_with_a_challenge_is_for_who_has_the_verifier() {
    let world = World::new().await;
    let oauth = oauth(&world);
    let (pkce, other) = (Pkce::generate().unwrap(), Pkce::generate().unwrap());
    let link = || oauth.authorize("state-1").unwrap().pkce(&pkce).url();
    let wrong = oauth.exchange_code(&agreed(link()).await, Some(&other)).await;
    assert_eq!(wrong.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    assert!(oauth.exchange_code(&agreed(link()).await, Some(&pkce)).await.is_ok());
}

#[tokio::test]
async fn an_access_token_ends_after_half_an_hour_and_does_what_its_scopes_say() {
    let world = World::new().await;
    let token = world.calcom.issue_token("PROFILE_READ BOOKING_READ");
    let client = with_token(&world, &token.access);
    assert!(client.bookings().list().await.is_ok());
    let error = client.schedules().list().await.unwrap_err();
    assert!(error.is_scope_missing(), "{error}");
    world.sandbox.control().jump(1_800_000);
    assert_eq!(client.me().get().await.unwrap_err().kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn a_refresh_whose_answer_is_lost_has_spent_its_token() {
    let world = World::new().await;
    let oauth = oauth(&world);
    let token = world.calcom.issue_token("PROFILE_READ");
    let control = world.sandbox.control();
    let lost =
        FaultRule { path: Some("/v2/auth".into()), fault: Fault::ResetAfter, times: Some(1), ..FaultRule::default() };
    control.calcom().faults([lost]);
    let refresh = token.refresh.into();
    assert!(oauth.refresh(&refresh).await.unwrap_err().may_have_happened());
    assert_eq!(oauth.refresh(&refresh).await.unwrap_err().problem(), Some(&CalcomErrorReason::GrantInvalid));
    let order = CalcomTokenOrder { expire_all: true, ..CalcomTokenOrder::default() };
    assert_eq!(control.calcom().tokens(&order), 2);
}
