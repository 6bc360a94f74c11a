//! An even flow, by governor's GCRA, with what governor lacks: a look that takes nothing.

use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

/// The slowest pace that can be asked for: one call a day.
const SLOWEST: f64 = 1.0 / 86_400.0;
/// What a burst may add up to, so that governor's arithmetic in nanoseconds does not overflow: about 31 years.
const LONGEST_BURST_NANOS: u128 = 1_000_000_000_000_000_000;

/// One paced flow. Used under the limiter's lock: the atomics only satisfy governor's shared references.
pub(super) struct Pace {
    limiter: RateLimiter<NotKeyed, Slot, Hand, NoOpMiddleware<Duration>>,
    slot: Slot,
    hand: Hand,
    start: Duration,
    period: Duration,
    burst: u32,
}

impl Pace {
    pub(super) fn new(per_second: f64, burst: u32, now: Duration) -> Self {
        let rate = if per_second.is_finite() { per_second.max(SLOWEST) } else { SLOWEST };
        let period = Duration::from_secs_f64(1.0 / rate).max(Duration::from_nanos(1));
        let most = u32::try_from(LONGEST_BURST_NANOS / period.as_nanos()).unwrap_or(u32::MAX);
        let burst = NonZeroU32::new(burst.min(most)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        let (slot, hand) = (Slot::default(), Hand::default());
        hand.set(now);
        let limiter = RateLimiter::new(quota, slot.clone(), hand.clone());
        Self { limiter, slot, hand, start: now, period, burst: burst.get() }
    }

    /// How long until a call may go; zero when it may go now. Takes nothing.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let before = self.slot.0.load(Relaxed);
        let wait = self.check(now);
        self.slot.0.store(before, Relaxed);
        wait
    }

    /// Counts a call, which [`Pace::wait`] said may go.
    pub(super) fn take(&self, now: Duration) {
        self.check(now);
    }

    /// How many calls are on the account, and how many may be at once.
    pub(super) fn usage(&self, now: Duration) -> (u32, u32) {
        let used = self.busy(now).as_nanos().div_ceil(self.period.as_nanos());
        (u32::try_from(used).unwrap_or(u32::MAX), self.burst)
    }

    /// How long until the whole burst is there again.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        self.slot.get().map_or(Duration::ZERO, |tat| (self.start + Duration::from(tat)).saturating_sub(now))
    }

    fn check(&self, now: Duration) -> Duration {
        self.hand.set(now);
        // A nanosecond at least: a refusal must not read as "now".
        self.limiter
            .check()
            .map_or_else(|not| not.wait_time_from(now).max(Duration::from_nanos(1)), |()| Duration::ZERO)
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("period", &self.period).field("burst", &self.burst).finish_non_exhaustive()
    }
}

/// governor's state (the theoretical arrival time, plus one so that 0 means none), in a place where we can put it back.
#[derive(Debug, Clone, Default)]
struct Slot(Arc<AtomicU64>);

impl Slot {
    fn get(&self) -> Option<Nanos> {
        self.0.load(Relaxed).checked_sub(1).map(Nanos::new)
    }
}

impl StateStore for Slot {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, next) = decide(self.get())?;
        self.0.store(next.as_u64().saturating_add(1), Relaxed);
        Ok(outcome)
    }
}

/// governor's clock, set to the limiter's time before each question.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Hand {
    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

impl Clock for Hand {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_evenly() {
        let pace = Pace::new(10.0, 5, Duration::from_secs(7));
        let (mut now, mut gone) = (Duration::from_secs(7), 0);
        while now < Duration::from_secs(8) {
            match pace.wait(now) {
                Duration::ZERO => {
                    pace.take(now);
                    gone += 1;
                }
                wait => now += wait,
            }
        }
        assert_eq!(gone, 5 + 9, "5 at once, then one each 100 ms");
    }

    #[test]
    fn looking_takes_nothing() {
        let pace = Pace::new(1.0, 1, Duration::ZERO);
        for _ in 0..3 {
            assert_eq!(pace.wait(Duration::ZERO), Duration::ZERO);
        }
        pace.take(Duration::ZERO);
        assert_eq!((pace.wait(Duration::ZERO), pace.usage(Duration::ZERO)), (Duration::from_secs(1), (1, 1)));
    }

    #[test]
    fn absurd_rates_are_bounded_instead_of_a_panic() {
        for (rate, burst) in [(f64::NAN, 0), (0.0, u32::MAX), (-1.0, 1), (f64::INFINITY, u32::MAX), (1e300, u32::MAX)] {
            let pace = Pace::new(rate, burst, Duration::ZERO);
            assert_eq!(pace.wait(Duration::ZERO), Duration::ZERO, "{rate} {burst}");
            pace.take(Duration::ZERO);
        }
    }
}
