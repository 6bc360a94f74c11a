use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::FutureExt;
use redis::ScriptInvocation;
use sidecar_core::{
    rate_limit::{Decision, Feedback, LimiterError, LocalLimiter, Priority, Quota, RateLimiter, Scope},
    time::{Clock, timeout},
};
use tokio::sync::Semaphore;

use super::{
    link::{Failure, Line, Link},
    question::{Answer, Desk, Figures, Known},
};

/// How long Redis may take to answer before it is asked once more, on a new connection.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long calls wait after a loss before the local share lets them go: a Redis that is started again is often back by
/// then, and the last calls of the others, whom nobody hears of any more, have reached the provider.
const PAUSE: Duration = Duration::from_secs(1);
/// When a call asks again that saw a connection break, but no loss.
const ASK_AGAIN: Duration = Duration::from_millis(10);
/// Questions that are under way at once.
const TURNS: u32 = 32;
/// How often a Redis that cannot be reached is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// The same where it refused: what makes it refuse seldom passes by itself, and each loss is a line in the log.
const LOOK_AGAIN_AFTER_REFUSAL: Duration = Duration::from_secs(4);
/// How much longer than a window the local share stays in force when Redis is back: processes find it back at different
/// moments.
const SETTLE: Duration = Duration::from_secs(5);
/// What stands for the window of a pace, which has none.
const PACE_SPAN: Duration = Duration::from_secs(10);

/// Redis while it answers, the local limiter while it does not.
pub(super) struct Fallback {
    link: Link,
    pub(super) desk: Desk,
    clock: Arc<dyn Clock>,
    /// Counts every call of this process, and decides while Redis is lost.
    pub(super) local: LocalLimiter,
    state: Mutex<State>,
    /// Those who ask Redis, so that a queue of our own is not taken for a slow Redis. Who asks the local limiter too holds
    /// all of it, so that nobody takes in between.
    turns: Semaphore,
    /// Calls that Redis is asked about right now.
    asking: AtomicU32,
    pub(super) fallbacks: AtomicU64,
    pub(super) losses: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// When Redis was lost, while it is.
    lost: Option<Duration>,
    /// The last connection whose Redis told us its age.
    greeted: u64,
    /// Until then calls were made that Redis may not know of; `None`: long ago.
    blind: Option<Duration>,
}

impl Fallback {
    pub(super) fn new(link: Link, desk: Desk, clock: Arc<dyn Clock>) -> Self {
        Self {
            link,
            desk,
            local: LocalLimiter::new(Arc::clone(&clock)),
            clock,
            state: Mutex::default(),
            turns: Semaphore::new(TURNS as usize),
            asking: AtomicU32::new(0),
            fallbacks: AtomicU64::new(0),
            losses: AtomicU64::new(0),
        }
    }

    /// What Redis says, and the local share where it holds too; `None` when Redis is lost.
    pub(super) async fn shared(
        self: &Arc<Self>,
        scopes: &[Scope],
        lane: Priority,
    ) -> Result<Option<Decision>, LimiterError> {
        let take = self.desk.take(scopes, lane, |scope| self.known(scope));
        for last in [false, true] {
            let Some(line) = self.ready().await else { return Ok(None) };
            let held = self.held(scopes);
            let turn = self.turns.acquire_many(if held.is_empty() { 1 } else { TURNS }).await;
            if turn.is_err() || self.is_lost() {
                return Ok(None);
            }
            match self.local.peek(&held, lane)? {
                Duration::ZERO => {}
                wait => return Ok(Some(Decision::Wait(wait))),
            }
            let asking = Asking::one_more(&self.asking);
            match self.once(&line, &take, scopes.len()).await {
                Ok(Answer::Clash(index)) => return Err(clash(&scopes[index])),
                Ok(Answer::Figures { wait, scopes: figures, .. }) => {
                    if wait.is_zero() {
                        self.local.record(scopes, lane)?;
                    }
                    self.learn(scopes, &figures, &held, asking.others()).await?;
                    return Ok(Some(if wait.is_zero() { Decision::Go } else { Decision::Wait(wait) }));
                }
                Err(failure) => self.missed(&line, &failure, last),
            }
        }
        Ok(None)
    }

    /// The local share alone.
    pub(super) async fn alone(&self, scopes: &[Scope], lane: Priority) -> Result<Decision, LimiterError> {
        let now = self.clock.monotonic();
        // If it was found again meanwhile, it is to be asked again.
        let pause = self.state().lost.map_or(ASK_AGAIN, |lost| (lost + PAUSE).saturating_sub(now));
        if pause > Duration::ZERO {
            return Ok(Decision::Wait(pause));
        }
        let decision = self.local.try_acquire(scopes, lane).await?;
        if decision == Decision::Go {
            self.fallbacks.fetch_add(1, Relaxed);
        }
        Ok(decision)
    }

    /// An answer about these scopes; `None` when Redis is lost.
    pub(super) async fn ask(self: &Arc<Self>, question: &ScriptInvocation<'_>, scopes: &[Scope]) -> Option<Answer> {
        for last in [false, true] {
            let line = self.ready().await?;
            let _turn = self.turns.acquire().await.ok().filter(|_| !self.is_lost())?;
            match self.once(&line, question, scopes.len()).await {
                Ok(answer) => return Some(answer),
                Err(failure) => self.missed(&line, &failure, last),
            }
        }
        None
    }

    /// A connection may have been closed while nobody used it, and an answer may be late because this process is: only
    /// what happens again on a new connection means a loss. One process that is alone by mistake overruns the quotas.
    fn missed(self: &Arc<Self>, line: &Line, failure: &Failure, last: bool) {
        match failure {
            Failure::Broken(_) | Failure::Late(_) if !last => self.link.forget(line.number),
            _ => self.lose(line.number, failure),
        }
    }

    /// A connection to a Redis whose age is known; `None` when Redis is lost.
    async fn ready(self: &Arc<Self>) -> Option<Line> {
        if self.is_lost() {
            return None;
        }
        match self.reach().await {
            Ok(line) => Some(line).filter(|_| !self.is_lost()),
            Err(failure) => {
                self.lose(u64::MAX, &failure);
                None
            }
        }
    }

    async fn reach(&self) -> Result<Line, Failure> {
        let line = timeout(&*self.clock, PATIENCE, self.link.line()).await;
        let line = line.unwrap_or(Err(Failure::Late(PATIENCE)))?;
        if self.state().greeted < line.number {
            self.greet(&line).await?;
        }
        Ok(line)
    }

    /// Learns how long this Redis has been counting, and whether it lets us write.
    async fn greet(&self, line: &Line) -> Result<(), Failure> {
        self.once(line, &self.desk.look(&[], |_| Known::default()), 0).await?;
        let mut state = self.state();
        state.greeted = state.greeted.max(line.number);
        Ok(())
    }

    /// Asks once, on this connection.
    async fn once(&self, line: &Line, question: &ScriptInvocation<'_>, scopes: usize) -> Result<Answer, Failure> {
        let numbers = timeout(&*self.clock, PATIENCE, self.link.ask(line, question)).await;
        let numbers: Vec<i64> = numbers.unwrap_or(Err(Failure::Late(PATIENCE)))?;
        let answer = Answer::read(&numbers, scopes)?;
        if let Answer::Figures { age, .. } = &answer {
            let began = self.clock.monotonic().checked_sub(*age);
            let mut state = self.state();
            state.blind = state.blind.max(began);
        }
        Ok(answer)
    }

    /// The scopes in which Redis may not know every call that still counts.
    fn held(&self, scopes: &[Scope]) -> Vec<Scope> {
        let Some(blind) = self.state().blind else { return Vec::new() };
        let past = self.clock.monotonic().saturating_sub(blind);
        let holds = |scope: &&Scope| match scope.quota() {
            Quota::SlidingWindow { span, .. } => past < span.saturating_add(SETTLE),
            Quota::TokenBucket { .. } => past < PACE_SPAN + SETTLE,
            // Redis is told the count of a budget that it forgot.
            Quota::FixedWindow { .. } => false,
        };
        scopes.iter().filter(holds).cloned().collect()
    }

    /// Tells the local limiter what Redis knows: the others' calls, and what the provider told the others. Of `asking`
    /// calls Redis may know already what the local limiter learns in a moment; and where everybody keeps to their share
    /// (`held`), the others' calls need not be known, which would count from now on and not from when they were made.
    async fn learn(
        &self,
        scopes: &[Scope],
        figures: &[Figures],
        held: &[Scope],
        asking: u32,
    ) -> Result<(), LimiterError> {
        for (scope, figures) in scopes.iter().zip(figures) {
            let mut feedback = Feedback::new(scope.clone());
            if !matches!(scope.quota(), Quota::TokenBucket { .. }) {
                feedback.limit = Some(figures.limit);
            }
            if feedback.limit.is_some() && !held.contains(scope) {
                feedback.remaining = Some(figures.limit.saturating_sub(figures.used.saturating_sub(asking)));
            }
            feedback.reset_after = figures.reset;
            feedback.retry_after = figures.closed;
            self.local.observe(&feedback).await?;
        }
        Ok(())
    }

    /// A budget as it is known here, for a Redis that knows nothing of it.
    pub(super) fn known(&self, scope: &Scope) -> Known {
        // In process it never waits.
        match self.local.usage(scope).now_or_never() {
            Some(Ok(usage)) => Known { used: usage.used, resets_in: usage.resets_in.unwrap_or_default() },
            _ => Known::default(),
        }
    }

    /// Goes on alone until Redis is found again; unless somebody did so before, or there is a newer connection.
    fn lose(self: &Arc<Self>, line: u64, failure: &Failure) {
        self.link.forget(line);
        {
            let mut state = self.state();
            if state.lost.is_some() || state.greeted > line {
                return;
            }
            state.lost = Some(self.clock.monotonic());
        }
        self.losses.fetch_add(1, Relaxed);
        tracing::error!(%failure, "Redis is lost: this process keeps to its share of the limits until it is back");
        let pause = if matches!(failure, Failure::Broken(_) | Failure::Late(_)) {
            LOOK_AGAIN
        } else {
            LOOK_AGAIN_AFTER_REFUSAL
        };
        tokio::spawn(look_again(Arc::downgrade(self), Arc::clone(&self.clock), pause));
    }

    async fn is_back(&self) -> bool {
        let found = async {
            let line = self.reach().await?;
            self.greet(&line).await
        };
        if found.await.is_err() {
            self.link.forget(u64::MAX);
            return false;
        }
        let mut state = self.state();
        state.blind = Some(self.clock.monotonic());
        state.lost = None;
        true
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state().lost.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that Redis is asked about.
struct Asking<'a>(&'a AtomicU32);

impl<'a> Asking<'a> {
    fn one_more(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }

    /// How many others there are.
    fn others(&self) -> u32 {
        self.0.load(Relaxed).saturating_sub(1)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Looks for a lost Redis until it is found or nobody needs it any more.
async fn look_again(inner: Weak<Fallback>, clock: Arc<dyn Clock>, pause: Duration) {
    loop {
        clock.sleep(pause).await;
        let Some(inner) = inner.upgrade() else { return };
        if inner.is_back().await {
            tracing::warn!("Redis is back: limits are shared again");
            return;
        }
    }
}

/// As the local limiter says it of scopes of one process.
pub(super) fn clash(scope: &Scope) -> LimiterError {
    LimiterError::new(format!(
        "the scope `{}` is counted in another way (window, budget, pace) in Redis already: give it a key of its own",
        scope.key()
    ))
}
