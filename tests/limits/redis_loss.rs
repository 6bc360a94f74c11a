//! The limiter while Redis is lost and after it is back. Recovery times are asserted at five times the requirement.

use std::time::Duration;

use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope};
use sidecar_store::redis::{LimiterStatus, RedisLimiter};

use crate::fixture::{
    DAY, LimiterFixture, SECOND, admitted_at_once, burst_scope, day_scope, is_admitted, observe, wait_until_admitted,
};

/// A window longer than any test.
fn long_window() -> Scope {
    Scope::sliding_window("long", 100, SECOND * 600)
}

/// Five times the required 5 s.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(25);

#[tokio::test]
async fn without_redis_each_process_uses_its_share() {
    let mut fixture = LimiterFixture::new().await;
    fixture.limiter.set_processes(4);
    assert!(fixture.is_admitted(&long_window()).await);
    fixture.lose_redis(&[]).await;
    assert_eq!(
        fixture.admitted_at_once(&long_window(), Priority::Interactive).await,
        24,
        "25 with the one that Redis admitted"
    );
    assert_eq!(fixture.admitted_at_once(&Scope::fixed_window("other", 40, DAY), Priority::Interactive).await, 10);
    assert_eq!(fixture.limiter.status(), LimiterStatus { degraded: true, fallbacks: 34, outages: 1 });
    assert!(!fixture.limiter.check().await);
    assert_eq!(fixture.limiter.usage(&long_window()).await.unwrap().used, 25);
}

#[tokio::test]
async fn a_redis_that_was_never_up_fails_no_call() {
    let mut fixture = LimiterFixture::new().await;
    fixture.lose_redis(&[]).await;
    assert_eq!(fixture.admitted_at_once(&burst_scope(), Priority::Interactive).await, 100);
    fixture.observe(&burst_scope(), |f| f.retry_after = Some(SECOND)).await;
    fixture.redis.restart().await;
    fixture.wait_until_degraded(false, RECOVERY_TIMEOUT).await;
    assert!(fixture.limiter.check().await);
    assert_eq!(fixture.limiter.status(), LimiterStatus { degraded: false, fallbacks: 100, outages: 1 });
}

#[tokio::test]
async fn at_the_loss_calls_of_other_processes_are_known_without_feedback() {
    let mut fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    two_processes([&fixture.limiter, &other]);
    backdate_redis(&fixture).await;
    let scope = long_window();
    for _ in 0..90 {
        assert!(is_admitted(&other, &scope).await);
    }
    assert!(fixture.is_admitted(&scope).await);
    fixture.lose_redis(&[&other]).await;
    assert_eq!(admitted_at_once(&other, &scope, Priority::Interactive).await, 0, "90 exceed its share");
    assert_eq!(
        fixture.admitted_at_once(&scope, Priority::Interactive).await,
        9,
        "90 of the other limiter, 1 + 9 of this one"
    );
}

#[tokio::test]
async fn limits_from_the_server_hold_without_redis_too() {
    let mut fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    fixture.observe(&burst_scope(), |f| f.limit = Some(10)).await;
    observe(&other, &day_scope(), |f| f.retry_after = Some(SECOND * 100)).await;
    let both = [burst_scope(), day_scope()];
    assert!(matches!(fixture.acquire(&both, Priority::Interactive).await, Decision::Wait(_)));
    fixture.lose_redis(&[]).await;
    assert!(fixture.wait(&day_scope()).await > SECOND * 90, "the wait came through Redis from the other limiter");
    assert_eq!(fixture.admitted_at_once(&burst_scope(), Priority::Interactive).await, 10);
}

#[tokio::test]
async fn an_empty_redis_after_a_restart_exceeds_no_limit() {
    let mut fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    two_processes([&fixture.limiter, &other]);
    backdate_redis(&fixture).await;
    let (window, budget) = (long_window(), Scope::fixed_window("day", 100, DAY));
    for _ in 0..30 {
        assert_eq!(fixture.acquire(&[window.clone(), budget.clone()], Priority::Interactive).await, Decision::Go);
    }
    fixture.lose_redis(&[]).await;
    assert!(fixture.is_admitted(&window).await);
    fixture.redis.restart().await;
    fixture.wait_until_degraded(false, RECOVERY_TIMEOUT).await;
    assert_eq!(
        fixture.admitted_at_once(&window, Priority::Interactive).await,
        19,
        "the share of 50 holds in addition to Redis"
    );
    // The other limiter was idle and detected no loss: it only sees that Redis is new.
    assert_eq!(admitted_at_once(&other, &window, Priority::Interactive).await, 50);
    assert_eq!(other.status().outages, 0);
    assert_eq!(
        fixture.limiter.usage(&budget).await.unwrap().used,
        30,
        "the lost count of a fixed window is restored in Redis"
    );
    assert_eq!(fixture.admitted_at_once(&budget, Priority::Interactive).await, 70);
    assert_eq!(admitted_at_once(&other, &budget, Priority::Interactive).await, 0);
}

#[tokio::test]
async fn redis_decides_alone_once_it_has_counted_for_a_window() {
    let mut fixture = LimiterFixture::new().await;
    let other = fixture.second_limiter();
    two_processes([&fixture.limiter, &other]);
    let scope = Scope::sliding_window("short", 10, SECOND);
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 5, "Redis is new");
    fixture.lose_redis(&[]).await;
    assert!(fixture.limiter.status().degraded);
    fixture.redis.restart().await;
    fixture.wait_until_degraded(false, RECOVERY_TIMEOUT).await;
    fixture.sleep(Duration::from_millis(6_300)).await;
    assert_eq!(fixture.admitted_at_once(&scope, Priority::Interactive).await, 10);
}

#[tokio::test]
async fn a_redis_restarted_at_once_admits_nothing_locally() {
    let mut fixture = LimiterFixture::new().await;
    assert!(fixture.is_admitted(&long_window()).await);
    fixture.redis.kill();
    assert!(!fixture.is_admitted(&long_window()).await);
    fixture.redis.restart().await;
    wait_until_admitted(&fixture, &long_window()).await;
    assert_eq!(fixture.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, outages: 1 });
}

#[tokio::test]
async fn a_hanging_redis_delays_calls_once() {
    let fixture = LimiterFixture::new().await;
    assert!(fixture.is_admitted(&long_window()).await);
    fixture.redis.freeze().await;
    let began = fixture.clock.monotonic();
    wait_until_admitted(&fixture, &long_window()).await;
    let took = fixture.clock.monotonic() - began;
    assert!(took >= SECOND * 2 && took < SECOND * 4, "{took:?}");
    let began = fixture.clock.monotonic();
    for _ in 0..50 {
        assert!(fixture.is_admitted(&long_window()).await);
    }
    let took = fixture.clock.monotonic() - began;
    assert!(took < Duration::from_millis(250), "50 calls took {took:?}");
    fixture.redis.thaw().await;
    fixture.wait_until_degraded(false, RECOVERY_TIMEOUT).await;
    assert_eq!(fixture.limiter.status().outages, 1);
}

#[tokio::test]
async fn a_flushed_script_and_a_closed_connection_are_no_loss_of_redis() {
    let fixture = LimiterFixture::new().await;
    assert!(fixture.is_admitted(&long_window()).await);
    fixture.redis.command("SCRIPT FLUSH").await;
    assert!(fixture.is_admitted(&long_window()).await);
    fixture.redis.command("CLIENT KILL TYPE normal SKIPME yes").await;
    assert!(fixture.is_admitted(&long_window()).await);
    assert_eq!(fixture.limiter.usage(&long_window()).await.unwrap().used, 3);
    assert_eq!(fixture.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, outages: 0 });
}

#[tokio::test]
async fn a_redis_that_rejects_writes_is_lost_until_it_accepts_them() {
    let rejections = [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("SET {sidecar:limit}:long text", "DEL {sidecar:limit}:long"),
        ("SET {sidecar:limit}:counting_since text", "DEL {sidecar:limit}:counting_since"),
    ];
    for (break_redis, repair) in rejections {
        let fixture = LimiterFixture::new().await;
        assert!(fixture.limiter.check().await);
        fixture.redis.command(break_redis).await;
        for _ in 0..3 {
            wait_until_admitted(&fixture, &long_window()).await;
        }
        assert_eq!(
            fixture.limiter.status(),
            LimiterStatus { degraded: true, fallbacks: 3, outages: 1 },
            "{break_redis}"
        );
        fixture.redis.command(repair).await;
        fixture.wait_until_degraded(false, RECOVERY_TIMEOUT).await;
        assert!(fixture.is_admitted(&long_window()).await);
        assert_eq!(fixture.limiter.status().outages, 1, "{break_redis}");
    }
}

fn two_processes(limiters: [&RedisLimiter; 2]) {
    limiters.iter().for_each(|limiter| limiter.set_processes(2));
}

/// Makes an unused Redis appear to have counted for a day.
async fn backdate_redis(fixture: &LimiterFixture) {
    let time = fixture.redis.command("TIME").await;
    let seconds: u64 = time.lines().nth(2).unwrap().parse().unwrap();
    fixture.redis.command(&format!("SET {{sidecar:limit}}:counting_since {}", (seconds - 86_400) * 1_000)).await;
}
