//! Shared limits hold exactly under random concurrent load.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use sidecar_core::rate_limit::{Decision, Priority, Quota, RateLimiter, Scope};
use sidecar_store::redis::RedisLimiter;
use sidecar_tests::SeededRng;

use crate::fixture::{DAY, LimiterFixture};

const TEST_TIME: Duration = Duration::from_secs(4);
const TASKS: u64 = 48;
/// The safety margin that the limiter adds to the span of a window.
const WINDOW_MARGIN: Duration = Duration::from_millis(250);

/// The times at which a call was requested and admitted; Redis counted it in between.
type Call = (Duration, Duration);

/// The admitted calls by scope.
#[derive(Debug, Default)]
struct CallLog(Mutex<HashMap<String, Vec<Call>>>);

impl CallLog {
    fn record(&self, scopes: &[Scope], call: Call) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.iter().for_each(|scope| calls.entry(scope.key().to_owned()).or_default().push(call));
    }

    fn calls(&self, scope: &Scope) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(scope.key()).cloned().unwrap_or_default()
    }
}

fn scopes(rng: &mut SeededRng) -> Vec<Scope> {
    let mut scopes: Vec<_> = (0..5)
        .map(|n| {
            let limit = u32::try_from(rng.within(1..12)).unwrap();
            Scope::sliding_window(format!("w{n}"), limit, Duration::from_millis(rng.within(100..900)))
        })
        .collect();
    scopes.push(Scope::fixed_window("budget", u32::try_from(rng.within(20..200)).unwrap(), DAY));
    scopes
}

/// Requests random scopes until the time is over and waits at most as long as the limiter says.
async fn call(fixture: &LimiterFixture, limiter: &RedisLimiter, all: &[Scope], log: &CallLog, mut rng: SeededRng) {
    while fixture.clock.monotonic() < TEST_TIME {
        let mut scopes = all.to_vec();
        rng.shuffle(&mut scopes);
        scopes.truncate(1 + rng.index(3));
        let priority = if rng.percent(20) { Priority::Background } else { Priority::Interactive };
        let requested = fixture.clock.monotonic();
        match limiter.try_acquire(&scopes, priority).await.unwrap() {
            Decision::Go => log.record(&scopes, (requested, fixture.clock.monotonic())),
            Decision::Wait(wait) => fixture.sleep(wait.min(Duration::from_millis(rng.within(1..200)))).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_window_is_exceeded_under_random_concurrent_load() {
    let mut rng = SeededRng::new("redis limits");
    let (fixture, log) = (Arc::new(LimiterFixture::new().await), Arc::new(CallLog::default()));
    let all = scopes(&mut rng);
    let limiters = [Arc::new(fixture.second_limiter()), Arc::new(fixture.second_limiter())];
    let tasks = (0..TASKS).map(|task| {
        let (fixture, limiter, all) = (Arc::clone(&fixture), Arc::clone(&limiters[task as usize % 2]), all.clone());
        let (log, rng) = (Arc::clone(&log), SeededRng::fixed(rng.next_u64()));
        tokio::spawn(async move { call(&fixture, &limiter, &all, &log, rng).await })
    });
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().for_each(|done| done.unwrap());
    for scope in &all {
        let calls = log.calls(scope);
        match scope.quota() {
            Quota::SlidingWindow { limit, span } => {
                assert_within_limit(&calls, limit as usize, span);
                assert!(calls.len() > limit as usize, "{scope:?} was hardly used: {}", calls.len());
            }
            Quota::FixedWindow { limit, .. } => assert!(calls.len() <= limit as usize, "{scope:?}: {}", calls.len()),
            Quota::TokenBucket { .. } => panic!("{scope:?}: windows do not describe a token bucket"),
        }
    }
    assert!(
        limiters.iter().all(|limiter| limiter.status().outages == 0),
        "a limiter lost Redis: this measured the local limiter"
    );
}

/// The n-th admitted call was counted no earlier than the n-th was requested: the first of any `limit + 1` calls must be
/// requested more than a window before the last is admitted.
fn assert_within_limit(calls: &[Call], limit: usize, span: Duration) {
    let (mut requested, mut admitted): (Vec<_>, Vec<_>) = calls.iter().copied().unzip();
    requested.sort_unstable();
    admitted.sort_unstable();
    for first in 0..calls.len().saturating_sub(limit) {
        let apart = admitted[first + limit].saturating_sub(requested[first]);
        assert!(
            apart + Duration::from_millis(1) >= span + WINDOW_MARGIN,
            "{} calls within {apart:?} of {span:?}",
            limit + 1
        );
        let apart = admitted[first + limit] - admitted[first];
        assert!(apart >= span, "{} calls admitted within {apart:?} of {span:?}", limit + 1);
    }
}
