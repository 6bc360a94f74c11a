//! The exact rule of shared limits, whatever is asked for at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use sidecar_core::rate_limit::{Decision, Priority, Quota, RateLimiter, Scope};
use sidecar_store::redis::RedisLimiter;
use sidecar_tests::Chance;

use crate::desk::{DAY, Desk};

const TIME: Duration = Duration::from_secs(4);
const TASKS: u64 = 48;
/// How much longer than its span a window counts.
const MARGIN: Duration = Duration::from_millis(250);

/// When a call was asked for and when it was let go: Redis counted it in between.
type Call = (Duration, Duration);

/// The calls that were let go, by scope.
#[derive(Debug, Default)]
struct Book(Mutex<HashMap<String, Vec<Call>>>);

impl Book {
    fn write(&self, scopes: &[Scope], call: Call) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.iter().for_each(|scope| book.entry(scope.key().to_owned()).or_default().push(call));
    }

    fn of(&self, scope: &Scope) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(scope.key()).cloned().unwrap_or_default()
    }
}

fn scopes(chance: &mut Chance) -> Vec<Scope> {
    let mut scopes: Vec<_> = (0..5)
        .map(|n| {
            let limit = u32::try_from(chance.within(1..12)).unwrap();
            Scope::sliding_window(format!("w{n}"), limit, Duration::from_millis(chance.within(100..900)))
        })
        .collect();
    scopes.push(Scope::fixed_window("budget", u32::try_from(chance.within(20..200)).unwrap(), DAY));
    scopes
}

/// Asks for random scopes until the time is over, and keeps the waits that it is told.
async fn call(desk: &Desk, limiter: &RedisLimiter, all: &[Scope], book: &Book, mut chance: Chance) {
    while desk.clock.monotonic() < TIME {
        let mut scopes = all.to_vec();
        chance.shuffle(&mut scopes);
        scopes.truncate(1 + chance.index(3));
        let lane = if chance.percent(20) { Priority::Background } else { Priority::Interactive };
        let asked = desk.clock.monotonic();
        match limiter.try_acquire(&scopes, lane).await.unwrap() {
            Decision::Go => book.write(&scopes, (asked, desk.clock.monotonic())),
            Decision::Wait(wait) => desk.sleep(wait.min(Duration::from_millis(chance.within(1..200)))).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_window_is_ever_overrun_whatever_is_asked_for_at_once() {
    let mut chance = Chance::new("redis limits");
    let (desk, book) = (Arc::new(Desk::new().await), Arc::new(Book::default()));
    let all = scopes(&mut chance);
    let limiters = [Arc::new(desk.another()), Arc::new(desk.another())];
    let tasks = (0..TASKS).map(|task| {
        let (desk, limiter, all) = (Arc::clone(&desk), Arc::clone(&limiters[task as usize % 2]), all.clone());
        let (book, chance) = (Arc::clone(&book), Chance::fixed(chance.number()));
        tokio::spawn(async move { call(&desk, &limiter, &all, &book, chance).await })
    });
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().for_each(|done| done.unwrap());
    for scope in &all {
        let calls = book.of(scope);
        match scope.quota() {
            Quota::SlidingWindow { limit, span } => {
                never_more(&calls, limit as usize, span);
                assert!(calls.len() > limit as usize, "{scope:?} was hardly used: {}", calls.len());
            }
            Quota::FixedWindow { limit, .. } => assert!(calls.len() <= limit as usize, "{scope:?}: {}", calls.len()),
            Quota::TokenBucket { .. } => panic!("{scope:?}: what a pace lets go is not told by windows"),
        }
    }
    assert!(limiters.iter().all(|limiter| limiter.status().losses == 0), "this measured the local limiter");
}

/// The n-th call that was let go was counted no earlier than the n-th was asked for: so the first of any `limit + 1` was
/// asked for more than a window before the last was let go.
fn never_more(calls: &[Call], limit: usize, span: Duration) {
    let (mut asked, mut gone): (Vec<_>, Vec<_>) = calls.iter().copied().unzip();
    asked.sort_unstable();
    gone.sort_unstable();
    for first in 0..calls.len().saturating_sub(limit) {
        let apart = gone[first + limit].saturating_sub(asked[first]);
        assert!(apart + Duration::from_millis(1) >= span + MARGIN, "{} calls within {apart:?} of {span:?}", limit + 1);
        let apart = gone[first + limit] - gone[first];
        assert!(apart >= span, "{} calls left within {apart:?} of {span:?}", limit + 1);
    }
}
