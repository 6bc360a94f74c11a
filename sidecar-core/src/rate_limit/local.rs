//! The limiter of one process.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Decision, Feedback, LimiterError, Priority, Quota, RateLimiter, Scope, Usage,
    pace::Pace,
    window::{Budget, Room, Window},
};
use crate::time::Clock;

/// How often counters that count nothing any more are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The background lane's share of a window's rate, and what it may have at once.
const BACKGROUND_RATE: f64 = 0.95;
const BACKGROUND_BURST: u32 = 5;

/// Limits within one process, exact and without I/O. Share one (in an `Arc`) among all clients of a provider.
///
/// When several processes use the same quotas without a shared limiter, tell each how many there are
/// ([`LocalLimiter::set_processes`]): every one then keeps to its equal part.
#[derive(Debug)]
pub struct LocalLimiter {
    clock: Arc<dyn Clock>,
    processes: AtomicU32,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    counters: HashMap<Arc<str>, Counter>,
    swept_at: Duration,
}

#[derive(Debug)]
struct Counter {
    /// The quota that the server named, when it differs from the scope's.
    named: Option<u32>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Window { window: Window, background: Option<(Room, Pace)> },
    Budget(Budget),
    Pace { pace: Pace, made_for: Flow, blocked_until: Duration },
}

/// What a pace was made for: another flow is another pace, from then on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flow {
    per_second: f64,
    burst: u32,
    processes: u32,
}

impl Flow {
    fn pace(self, now: Duration) -> Pace {
        Pace::new(self.per_second / f64::from(self.processes), self.burst.div_ceil(self.processes), now)
    }
}

impl LocalLimiter {
    /// An empty limiter.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, processes: AtomicU32::new(1), table: Mutex::default() }
    }

    /// Says how many processes share the quotas, this one included; 0 is taken as 1.
    pub fn set_processes(&self, count: u32) {
        self.processes.store(count.max(1), Ordering::Relaxed);
    }

    /// How many scopes are held in memory. Those that count nothing any more are dropped about once a minute.
    pub fn tracked(&self) -> usize {
        self.table().counters.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn processes(&self) -> u32 {
        self.processes.load(Ordering::Relaxed)
    }

    /// How long until a call may go, zero when it may now. Takes nothing.
    ///
    /// # Errors
    /// As [`RateLimiter::try_acquire`].
    pub fn peek(&self, scopes: &[Scope], lane: Priority) -> Result<Duration, LimiterError> {
        no_twins(scopes)?;
        let processes = self.processes();
        let mut table = self.table();
        let now = self.clock.monotonic();
        table.sweep(now);
        table.wait(scopes, lane, processes, now)
    }

    /// Counts a call that was let go by somebody else: by a limiter in front of this one, which asks here only while its
    /// own counters cannot be reached. Counted are also calls that this limiter would have made wait; a pace takes in no
    /// more of them than its burst.
    ///
    /// # Errors
    /// As [`RateLimiter::try_acquire`]; nothing is counted then.
    pub fn record(&self, scopes: &[Scope], lane: Priority) -> Result<(), LimiterError> {
        no_twins(scopes)?;
        let processes = self.processes();
        let mut table = self.table();
        let now = self.clock.monotonic();
        table.sweep(now);
        // A look first: it finds scopes that are counted in another way, and begins the background lane's pace.
        table.wait(scopes, lane, processes, now)?;
        table.take(scopes, lane, processes, now)
    }

    fn decide(&self, scopes: &[Scope], lane: Priority) -> Result<Decision, LimiterError> {
        no_twins(scopes)?;
        let processes = self.processes();
        let mut table = self.table();
        let now = self.clock.monotonic();
        table.sweep(now);
        match table.wait(scopes, lane, processes, now)? {
            Duration::ZERO => table.take(scopes, lane, processes, now).map(|()| Decision::Go),
            wait => Ok(Decision::Wait(wait)),
        }
    }
}

#[async_trait]
impl RateLimiter for LocalLimiter {
    async fn try_acquire(&self, scopes: &[Scope], lane: Priority) -> Result<Decision, LimiterError> {
        self.decide(scopes, lane)
    }

    async fn observe(&self, feedback: &Feedback) -> Result<(), LimiterError> {
        let processes = self.processes();
        let mut table = self.table();
        let now = self.clock.monotonic();
        table.counter(&feedback.scope, processes, now)?.observe(feedback, now);
        Ok(())
    }

    async fn usage(&self, scope: &Scope) -> Result<Usage, LimiterError> {
        let processes = self.processes();
        let mut table = self.table();
        let now = self.clock.monotonic();
        Ok(table.counter(scope, processes, now)?.usage(scope, now))
    }
}

/// The second of two equal scopes would be taken without a look.
fn no_twins(scopes: &[Scope]) -> Result<(), LimiterError> {
    for (i, scope) in scopes.iter().enumerate() {
        if scopes[..i].iter().any(|earlier| earlier.key == scope.key) {
            let message = format!("the scope `{}` is named twice in one call: name it once", scope.key);
            return Err(LimiterError::new(message));
        }
    }
    Ok(())
}

impl Table {
    fn counter(&mut self, scope: &Scope, processes: u32, now: Duration) -> Result<&mut Counter, LimiterError> {
        if !self.counters.contains_key(&scope.key) {
            self.counters.insert(Arc::clone(&scope.key), Counter::new(scope.quota, processes, now));
        }
        match self.counters.get_mut(&scope.key) {
            Some(counter) if counter.counts(scope.quota) => Ok(counter),
            _ => Err(LimiterError::new(format!(
                "the scope `{}` is already counted by another kind of quota (sliding window, fixed window, token bucket): use another key",
                scope.key
            ))),
        }
    }

    /// How long until every scope has room for a call.
    fn wait(
        &mut self,
        scopes: &[Scope],
        lane: Priority,
        processes: u32,
        now: Duration,
    ) -> Result<Duration, LimiterError> {
        let mut wait = Duration::ZERO;
        for scope in scopes {
            wait = wait.max(self.counter(scope, processes, now)?.wait(scope, lane, processes, now));
        }
        Ok(wait)
    }

    fn take(&mut self, scopes: &[Scope], lane: Priority, processes: u32, now: Duration) -> Result<(), LimiterError> {
        for scope in scopes {
            self.counter(scope, processes, now)?.take(lane, now);
        }
        Ok(())
    }

    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            self.counters.retain(|_, counter| counter.busy(now) > Duration::ZERO);
        }
    }
}

impl Counter {
    fn new(quota: Quota, processes: u32, now: Duration) -> Self {
        let kind = match quota {
            Quota::SlidingWindow { span, .. } => Kind::Window { window: Window::new(span), background: None },
            Quota::FixedWindow { span, .. } => Kind::Budget(Budget::new(span)),
            Quota::TokenBucket { per_second, burst } => {
                let made_for = Flow { per_second, burst, processes };
                Kind::Pace { pace: made_for.pace(now), made_for, blocked_until: Duration::ZERO }
            }
        };
        Self { named: None, kind }
    }

    fn counts(&self, quota: Quota) -> bool {
        matches!(
            (&self.kind, quota),
            (Kind::Window { .. }, Quota::SlidingWindow { .. })
                | (Kind::Budget(_), Quota::FixedWindow { .. })
                | (Kind::Pace { .. }, Quota::TokenBucket { .. })
        )
    }

    fn wait(&mut self, scope: &Scope, lane: Priority, processes: u32, now: Duration) -> Duration {
        match (&mut self.kind, scope.quota) {
            (Kind::Window { window, background }, Quota::SlidingWindow { limit, span }) => {
                let whole = self.named.unwrap_or(limit);
                let all = Room { share: share(whole, processes), whole };
                match lane {
                    Priority::Interactive => window.wait(now, all),
                    Priority::Background => {
                        let room = all.leaving(20);
                        window.wait(now, room).max(background_pace(background, all, span, now).wait(now))
                    }
                }
            }
            (Kind::Budget(budget), Quota::FixedWindow { limit, .. }) => {
                let whole = self.named.unwrap_or(limit);
                let all = Room { share: share(whole, processes), whole };
                budget.wait(now, if lane == Priority::Background { all.leaving(10) } else { all })
            }
            (Kind::Pace { pace, made_for, blocked_until }, Quota::TokenBucket { per_second, burst }) => {
                let asked = Flow { per_second, burst, processes };
                if *made_for != asked {
                    *pace = asked.pace(now);
                    *made_for = asked;
                }
                blocked_until.saturating_sub(now).max(pace.wait(now))
            }
            // `Table::counter` compared the kinds.
            _ => Duration::ZERO,
        }
    }

    fn take(&mut self, lane: Priority, now: Duration) {
        match &mut self.kind {
            Kind::Window { window, background } => {
                window.take(now);
                if let (Priority::Background, Some((_, pace))) = (lane, background) {
                    pace.take(now);
                }
            }
            Kind::Budget(budget) => budget.take(now),
            Kind::Pace { pace, .. } => pace.take(now),
        }
    }

    fn observe(&mut self, feedback: &Feedback, now: Duration) {
        let ours = match feedback.scope.quota {
            Quota::SlidingWindow { limit, .. } | Quota::FixedWindow { limit, .. } => limit,
            Quota::TokenBucket { .. } => 0,
        };
        // A quota of 0 would close the scope for good; `remaining` and `retry_after` close it for a while.
        if let Some(limit) = feedback.limit.filter(|limit| *limit > 0) {
            self.named = (limit != ours).then_some(limit);
        }
        let used = feedback.remaining.map(|remaining| self.named.unwrap_or(ours).saturating_sub(remaining));
        let until = feedback.retry_after.map(|after| now.saturating_add(after));
        match &mut self.kind {
            Kind::Window { window, .. } => {
                feedback.took.into_iter().for_each(|took| window.observe_answer(now, took));
                used.into_iter().for_each(|used| window.observe_used(now, used));
                until.into_iter().for_each(|until| window.block(until));
            }
            Kind::Budget(budget) => {
                used.into_iter().for_each(|used| budget.observe_used(now, used));
                feedback.reset_after.into_iter().for_each(|after| budget.observe_reset(now, after));
                until.into_iter().for_each(|until| budget.block(until));
            }
            Kind::Pace { blocked_until, .. } => {
                until.into_iter().for_each(|until| *blocked_until = (*blocked_until).max(until));
            }
        }
    }

    fn usage(&self, scope: &Scope, now: Duration) -> Usage {
        let (used, limit) = match (&self.kind, scope.quota) {
            (Kind::Window { window, .. }, Quota::SlidingWindow { limit, .. }) => {
                (window.used(now), self.named.unwrap_or(limit))
            }
            (Kind::Budget(budget), Quota::FixedWindow { limit, .. }) => (budget.used(now), self.named.unwrap_or(limit)),
            (Kind::Pace { pace, .. }, _) => pace.usage(now),
            _ => (0, 0),
        };
        Usage { used, limit, resets_in: Some(self.busy(now)).filter(|busy| *busy > Duration::ZERO) }
    }

    /// How long until the counter counts nothing any more.
    fn busy(&self, now: Duration) -> Duration {
        match &self.kind {
            Kind::Window { window, background } => {
                window.busy(now).max(background.as_ref().map_or(Duration::ZERO, |(_, pace)| pace.busy(now)))
            }
            Kind::Budget(budget) => budget.busy(now),
            Kind::Pace { pace, blocked_until, .. } => pace.busy(now).max(blocked_until.saturating_sub(now)),
        }
    }
}

/// The pace of the background lane, made anew when the quota or our share of it changed.
fn background_pace(slot: &mut Option<(Room, Pace)>, room: Room, span: Duration, now: Duration) -> &Pace {
    if slot.as_ref().is_some_and(|(made_for, _)| *made_for != room) {
        *slot = None;
    }
    let (_, pace) = slot.get_or_insert_with(|| {
        let rate = f64::from(room.share) * BACKGROUND_RATE / span.max(Duration::from_millis(1)).as_secs_f64();
        (room, Pace::new(rate, BACKGROUND_BURST.min(room.share), now))
    });
    pace
}

/// An equal part of a quota; at least one call, so that no process is shut out.
fn share(limit: u32, processes: u32) -> u32 {
    (limit / processes).max(limit.min(1))
}
