//! What is left of the limits, and the limits of one's own beside the provider's.

use std::{sync::Arc, time::Duration};

use ghl_client::{GhlClient, GhlConnections, GhlErrorExt, GhlOAuth, RateLimitPolicy};
use serde_json::json;
use sidecar_core::{
    Clock, ErrorKind, SendState, Timestamp,
    rate_limit::LocalLimiter,
    retry::RetryPolicy,
    test_util::{ManualClock, ScriptedTransport},
    token::{MemoryStore, TokenSet},
};

use crate::support::{LOCATION, NOW};

const MINUTE: Duration = Duration::from_secs(60);

struct Desk {
    clock: Arc<ManualClock>,
    limiter: Arc<LocalLimiter>,
}

impl Desk {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        Self { limiter: Arc::new(LocalLimiter::new(clock.clone())), clock }
    }

    fn client(&self, policy: RateLimitPolicy, script: ScriptedTransport) -> GhlClient {
        GhlClient::builder()
            .private_integration_token("pit-1")
            .client_id("app1-x")
            .transport(Arc::new(script))
            .clock(self.clock.clone())
            .limiter(self.limiter.clone())
            .rate_limit(policy)
            .retry(RetryPolicy::never())
            .deadline(Duration::from_secs(1))
            .build()
            .unwrap()
    }

    /// How many calls go at once before the client says wait, at most `most`.
    async fn burst(&self, policy: RateLimitPolicy, location: &str, most: usize) -> usize {
        let ghl = self.client(policy, answers(most));
        for done in 0..most {
            if ghl.locations().get(location).await.is_err() {
                return done;
            }
        }
        most
    }
}

fn answers(count: usize) -> ScriptedTransport {
    (0..count).fold(ScriptedTransport::new(), |script, _| script.respond(200, json!({"location": {"id": "x"}})))
}

fn told(headers: &[(&str, &str)]) -> ScriptedTransport {
    ScriptedTransport::new().respond_with(200, headers, json!({"location": {"id": "x"}}).to_string())
}

#[tokio::test]
async fn a_budget_counts_our_calls_until_the_provider_tells_more() {
    let desk = Desk::new();
    let ghl = desk.client(RateLimitPolicy::PUBLISHED, answers(3));
    let before = ghl.quota_status(LOCATION).await.unwrap();
    assert_eq!((before.day.limit, before.day.remaining, before.day.resets_at), (200_000, 200_000, None));
    assert_eq!((before.burst.limit, before.burst.remaining), (100, 100));
    for _ in 0..3 {
        ghl.locations().get(LOCATION).await.unwrap();
    }
    let counted = ghl.quota_status(LOCATION).await.unwrap();
    assert_eq!((counted.day.used, counted.day.remaining, counted.burst.used), (3, 199_997, 3));
    assert_eq!(counted.day.resets_at, Some(NOW + Duration::from_secs(86_400)), "a day after the first call");

    let headers = [
        ("x-ratelimit-limit-daily", "10000"),
        ("x-ratelimit-daily-remaining", "9000"),
        ("x-ratelimit-daily-reset", "7200000"),
        ("x-ratelimit-max", "25"),
        ("x-ratelimit-remaining", "20"),
    ];
    desk.client(RateLimitPolicy::PUBLISHED, told(&headers)).locations().get(LOCATION).await.unwrap();
    let told = ghl.quota_status(LOCATION).await.unwrap();
    assert_eq!((told.day.limit, told.day.used, told.day.remaining), (10_000, 1_000, 9_000));
    assert_eq!(told.day.resets_at, Some(NOW + Duration::from_secs(7_200)));
    assert_eq!((told.burst.limit, told.burst.remaining, told.remaining_today()), (25, 20, 9_000));
    assert_eq!(ghl.quota_status("another").await.unwrap(), before, "each location has its own");
    assert_eq!(ghl.company_quota_status(LOCATION).await.unwrap(), before);
    desk.clock.advance(Duration::from_secs(7_201));
    assert_eq!(
        ghl.quota_status(LOCATION).await.unwrap().day.remaining,
        10_000,
        "it starts anew when the provider said"
    );
    assert_eq!(ghl.quota_status("a/b").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn the_published_burst_goes_at_once_and_a_call_too_many_is_named() {
    let desk = Desk::new();
    assert_eq!(desk.burst(RateLimitPolicy::PUBLISHED, LOCATION, 101).await, 100);
    let error = desk.client(RateLimitPolicy::PUBLISHED, answers(1)).locations().get(LOCATION).await.unwrap_err();
    assert!(error.is_burst_limit() && error.is_transient() && error.send_state() == SendState::NotSent, "{error:?}");
    assert!(error.retry_after().unwrap() <= Duration::from_millis(10_250));
}

#[tokio::test]
async fn the_cautious_policy_lets_250_calls_a_minute_go_and_never_more_than_the_burst_at_once() {
    let desk = Desk::new();
    let mut gone = Vec::new();
    for _ in 0..7 {
        gone.push(desk.burst(RateLimitPolicy::CAUTIOUS, LOCATION, 150).await);
        desk.clock.advance(Duration::from_millis(10_300));
    }
    assert_eq!(gone, [100, 100, 50, 0, 0, 0, 100], "the minute is a sliding one");
    assert_eq!(desk.burst(RateLimitPolicy::CAUTIOUS, "another", 150).await, 100, "for each location");
    let ghl = desk.client(RateLimitPolicy::CAUTIOUS, answers(1));
    let budget = ghl.quota_status(LOCATION).await.unwrap();
    let minute = budget.policy_minute.unwrap();
    assert_eq!((minute.limit, budget.policy_day.unwrap().limit), (250, 10_000));
    assert!(minute.resets_at.unwrap() <= desk.clock.now() + MINUTE + Duration::from_millis(250));
}

#[tokio::test]
async fn headers_never_widen_a_policys_own_limits() {
    let desk = Desk::new();
    let policy = RateLimitPolicy::PUBLISHED.per_day(5).per_minute(4);
    let headers =
        [("x-ratelimit-limit-daily", "200000"), ("x-ratelimit-daily-remaining", "199000"), ("x-ratelimit-max", "100")];
    desk.client(policy, told(&headers)).locations().get(LOCATION).await.unwrap();
    assert_eq!(desk.burst(policy, LOCATION, 10).await, 3);
    desk.clock.advance(MINUTE * 2);
    assert_eq!(desk.burst(policy, LOCATION, 10).await, 1);
    desk.clock.advance(MINUTE * 2);
    let ghl = desk.client(policy, answers(1));
    let error = ghl.locations().get(LOCATION).await.unwrap_err();
    assert!(error.is_day_limit() && !error.is_transient() && error.send_state() == SendState::NotSent, "{error:?}");
    assert_eq!(ghl.quota_status(LOCATION).await.unwrap().remaining_today(), 0);
}

#[tokio::test]
async fn a_policys_day_is_counted_for_the_whole_organization() {
    let desk = Desk::new();
    let store = MemoryStore::with_clock(desk.clock.clone());
    let oauth =
        GhlOAuth::builder("app1-x", "s".to_owned()).transport(Arc::new(ScriptedTransport::new())).build().unwrap();
    let connections = GhlConnections::new(oauth, Arc::new(store.clone()), Arc::new(store), desk.clock.clone());
    let mut left = Vec::new();
    for (organization, location) in [("org1", "l1"), ("org1", "l2"), ("org2", "l3")] {
        let tokens = connections.of(organization);
        tokens.adopt(&token_of(location)).await.unwrap();
        let ghl = GhlClient::builder()
            .tokens(tokens)
            .transport(Arc::new(answers(10)))
            .clock(desk.clock.clone())
            .limiter(desk.limiter.clone())
            .rate_limit(RateLimitPolicy::CAUTIOUS)
            .build()
            .unwrap();
        for _ in 0..10 {
            ghl.locations().get(location).await.unwrap();
        }
        left.push(ghl.quota_status(location).await.unwrap().remaining_today());
    }
    assert_eq!(left, [9_990, 9_980, 9_990]);
}

fn token_of(location: &str) -> TokenSet {
    let extra = json!({"userType": "Location", "locationId": location});
    TokenSet {
        access: "a".to_owned().into(),
        refresh: None,
        expires_at: Some(Timestamp::from_secs(NOW.as_secs() + 86_400)),
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: None,
        extra: extra.as_object().unwrap().clone(),
    }
}
