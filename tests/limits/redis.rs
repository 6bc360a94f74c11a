//! The limiter in Redis: what the one in process does too, over several processes.

use std::time::Duration;

use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope, Usage};
use sidecar_store::redis::{LimiterStatus, RedisLimiter, RedisUrlError};

use crate::desk::{DAY, Desk, SECOND, burst, burst_scope, day_scope, go, is_about, observe};

#[tokio::test]
async fn scopes_are_taken_all_or_none() {
    let desk = Desk::new().await;
    let (slow, quick) = (Scope::sliding_window("slow", 1, SECOND * 10), Scope::sliding_window("quick", 1, SECOND));
    let (pace, budget) = (Scope::token_bucket("pace", 1.0, 1), Scope::fixed_window("budget", 5, DAY));
    let all = [quick.clone(), pace.clone(), budget.clone(), slow.clone()];
    assert_eq!(desk.ask(&all, Priority::Interactive).await, Decision::Go);
    desk.sleep(Duration::from_millis(1_300)).await;
    let Decision::Wait(wait) = desk.ask(&all, Priority::Interactive).await else { panic!("it went") };
    assert!(is_about(wait, Duration::from_millis(8_950)), "{wait:?}");
    assert!(desk.go(&quick).await, "the refused call took nothing from the window");
    assert!(desk.go(&pace).await, "nor from the pace");
    assert_eq!(desk.limiter.usage(&budget).await.unwrap().used, 1, "nor from the budget");
}

#[tokio::test]
async fn a_scope_named_twice_or_counted_in_two_ways_is_an_error_and_no_loss() {
    let desk = Desk::new().await;
    let error = desk.limiter.try_acquire(&[burst_scope(), burst_scope()], Priority::Interactive).await.unwrap_err();
    assert!(error.to_string().contains("`burst` is named twice"), "{error}");
    assert!(desk.go(&burst_scope()).await);
    for limiter in [&desk.limiter, &desk.another()] {
        let clash = [day_scope(), Scope::fixed_window("burst", 1, DAY)];
        let error = limiter.try_acquire(&clash, Priority::Interactive).await.unwrap_err();
        assert!(error.to_string().contains("`burst`") && error.to_string().contains("a key of its own"), "{error}");
    }
    assert_eq!(desk.limiter.usage(&day_scope()).await.unwrap().used, 0);
    assert_eq!(desk.limiter.status().losses, 0);
}

#[tokio::test]
async fn a_limit_of_nothing_lets_nothing_through_and_no_limit_everything() {
    let desk = Desk::new().await;
    for lane in [Priority::Interactive, Priority::Background] {
        assert_eq!(desk.burst(&Scope::sliding_window("w", 0, SECOND), lane).await, 0);
        assert_eq!(desk.burst(&Scope::fixed_window("b", 0, SECOND), lane).await, 0);
    }
    assert_eq!(desk.ask(&[], Priority::Interactive).await, Decision::Go);
}

#[tokio::test]
async fn background_calls_come_evenly_and_leave_room_for_people() {
    let desk = Desk::new().await;
    let scope = burst_scope();
    assert_eq!(desk.burst(&scope, Priority::Background).await, 5);
    let Decision::Wait(wait) = desk.ask(std::slice::from_ref(&scope), Priority::Background).await else {
        panic!("it went")
    };
    assert!(wait <= Duration::from_millis(106), "9.5 per second: {wait:?}");
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 95, "people are not paced");

    let scope = Scope::sliding_window("other", 100, SECOND * 10);
    for _ in 0..95 {
        assert!(desk.go(&scope).await);
    }
    assert_eq!(desk.burst(&scope, Priority::Background).await, 0, "the last 5 % are for people");
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 5);

    let scope = Scope::fixed_window("day", 50, DAY);
    assert_eq!(desk.burst(&scope, Priority::Background).await, 45, "nor do they take the last tenth of a budget");
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 5);
}

#[tokio::test]
async fn a_window_is_free_again_a_quarter_second_after_its_span() {
    let desk = Desk::new().await;
    let scope = Scope::sliding_window("w", 7, SECOND);
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 7);
    let wait = desk.wait(&scope).await;
    assert!(is_about(wait, Duration::from_millis(1_250)), "{wait:?}");
    desk.sleep(wait).await;
    assert!(desk.go(&scope).await, "the wait that was told is enough");
}

#[tokio::test]
async fn a_budget_starts_anew_a_span_after_its_first_call() {
    let desk = Desk::new().await;
    let scope = Scope::fixed_window("short", 3, SECOND);
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 3);
    let wait = desk.wait(&scope).await;
    assert!(is_about(wait, SECOND), "{wait:?}");
    desk.sleep(wait).await;
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 3);
}

#[tokio::test]
async fn a_used_up_day_blocks_until_the_servers_reset() {
    let desk = Desk::new().await;
    let scope = day_scope();
    desk.observe(&scope, |f| (f.remaining, f.reset_after) = (Some(0), Some(SECOND * 2))).await;
    let usage = desk.limiter.usage(&scope).await.unwrap();
    assert_eq!((usage.used, usage.limit), (200_000, 200_000));
    let wait = desk.wait(&scope).await;
    assert!(is_about(wait, SECOND * 2), "{wait:?}");
    desk.sleep(wait).await;
    assert!(desk.go(&scope).await);
    assert_eq!(desk.limiter.usage(&scope).await.unwrap().used, 1);
}

#[tokio::test]
async fn calls_of_others_on_the_same_quota_are_counted_and_our_own_not_twice() {
    let desk = Desk::new().await;
    let scope = burst_scope();
    assert!(desk.go(&scope).await);
    desk.observe(&scope, |f| f.remaining = Some(40)).await;
    assert_eq!(desk.limiter.usage(&scope).await.unwrap().used, 60);
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 40);

    let scope = Scope::sliding_window("late", 100, SECOND);
    for _ in 0..50 {
        assert!(desk.go(&scope).await);
    }
    // The server had seen 30 of the 50 when it answered.
    desk.observe(&scope, |f| f.remaining = Some(70)).await;
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 50);
    // The last answers of the burst come when it has just left our window.
    desk.sleep(Duration::from_millis(1_300)).await;
    desk.observe(&scope, |f| f.remaining = Some(0)).await;
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 100);
}

#[tokio::test]
async fn a_call_that_was_answered_late_counts_from_its_answer_on() {
    let desk = Desk::new().await;
    let scope = Scope::sliding_window("w", 2, SECOND * 2);
    assert!(desk.go(&scope).await && desk.go(&scope).await);
    let late = Duration::from_millis(1_000);
    desk.sleep(late).await;
    desk.observe(&scope, |f| f.took = Some(Duration::from_millis(200))).await;
    desk.observe(&scope, |f| f.took = Some(late)).await;
    assert_eq!(desk.limiter.usage(&scope).await.unwrap().used, 2);
    let wait = desk.wait(&scope).await;
    assert!(is_about(wait, Duration::from_millis(1_250)), "the quick one counts as ever: {wait:?}");
    desk.sleep(wait).await;
    assert!(desk.go(&scope).await);
    let wait = desk.wait(&scope).await;
    // How late the answer was is not known to the millisecond: between a quarter second early and late.
    assert!(is_about(wait, Duration::from_millis(1_000)), "the slow one for 2 s from its answer on: {wait:?}");
}

#[tokio::test]
async fn the_quota_follows_the_servers_limit_up_and_down() {
    let desk = Desk::new().await;
    for (key, limit, expected) in [("up", 150, 150), ("down", 60, 60), ("none", 0, 100)] {
        let scope = Scope::sliding_window(key, 100, SECOND * 10);
        desk.observe(&scope, |f| f.limit = Some(limit)).await;
        let other = desk.another();
        assert_eq!(burst(&other, &scope, Priority::Interactive).await, expected, "the server said {limit}");
        assert_eq!(desk.limiter.usage(&scope).await.unwrap().limit as usize, expected);
    }
    let scope = Scope::sliding_window("up", 100, SECOND * 10);
    desk.observe(&scope, |f| f.limit = Some(100)).await;
    assert_eq!(desk.limiter.usage(&scope).await.unwrap().limit, 100, "back to our own");
}

#[tokio::test]
async fn a_wait_that_the_server_asks_for_closes_the_scope_for_everybody() {
    let desk = Desk::new().await;
    let other = desk.another();
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("pace", 10.0, 5)] {
        desk.observe(&scope, |f| f.retry_after = Some(SECOND)).await;
        observe(&other, &scope, |f| f.retry_after = Some(SECOND / 2)).await;
        let wait = desk.wait(&scope).await;
        assert!(is_about(wait, SECOND), "a shorter wait does not open it: {wait:?}");
        assert!(!go(&other, &scope).await);
        // The other learned of it a little later.
        desk.sleep(wait + Duration::from_millis(300)).await;
        assert!(go(&other, &scope).await, "{scope:?}");
    }
}

#[tokio::test]
async fn absurd_answers_do_no_harm() {
    let desk = Desk::new().await;
    let endless = [Scope::sliding_window("w", 1, Duration::MAX), Scope::fixed_window("b", 1, Duration::MAX)];
    let odd = [
        Scope::token_bucket("nan", f64::NAN, 0),
        Scope::token_bucket("fast", 1e300, u32::MAX),
        Scope::token_bucket("slow", 0.0, u32::MAX),
    ];
    for scope in [burst_scope(), day_scope()].into_iter().chain(endless).chain(odd) {
        assert!(desk.go(&scope).await, "{scope:?}");
        desk.observe(&scope, |f| {
            (f.limit, f.remaining) = (Some(u32::MAX), Some(0));
            (f.reset_after, f.retry_after) = (Some(Duration::MAX), Some(Duration::MAX));
        })
        .await;
        assert!(!desk.go(&scope).await, "{scope:?}");
        desk.observe(&scope, |f| (f.limit, f.remaining) = (Some(1), Some(u32::MAX))).await;
        desk.limiter.usage(&scope).await.unwrap();
    }
    assert_eq!(desk.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, losses: 0 });
}

#[tokio::test]
async fn usage_says_how_much_is_used_and_when_it_is_free() {
    let desk = Desk::new().await;
    let scope = burst_scope();
    assert_eq!(desk.limiter.usage(&scope).await.unwrap(), Usage { used: 0, limit: 100, resets_in: None });
    assert!(desk.go(&scope).await);
    let usage = desk.another().usage(&scope).await.unwrap();
    assert_eq!((usage.used, usage.limit), (1, 100));
    assert!(is_about(usage.resets_in.unwrap(), Duration::from_millis(10_250)), "{usage:?}");
    let pace = Scope::token_bucket("pace", 0.1, 3);
    assert!(desk.go(&pace).await && desk.go(&pace).await);
    assert_eq!(desk.limiter.usage(&pace).await.unwrap().used, 2);
}

#[tokio::test]
async fn processes_share_one_quota_to_the_last_call() {
    let desk = Desk::new().await;
    let other = desk.another();
    let all = [burst_scope(), day_scope(), Scope::token_bucket("pace", 0.001, 60)];
    let mut gone = 0;
    for turn in 0..200 {
        let limiter = if turn % 3 == 0 { &other } else { &desk.limiter };
        gone += usize::from(limiter.try_acquire(&all, Priority::Interactive).await.unwrap() == Decision::Go);
    }
    assert_eq!(gone, 60, "the pace's burst");
    assert_eq!(burst(&other, &burst_scope(), Priority::Interactive).await, 40);
    assert!(!desk.go(&burst_scope()).await);
    assert_eq!(desk.limiter.usage(&day_scope()).await.unwrap().used, 60);
}

#[tokio::test]
async fn prefixes_keep_limiters_apart_and_every_key_ends_by_itself() {
    let desk = Desk::new().await;
    let apart = RedisLimiter::with_prefix(&desk.redis.url(), "other:", desk.clock.clone()).unwrap();
    let scopes = [burst_scope(), day_scope(), Scope::token_bucket("pace", 1.0, 1)];
    for limiter in [&desk.limiter, &apart] {
        assert_eq!(limiter.try_acquire(&scopes, Priority::Background).await.unwrap(), Decision::Go);
        observe(limiter, &day_scope(), |f| f.limit = Some(7)).await;
    }
    let keys = desk.redis.command("KEYS *").await;
    let keys: Vec<_> = keys.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    for key in keys {
        let left: i64 = desk.redis.command(&format!("PTTL {key}")).await[1..].parse().unwrap();
        let most = if key.ends_with("since") { 366 } else { 2 } * 86_400_000;
        assert!((1..=most).contains(&left), "{key}: {left}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_being_shown() {
    for (url, expected) in [
        ("sesame", RedisUrlError::Unreadable),
        ("http://sesame@host", RedisUrlError::Unreadable),
        ("redis://:sesame@host:port", RedisUrlError::Unreadable),
        ("rediss://:sesame@host", RedisUrlError::Tls),
    ] {
        let error = RedisLimiter::new(url, sidecar_core::SystemClock::shared()).unwrap_err();
        assert_eq!(error, expected, "{url}");
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }
}
