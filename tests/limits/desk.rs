//! A limiter on a Redis of its own.

use std::{sync::Arc, time::Duration};

use sidecar_core::{
    Clock, SystemClock,
    rate_limit::{Decision, Feedback, Priority, RateLimiter, Scope},
};
use sidecar_store::redis::RedisLimiter;
use sidecar_tests::PrivateRedis;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Desk {
    pub(crate) redis: PrivateRedis,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limiter: RedisLimiter,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let (redis, clock) = (PrivateRedis::start().await, SystemClock::shared());
        Self { limiter: RedisLimiter::new(&redis.url(), Arc::clone(&clock)).unwrap(), redis, clock }
    }

    /// Another process's, as far as a limiter can tell.
    pub(crate) fn another(&self) -> RedisLimiter {
        RedisLimiter::new(&self.redis.url(), Arc::clone(&self.clock)).unwrap()
    }

    pub(crate) async fn ask(&self, scopes: &[Scope], lane: Priority) -> Decision {
        self.limiter.try_acquire(scopes, lane).await.unwrap()
    }

    pub(crate) async fn go(&self, scope: &Scope) -> bool {
        go(&self.limiter, scope).await
    }

    pub(crate) async fn wait(&self, scope: &Scope) -> Duration {
        match self.ask(std::slice::from_ref(scope), Priority::Interactive).await {
            Decision::Go => Duration::ZERO,
            Decision::Wait(wait) => wait,
        }
    }

    pub(crate) async fn burst(&self, scope: &Scope, lane: Priority) -> usize {
        burst(&self.limiter, scope, lane).await
    }

    pub(crate) async fn observe(&self, scope: &Scope, set: impl FnOnce(&mut Feedback)) {
        observe(&self.limiter, scope, set).await;
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Ends Redis and waits until the limiters have noticed and go on without it.
    pub(crate) async fn lose_redis(&mut self, others: &[&RedisLimiter]) {
        self.redis.kill();
        for limiter in others.iter().copied().chain([&self.limiter]) {
            assert!(!limiter.check().await);
        }
        self.sleep(Duration::from_millis(1_050)).await;
    }

    /// Waits until the limiter has lost Redis, or has it back; how long that took.
    pub(crate) async fn until(&self, degraded: bool, within: Duration) -> Duration {
        let began = self.clock.monotonic();
        while self.limiter.status().degraded != degraded {
            let waited = self.clock.monotonic() - began;
            assert!(waited < within, "degraded is not {degraded} after {waited:?}");
            self.sleep(Duration::from_millis(5)).await;
        }
        self.clock.monotonic() - began
    }
}

pub(crate) async fn go(limiter: &RedisLimiter, scope: &Scope) -> bool {
    limiter.try_acquire(std::slice::from_ref(scope), Priority::Interactive).await.unwrap() == Decision::Go
}

/// Waits until a call goes; a second at a loss.
pub(crate) async fn go_in_time(desk: &Desk, scope: &Scope) {
    let until = desk.clock.monotonic() + SECOND * 5;
    loop {
        match desk.ask(std::slice::from_ref(scope), Priority::Interactive).await {
            Decision::Go => return,
            Decision::Wait(wait) => {
                assert!(desk.clock.monotonic() + wait < until, "{scope:?} is to wait for {wait:?}");
                desk.sleep(wait).await;
            }
        }
    }
}

/// How many calls go at once.
pub(crate) async fn burst(limiter: &RedisLimiter, scope: &Scope, lane: Priority) -> usize {
    let mut gone = 0;
    while limiter.try_acquire(std::slice::from_ref(scope), lane).await.unwrap() == Decision::Go {
        gone += 1;
    }
    gone
}

pub(crate) async fn observe(limiter: &RedisLimiter, scope: &Scope, set: impl FnOnce(&mut Feedback)) {
    let mut feedback = Feedback::new(scope.clone());
    set(&mut feedback);
    limiter.observe(&feedback).await.unwrap();
}

pub(crate) fn burst_scope() -> Scope {
    Scope::sliding_window("burst", 100, SECOND * 10)
}

pub(crate) fn day_scope() -> Scope {
    Scope::fixed_window("day", 200_000, DAY)
}

/// Whether a time that passed by the real clock is the expected one, give or take what a busy machine takes.
pub(crate) fn is_about(time: Duration, expected: Duration) -> bool {
    time <= expected + Duration::from_millis(5) && time + Duration::from_millis(500) >= expected
}
