//! A limiter with a clock that is moved by hand.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use sidecar_core::{
    Timestamp,
    rate_limit::{Decision, Feedback, LocalLimiter, Priority, RateLimiter, Scope, Usage},
    test_util::ManualClock,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// A limiter and its clock, asked without a runtime (in process it never waits).
pub(crate) struct Desk {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) limiter: LocalLimiter,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        Self { limiter: LocalLimiter::new(Arc::clone(&clock) as _), clock }
    }

    pub(crate) fn ask(&self, scopes: &[Scope], lane: Priority) -> Decision {
        self.limiter.try_acquire(scopes, lane).now_or_never().unwrap().unwrap()
    }

    pub(crate) fn go(&self, scope: &Scope) -> bool {
        self.ask(std::slice::from_ref(scope), Priority::Interactive) == Decision::Go
    }

    pub(crate) fn wait(&self, scope: &Scope, lane: Priority) -> Duration {
        match self.ask(std::slice::from_ref(scope), lane) {
            Decision::Go => Duration::ZERO,
            Decision::Wait(wait) => wait,
        }
    }

    /// How many calls go at once.
    pub(crate) fn burst(&self, scope: &Scope, lane: Priority) -> usize {
        (0..1_000_000).take_while(|_| self.wait(scope, lane).is_zero()).count()
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
