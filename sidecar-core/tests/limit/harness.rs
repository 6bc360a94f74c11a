//! A local limiter on a manual clock.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use sidecar_core::{
    Timestamp,
    rate_limit::{Decision, Feedback, LocalLimiter, Priority, RateLimiter, Scope, Usage},
    test_util::ManualClock,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A local limiter and its clock. Its futures never wait, so the tests need no runtime.
pub(crate) struct Harness {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limiter: LocalLimiter,
}

impl Harness {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        Self { limiter: LocalLimiter::new(Arc::clone(&clock) as _), clock }
    }

    pub(crate) fn try_acquire(&self, scopes: &[Scope], priority: Priority) -> Decision {
        self.limiter.try_acquire(scopes, priority).now_or_never().unwrap().unwrap()
    }

    pub(crate) fn admits(&self, scope: &Scope) -> bool {
        self.try_acquire(std::slice::from_ref(scope), Priority::Interactive) == Decision::Go
    }

    pub(crate) fn wait_for(&self, scope: &Scope, priority: Priority) -> Duration {
        match self.try_acquire(std::slice::from_ref(scope), priority) {
            Decision::Go => Duration::ZERO,
            Decision::Wait(wait) => wait,
        }
    }

    /// Returns how many calls are admitted at once.
    pub(crate) fn burst(&self, scope: &Scope, priority: Priority) -> usize {
        (0..1_000_000).take_while(|_| self.wait_for(scope, priority).is_zero()).count()
    }

    pub(crate) fn observe(&self, scope: &Scope, set: impl FnOnce(&mut Feedback)) {
        let mut feedback = Feedback::new(scope.clone());
        set(&mut feedback);
        self.limiter.observe(&feedback).now_or_never().unwrap().unwrap();
    }

    pub(crate) fn usage(&self, scope: &Scope) -> Usage {
        self.limiter.usage(scope).now_or_never().unwrap().unwrap()
    }
}

pub(crate) fn burst_scope() -> Scope {
    Scope::sliding_window("burst", 100, SECOND * 10)
}

pub(crate) fn day_scope() -> Scope {
    Scope::fixed_window("day", 200_000, DAY)
}
