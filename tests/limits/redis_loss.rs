//! What the limiter does without its Redis, and when it is back. Recovery times are asserted at five times what is asked.

use std::time::Duration;

use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope};
use sidecar_store::redis::{LimiterStatus, RedisLimiter};

use crate::desk::{DAY, Desk, SECOND, burst, burst_scope, day_scope, go, go_in_time, observe};

/// A window that does not move on while a test runs.
fn long() -> Scope {
    Scope::sliding_window("long", 100, SECOND * 600)
}

/// Asked for is a return within 5 s.
const RETURN: Duration = Duration::from_secs(25);

#[tokio::test]
async fn without_redis_each_process_keeps_to_its_share() {
    let mut desk = Desk::new().await;
    desk.limiter.set_processes(4);
    assert!(desk.go(&long()).await);
    desk.lose_redis(&[]).await;
    assert_eq!(desk.burst(&long(), Priority::Interactive).await, 24, "with the one that Redis let go");
    assert_eq!(desk.burst(&Scope::fixed_window("other", 40, DAY), Priority::Interactive).await, 10);
    assert_eq!(desk.limiter.status(), LimiterStatus { degraded: true, fallbacks: 34, losses: 1 });
    assert!(!desk.limiter.check().await);
    assert_eq!(desk.limiter.usage(&long()).await.unwrap().used, 25);
}

#[tokio::test]
async fn a_redis_that_was_never_there_fails_no_call() {
    let mut desk = Desk::new().await;
    desk.lose_redis(&[]).await;
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive).await, 100);
    desk.observe(&burst_scope(), |f| f.retry_after = Some(SECOND)).await;
    desk.redis.start_again().await;
    desk.until(false, RETURN).await;
    assert!(desk.limiter.check().await);
    assert_eq!(desk.limiter.status(), LimiterStatus { degraded: false, fallbacks: 100, losses: 1 });
}

#[tokio::test]
async fn at_the_loss_the_others_calls_are_known_without_a_word_from_the_server() {
    let mut desk = Desk::new().await;
    let other = desk.another();
    two_processes([&desk.limiter, &other]);
    age(&desk).await;
    let scope = long();
    for _ in 0..90 {
        assert!(go(&other, &scope).await);
    }
    assert!(desk.go(&scope).await);
    desk.lose_redis(&[&other]).await;
    assert_eq!(burst(&other, &scope, Priority::Interactive).await, 0, "90 are more than its share");
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 9, "90 of the other's, 1 + 9 of ours");
}

#[tokio::test]
async fn what_the_server_said_holds_without_redis_too() {
    let mut desk = Desk::new().await;
    let other = desk.another();
    desk.observe(&burst_scope(), |f| f.limit = Some(10)).await;
    observe(&other, &day_scope(), |f| f.retry_after = Some(SECOND * 100)).await;
    let both = [burst_scope(), day_scope()];
    assert!(matches!(desk.ask(&both, Priority::Interactive).await, Decision::Wait(_)));
    desk.lose_redis(&[]).await;
    assert!(desk.wait(&day_scope()).await > SECOND * 90, "the other told Redis, and Redis us");
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive).await, 10);
}

#[tokio::test]
async fn a_redis_that_came_back_empty_overruns_nothing() {
    let mut desk = Desk::new().await;
    let other = desk.another();
    two_processes([&desk.limiter, &other]);
    age(&desk).await;
    let (window, budget) = (long(), Scope::fixed_window("day", 100, DAY));
    for _ in 0..30 {
        assert_eq!(desk.ask(&[window.clone(), budget.clone()], Priority::Interactive).await, Decision::Go);
    }
    desk.lose_redis(&[]).await;
    assert!(desk.go(&window).await);
    desk.redis.start_again().await;
    desk.until(false, RETURN).await;
    assert_eq!(desk.burst(&window, Priority::Interactive).await, 19, "the share of 50 holds beside Redis");
    // The other was idle and lost nothing: that this Redis is young is all that it knows.
    assert_eq!(burst(&other, &window, Priority::Interactive).await, 50);
    assert_eq!(other.status().losses, 0);
    assert_eq!(desk.limiter.usage(&budget).await.unwrap().used, 30, "Redis is told what it forgot of a budget");
    assert_eq!(desk.burst(&budget, Priority::Interactive).await, 70);
    assert_eq!(burst(&other, &budget, Priority::Interactive).await, 0);
}

#[tokio::test]
async fn once_redis_has_counted_for_a_window_it_decides_alone() {
    let mut desk = Desk::new().await;
    let other = desk.another();
    two_processes([&desk.limiter, &other]);
    let scope = Scope::sliding_window("short", 10, SECOND);
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 5, "it is new");
    desk.lose_redis(&[]).await;
    assert!(desk.limiter.status().degraded);
    desk.redis.start_again().await;
    desk.until(false, RETURN).await;
    desk.sleep(Duration::from_millis(6_300)).await;
    assert_eq!(desk.burst(&scope, Priority::Interactive).await, 10);
}

#[tokio::test]
async fn a_redis_that_is_started_again_at_once_lets_nothing_go_without_it() {
    let mut desk = Desk::new().await;
    assert!(desk.go(&long()).await);
    desk.redis.kill();
    assert!(!desk.go(&long()).await);
    desk.redis.start_again().await;
    go_in_time(&desk, &long()).await;
    assert_eq!(desk.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, losses: 1 });
}

#[tokio::test]
async fn a_redis_that_hangs_delays_calls_once() {
    let desk = Desk::new().await;
    assert!(desk.go(&long()).await);
    desk.redis.freeze().await;
    let began = desk.clock.monotonic();
    go_in_time(&desk, &long()).await;
    let took = desk.clock.monotonic() - began;
    assert!(took >= SECOND * 2 && took < SECOND * 4, "{took:?}");
    let began = desk.clock.monotonic();
    for _ in 0..50 {
        assert!(desk.go(&long()).await);
    }
    let took = desk.clock.monotonic() - began;
    assert!(took < Duration::from_millis(250), "50 calls took {took:?}");
    desk.redis.thaw().await;
    desk.until(false, RETURN).await;
    assert_eq!(desk.limiter.status().losses, 1);
}

#[tokio::test]
async fn a_forgotten_script_and_a_closed_connection_are_no_loss() {
    let desk = Desk::new().await;
    assert!(desk.go(&long()).await);
    desk.redis.command("SCRIPT FLUSH").await;
    assert!(desk.go(&long()).await);
    desk.redis.command("CLIENT KILL TYPE normal SKIPME yes").await;
    assert!(desk.go(&long()).await);
    assert_eq!(desk.limiter.usage(&long()).await.unwrap().used, 3);
    assert_eq!(desk.limiter.status(), LimiterStatus { degraded: false, fallbacks: 0, losses: 0 });
}

#[tokio::test]
async fn a_redis_that_refuses_is_lost_until_it_counts_again() {
    let refusals = [
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("SET {sidecar:limit}:long text", "DEL {sidecar:limit}:long"),
        ("SET {sidecar:limit}:since text", "DEL {sidecar:limit}:since"),
    ];
    for (refuse, relent) in refusals {
        let desk = Desk::new().await;
        assert!(desk.limiter.check().await);
        desk.redis.command(refuse).await;
        for _ in 0..3 {
            go_in_time(&desk, &long()).await;
        }
        assert_eq!(desk.limiter.status(), LimiterStatus { degraded: true, fallbacks: 3, losses: 1 }, "{refuse}");
        desk.redis.command(relent).await;
        desk.until(false, RETURN).await;
        assert!(desk.go(&long()).await);
        assert_eq!(desk.limiter.status().losses, 1, "{refuse}");
    }
}

fn two_processes(limiters: [&RedisLimiter; 2]) {
    limiters.iter().for_each(|limiter| limiter.set_processes(2));
}

/// Makes this Redis, to which nobody spoke yet, one that has been counting for a day.
async fn age(desk: &Desk) {
    let time = desk.redis.command("TIME").await;
    let seconds: u64 = time.lines().nth(2).unwrap().parse().unwrap();
    desk.redis.command(&format!("SET {{sidecar:limit}}:since {}", (seconds - 86_400) * 1_000)).await;
}
