//! A limiter on a private Redis.

use std::{sync::Arc, time::Duration};

use sidecar_core::{
    Clock, SystemClock,
    rate_limit::{Decision, Feedback, Priority, RateLimiter, Scope},
};
use sidecar_store::redis::RedisLimiter;
use sidecar_tests::PrivateRedis;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct LimiterFixture {
    pub(crate) redis: PrivateRedis,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limiter: RedisLimiter,
}

impl LimiterFixture {
    pub(crate) async fn new() -> Self {
        let (redis, clock) = (PrivateRedis::start().await, SystemClock::shared());
        Self { limiter: RedisLimiter::new(&redis.url(), Arc::clone(&clock)).unwrap(), redis, clock }
    }

    /// Returns another limiter on the same Redis, as in another process.
    pub(crate) fn second_limiter(&self) -> RedisLimiter {
        RedisLimiter::new(&self.redis.url(), Arc::clone(&self.clock)).unwrap()
    }

    pub(crate) async fn acquire(&self, scopes: &[Scope], priority: Priority) -> Decision {
        self.limiter.try_acquire(scopes, priority).await.unwrap()
    }

    pub(crate) async fn is_admitted(&self, scope: &Scope) -> bool {
        is_admitted(&self.limiter, scope).await
    }

    pub(crate) async fn wait(&self, scope: &Scope) -> Duration {
        match self.acquire(std::slice::from_ref(scope), Priority::Interactive).await {
            Decision::Go => Duration::ZERO,
            Decision::Wait(wait) => wait,
        }
    }

    pub(crate) async fn admitted_at_once(&self, scope: &Scope, priority: Priority) -> usize {
        admitted_at_once(&self.limiter, scope, priority).await
    }

    pub(crate) async fn observe(&self, scope: &Scope, set: impl FnOnce(&mut Feedback)) {
        observe(&self.limiter, scope, set).await;
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Kills Redis and waits until the limiters have detected it and use their local share.
    pub(crate) async fn lose_redis(&mut self, others: &[&RedisLimiter]) {
        self.redis.kill();
        for limiter in others.iter().copied().chain([&self.limiter]) {
            assert!(!limiter.check().await);
        }
        self.sleep(Duration::from_millis(1_050)).await;
    }

    /// Waits until the limiter is degraded or not, and returns how long that took.
    pub(crate) async fn wait_until_degraded(&self, degraded: bool, within: Duration) -> Duration {
        let began = self.clock.monotonic();
        while self.limiter.status().degraded != degraded {
            let waited = self.clock.monotonic() - began;
            assert!(waited < within, "degraded is not {degraded} after {waited:?}");
            self.sleep(Duration::from_millis(5)).await;
        }
        self.clock.monotonic() - began
    }
}

pub(crate) async fn is_admitted(limiter: &RedisLimiter, scope: &Scope) -> bool {
    limiter.try_acquire(std::slice::from_ref(scope), Priority::Interactive).await.unwrap() == Decision::Go
}

/// Waits until a call is admitted, at most 5 s.
pub(crate) async fn wait_until_admitted(fixture: &LimiterFixture, scope: &Scope) {
    let until = fixture.clock.monotonic() + SECOND * 5;
    loop {
        match fixture.acquire(std::slice::from_ref(scope), Priority::Interactive).await {
            Decision::Go => return,
            Decision::Wait(wait) => {
                assert!(fixture.clock.monotonic() + wait < until, "{scope:?} has to wait for {wait:?}");
                fixture.sleep(wait).await;
            }
        }
    }
}

/// Returns how many calls are admitted without waiting.
pub(crate) async fn admitted_at_once(limiter: &RedisLimiter, scope: &Scope, priority: Priority) -> usize {
    let mut admitted = 0;
    while limiter.try_acquire(std::slice::from_ref(scope), priority).await.unwrap() == Decision::Go {
        admitted += 1;
    }
    admitted
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

/// Returns `true` if a wait measured by the real clock is the expected one, within the tolerance for a busy machine.
pub(crate) fn is_about(time: Duration, expected: Duration) -> bool {
    time <= expected + Duration::from_millis(5) && time + Duration::from_millis(500) >= expected
}
