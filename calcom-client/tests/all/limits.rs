use std::{sync::Arc, time::Duration};

use calcom_client::{CalcomErrorExt, CalcomErrorReason, RateLimitPolicy};
use serde_json::json;
use sidecar_core::{
    ErrorKind, SendState, SystemClock,
    rate_limit::LocalLimiter,
    retry::RetryPolicy,
    test_util::{ManualClock, ScriptedTransport},
};

use crate::support::{NOW, builder, fixture};

/// Returns a transport with this many successful responses, each with these headers.
fn responses(count: usize, headers: &[(&str, &str)]) -> Arc<ScriptedTransport> {
    let me = fixture!("me").to_string();
    Arc::new((0..count).fold(ScriptedTransport::new(), |script, _| script.respond_with(200, headers, me.clone())))
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_ten_is_followed_by_a_hundred_calls_a_minute() {
    let transport = responses(60, &[]);
    let clock = SystemClock::shared();
    let calcom = builder(&transport).api_key("cal_x".to_owned()).clock(clock.clone()).build().unwrap();
    let mut sent_at = Vec::new();
    for _ in 0..60 {
        calcom.me().get().await.unwrap();
        sent_at.push(clock.monotonic());
    }
    assert_eq!(sent_at[9], sent_at[0], "the burst");
    let took = sent_at[59] - sent_at[0];
    assert!((Duration::from_secs(29)..Duration::from_secs(32)).contains(&took), "{took:?}");
    assert!(sent_at[10] > sent_at[9]);
}

#[tokio::test]
async fn the_response_headers_correct_the_minute() {
    let headers = [("X-RateLimit-Limit-Default", "500"), ("X-RateLimit-Remaining-Default", "400")];
    let calcom = builder(&responses(1, &headers)).api_key("cal_x".to_owned()).build().unwrap();
    let before = calcom.quota_status().await.unwrap();
    assert_eq!((before.minute.limit, before.minute.remaining, before.pace.limit), (120, 120, 10));
    calcom.me().get().await.unwrap();
    let after = calcom.quota_status().await.unwrap();
    assert_eq!((after.minute.limit, after.minute.remaining), (500, 400));
    assert_eq!(after.pace.remaining, 9);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_reset_of_an_exhausted_minute() {
    let exhausted = [("X-RateLimit-Remaining-Default", "0"), ("X-RateLimit-Reset-Default", "30")];
    let me = fixture!("me");
    let script = ScriptedTransport::new().respond_with(200, &exhausted, me.to_string()).respond(200, me);
    let clock = SystemClock::shared();
    let calcom = builder(&Arc::new(script)).api_key("cal_x".to_owned()).clock(clock.clone()).build().unwrap();
    calcom.me().get().await.unwrap();
    let start = clock.monotonic();
    calcom.me().get().deadline(Duration::from_secs(120)).await.unwrap();
    let waited = clock.monotonic() - start;
    assert!(waited >= Duration::from_secs(30), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_429_blocks_all_calls_of_the_account_until_its_reset() {
    let too_many = json!({"status": "error", "error": {"code": "ThrottlerException", "message": "Too many requests. Please try again later."}});
    let script = ScriptedTransport::new()
        .respond_with(429, &[("X-RateLimit-Reset-Default", "42")], too_many.to_string())
        .respond(200, fixture!("me"));
    let clock = SystemClock::shared();
    let transport = Arc::new(script);
    let calcom = builder(&transport)
        .api_key("cal_x".to_owned())
        .clock(clock.clone())
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    let error = calcom.me().get().await.unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::RateLimited, Some(&CalcomErrorReason::RateLimit)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(42)));

    let too_short = calcom.me().get().deadline(Duration::from_secs(10)).await.unwrap_err();
    assert_eq!(
        (too_short.problem(), too_short.send_state()),
        (Some(&CalcomErrorReason::RateLimit), SendState::NotSent)
    );
    assert_eq!(transport.requests().len(), 1, "nothing is sent before the reset");

    let start = clock.monotonic();
    calcom.me().get().deadline(Duration::from_secs(90)).await.unwrap();
    assert!(clock.monotonic() - start >= Duration::from_secs(30));
}

#[tokio::test]
async fn only_clients_of_the_same_key_share_a_count() {
    let clock = Arc::new(ManualClock::new(NOW));
    let limiter = Arc::new(LocalLimiter::new(clock));
    let transport = responses(3, &[]);
    let build = |key: &str| builder(&transport).api_key(key.to_owned()).limiter(limiter.clone()).build().unwrap();
    let (one, same, other) = (build("cal_1"), build("cal_1"), build("cal_2"));
    one.me().get().await.unwrap();
    same.me().get().await.unwrap();
    other.me().get().await.unwrap();
    let used = [one.quota_status().await, same.quota_status().await, other.quota_status().await]
        .map(|budget| budget.unwrap().minute.used);
    assert_eq!(used, [2, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_custom_rate_limit_applies() {
    let transport = responses(4, &[]);
    let clock = SystemClock::shared();
    let slow = RateLimitPolicy::API_KEY.per_minute(6).burst(1);
    let calcom = builder(&transport).api_key("cal_x".to_owned()).clock(clock.clone()).rate_limit(slow).build().unwrap();
    let start = clock.monotonic();
    for _ in 0..3 {
        calcom.me().get().deadline(Duration::from_secs(60)).await.unwrap();
    }
    let took = clock.monotonic() - start;
    assert!((Duration::from_secs(20)..Duration::from_secs(21)).contains(&took), "{took:?}");
}
