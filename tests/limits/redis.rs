//! The limiter in Redis has the behaviour of the in-process limiter, over several processes.

use std::time::Duration;

use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope, Usage};
use sidecar_store::redis::{LimiterStatus, RedisLimiter, RedisUrlError};

use crate::fixture::{
    DAY, LimiterFixture, SECOND, admitted_at_once, burst_scope, day_scope, is_about, is_admitted, observe,
};

#[tokio::test]
async fn scopes_are_acquired_all_or_none() {
    let fixture = LimiterFixture::new().await;
    let (slow, quick) = (Scope::sliding_window("slow", 1, SECOND * 10), Scope::sliding_window("quick", 1, SECOND));
    let (pace, budget) = (Scope::token_bucket("pace", 1.0, 1), Scope::fixed_window("budget", 5, DAY));
    let all = [quick.clone(), pace.clone(), budget.clone(), slow.clone()];
    assert_eq!(fixture.acquire(&all, Priority::Interactive).await, Decision::Go);
    fixture.sleep(Duration::from_millis(1_300)).await;
    let Decision::Wait(wait) = fixture.acquire(&all, Priority::Interactive).await else { panic!("it was admitted") };
    assert!(is_about(wait, Duration::from_millis(8_950)), "{wait:?}");
    assert!(fixture.is_admitted(&quick).await, "the rejected call took nothing from the sliding window");
    assert!(fixture.is_admitted(&pace).await, "nor from the token bucket");
    assert_eq!(fixture.limiter.usage(&budget).await.unwrap().used, 1, "nor from the fixed window");
}

#[tokio::test]
async fn a_duplicate_or_conflicting_scope_is_an_error_and_no_loss_of_redis() {
    let fixture = LimiterFixture::new().await;
    let error = fixture.limiter.try_acquire(&[burst_scope(), burst_scope()], Priority::Interactive).await.unwrap_err();
    assert!(error.to_string().contains("`burst` is named twice"), "{error}");
    assert!(fixture.is_admitted(&burst_scope()).await);
    for limiter in [&fixture.limiter, &fixture.second_limiter()] {
        let clash = [day_scope(), Scope::fixed_window("burst", 1, DAY)];
        let error = limiter.try_acquire(&clash, Priority::Interactive).await.unwrap_err();
        assert!(error.to_string().contains("`burst`") && error.to_string().contains("use another key"), "{error}");
    }
    assert_eq!(fixture.limiter.usage(&day_scope()).await.unwrap().used, 0);
    assert_eq!(fixture.limiter.status().outages, 0);
}

#[tokio::test]
async fn a_limit_of_zero_admits_nothing_and_no_scope_admits_everything() {
    let fixture = LimiterFixture::new().await;
    for priority in [Priority::Interactive, Priority::Background] {
        assert_eq!(fixture.admitted_at_once(&Scope::sliding_window("w", 0, SECOND), priority).await, 0);
        assert_eq!(fixture.admitted_at_once(&Scope::fixed_window("b", 0, SECOND), priority).await, 0);
    }
    assert_eq!(fixture.acquire(&[], Priority::Interactive).await, Decision::Go);
}

#[tokio::test]
async fn background_calls_are_spread_and_leave_capacity_for_interactive_calls() {
    let fixture = LimiterFixture::new().await;
    let scope = burst_scope();
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Background).await, 5);
    let Decision::Wait(wait) = fixture.acquire(std::slice::from_ref(&scope), Priority::Background).await else {
        panic!("it was admitted")
    };
    assert!(wait <= Duration::from_millis(106), "9.5 per second: {wait:?}");
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 95, "interactive calls are not spread");

    let scope = Scope::sliding_window("other", 100, SECOND * 10);
    for _ in 0..95 {
        assert!(fixture.is_admitted(&scope).await);
    }
    assert_eq!(
        fixture.admitted_at_once(&scope, Priority::Background).await,
        0,
        "the last 5 % are reserved for interactive calls"
    );
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 5);

    let scope = Scope::fixed_window("day", 50, DAY);
    assert_eq!(
        fixture.admitted_at_once(&scope, Priority::Background).await,
        45,
        "the last tenth of a fixed window is reserved too"
    );
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 5);
}

#[tokio::test]
async fn a_window_is_free_again_a_quarter_second_after_its_span() {
    let fixture = LimiterFixture::new().await;
    let scope = Scope::sliding_window("w", 7, SECOND);
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 7);
    let wait = fixture.wait(&scope).await;
    assert!(is_about(wait, Duration::from_millis(1_250)), "{wait:?}");
    fixture.sleep(wait).await;
    assert!(fixture.is_admitted(&scope).await, "the returned wait is long enough");
}

#[tokio::test]
async fn a_fixed_window_resets_one_span_after_its_first_call() {
    let fixture = LimiterFixture::new().await;
    let scope = Scope::fixed_window("short", 3, SECOND);
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 3);
    let wait = fixture.wait(&scope).await;
    assert!(is_about(wait, SECOND), "{wait:?}");
    fixture.sleep(wait).await;
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 3);
}

#[tokio::test]
async fn an_exhausted_day_blocks_until_the_reset_that_the_server_names() {
    let fixture = LimiterFixture::new().await;
    let scope = day_scope();
    fixture.observe(&scope, |f| (f.remaining, f.reset_after) = (Some(0), Some(SECOND * 2))).await;
    let usage = fixture.limiter.usage(&scope).await.unwrap();
    assert_eq!((usage.used, usage.limit), (200_000, 200_000));
    let wait = fixture.wait(&scope).await;
    assert!(is_about(wait, SECOND * 2), "{wait:?}");
    fixture.sleep(wait).await;
    assert!(fixture.is_admitted(&scope).await);
    assert_eq!(fixture.limiter.usage(&scope).await.unwrap().used, 1);
}

#[tokio::test]
async fn external_calls_on_the_quota_are_counted_and_ours_not_twice() {
    let fixture = LimiterFixture::new().await;
    let scope = burst_scope();
    assert!(fixture.is_admitted(&scope).await);
    fixture.observe(&scope, |f| f.remaining = Some(40)).await;
    assert_eq!(fixture.limiter.usage(&scope).await.unwrap().used, 60);
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 40);

    let scope = Scope::sliding_window("late", 100, SECOND);
    for _ in 0..50 {
        assert!(fixture.is_admitted(&scope).await);
    }
    // The server had received 30 of the 50 when it responded.
    fixture.observe(&scope, |f| f.remaining = Some(70)).await;
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 50);
    // The last responses of the burst arrive just after its calls left our window.
    fixture.sleep(Duration::from_millis(1_300)).await;
    fixture.observe(&scope, |f| f.remaining = Some(0)).await;
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 100);
}

#[tokio::test]
async fn a_slow_call_counts_from_its_response() {
    let fixture = LimiterFixture::new().await;
    let scope = Scope::sliding_window("w", 2, SECOND * 2);
    assert!(fixture.is_admitted(&scope).await && fixture.is_admitted(&scope).await);
    let late = Duration::from_millis(1_000);
    fixture.sleep(late).await;
    fixture.observe(&scope, |f| f.took = Some(Duration::from_millis(200))).await;
    fixture.observe(&scope, |f| f.took = Some(late)).await;
    assert_eq!(fixture.limiter.usage(&scope).await.unwrap().used, 2);
    let wait = fixture.wait(&scope).await;
    assert!(is_about(wait, Duration::from_millis(1_250)), "the fast call counts from its start: {wait:?}");
    fixture.sleep(wait).await;
    assert!(fixture.is_admitted(&scope).await);
    let wait = fixture.wait(&scope).await;
    // The delay of the response is known to a quarter of a second.
    assert!(is_about(wait, Duration::from_millis(1_000)), "the slow call counts for 2 s from its response: {wait:?}");
}

#[tokio::test]
async fn the_quota_follows_the_servers_limit_up_and_down() {
    let fixture = LimiterFixture::new().await;
    for (key, limit, expected) in [("up", 150, 150), ("down", 60, 60), ("none", 0, 100)] {
        let scope = Scope::sliding_window(key, 100, SECOND * 10);
        fixture.observe(&scope, |f| f.limit = Some(limit)).await;
        let other = fixture.second_limiter();
        assert_eq!(
            admitted_at_once(&other, &scope, Priority::Interactive).await,
            expected,
            "the server reported {limit}"
        );
        assert_eq!(fixture.limiter.usage(&scope).await.unwrap().limit as usize, expected);
    }
    let scope = Scope::sliding_window("up", 100, SECOND * 10);
    fixture.observe(&scope, |f| f.limit = Some(100)).await;
    assert_eq!(fixture.limiter.usage(&scope).await.unwrap().limit, 100, "the configured limit applies again");
}

#[tokio::test]
async fn a_retry_after_of_the_server_closes_the_scope_for_every_process() {
    let fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("pace", 10.0, 5)] {
        fixture.observe(&scope, |f| f.retry_after = Some(SECOND)).await;
        observe(&other, &scope, |f| f.retry_after = Some(SECOND / 2)).await;
        let wait = fixture.wait(&scope).await;
        assert!(is_about(wait, SECOND), "a shorter wait does not open it: {wait:?}");
        assert!(!is_admitted(&other, &scope).await);
        // The second limiter's wait started a little later.
        fixture.sleep(wait + Duration::from_millis(300)).await;
        assert!(is_admitted(&other, &scope).await, "{scope:?}");
    }
}

#[tokio::test]
async fn extreme_values_are_tolerated() {
    let fixture = LimiterFixture::new().await;
    let endless = [Scope::sliding_window("w", 1, Duration::MAX), Scope::fixed_window("b", 1, Duration::MAX)];
    let odd = [
        Scope::token_bucket("nan", f64::NAN, 0),
        Scope::token_bucket("fast", 1e300, u32::MAX),
        Scope::token_bucket("slow", 0.0, u32::MAX),
    ];
    for scope in [burst_scope(), day_scope()].into_iter().chain(endless).chain(odd) {
        assert!(fixture.is_admitted(&scope).await, "{scope:?}");
        fixture
            .observe(&scope, |f| {
                (f.limit, f.remaining) = (Some(u32::MAX), Some(0));
                (f.reset_after, f.retry_after) = (Some(Duration::MAX), Some(Duration::MAX));
            })
            .await;
        assert!(!fixture.is_admitted(&scope).await, "{scope:?}");
        fixture.observe(&scope, |f| (f.limit, f.remaining) = (Some(1), Some(u32::MAX))).await;
        fixture.limiter.usage(&scope).await.unwrap();
    }
    assert_eq!(fixture.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, outages: 0 });
}

#[tokio::test]
async fn usage_returns_the_used_calls_and_the_time_until_reset() {
    let fixture = LimiterFixture::new().await;
    let scope = burst_scope();
    assert_eq!(fixture.limiter.usage(&scope).await.unwrap(), Usage { used: 0, limit: 100, resets_in: None });
    assert!(fixture.is_admitted(&scope).await);
    let usage = fixture.second_limiter().usage(&scope).await.unwrap();
    assert_eq!((usage.used, usage.limit), (1, 100));
    assert!(is_about(usage.resets_in.unwrap(), Duration::from_millis(10_250)), "{usage:?}");
    let pace = Scope::token_bucket("pace", 0.1, 3);
    assert!(fixture.is_admitted(&pace).await && fixture.is_admitted(&pace).await);
    assert_eq!(fixture.limiter.usage(&pace).await.unwrap().used, 2);
}

#[tokio::test]
async fn processes_share_one_quota_exactly() {
    let fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    let all = [burst_scope(), day_scope(), Scope::token_bucket("pace", 0.001, 60)];
    let mut admitted = 0;
    for call in 0..200 {
        let limiter = if call % 3 == 0 { &other } else { &fixture.limiter };
        admitted += usize::from(limiter.try_acquire(&all, Priority::Interactive).await.unwrap() == Decision::Go);
    }
    assert_eq!(admitted, 60, "the burst of the token bucket");
    assert_eq!(admitted_at_once(&other, &burst_scope(), Priority::Interactive).await, 40);
    assert!(!fixture.is_admitted(&burst_scope()).await);
    assert_eq!(fixture.limiter.usage(&day_scope()).await.unwrap().used, 60);
}

#[tokio::test]
async fn prefixes_separate_limiters_and_every_key_expires() {
    let fixture = LimiterFixture::new().await;
    let apart = RedisLimiter::with_prefix(&fixture.redis.url(), "other:", fixture.clock.clone()).unwrap();
    let scopes = [burst_scope(), day_scope(), Scope::token_bucket("pace", 1.0, 1)];
    for limiter in [&fixture.limiter, &apart] {
        assert_eq!(limiter.try_acquire(&scopes, Priority::Background).await.unwrap(), Decision::Go);
        observe(limiter, &day_scope(), |f| f.limit = Some(7)).await;
    }
    let keys = fixture.redis.command("KEYS *").await;
    let keys: Vec<_> = keys.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    for key in keys {
        let left: i64 = fixture.redis.command(&format!("PTTL {key}")).await[1..].parse().unwrap();
        let most = if key.ends_with("since") { 366 } else { 2 } * 86_400_000;
        assert!((1..=most).contains(&left), "{key}: {left}");
    }
}

#[test]
fn an_invalid_url_is_rejected_without_showing_it() {
    for (url, expected) in [
        ("sesame", RedisUrlError::Invalid),
        ("http://sesame@host", RedisUrlError::Invalid),
        ("redis://:sesame@host:port", RedisUrlError::Invalid),
        ("rediss://:sesame@host", RedisUrlError::TlsUnsupported),
    ] {
        let error = RedisLimiter::new(url, sidecar_core::SystemClock::shared()).unwrap_err();
        assert_eq!(error, expected, "{url}");
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}
