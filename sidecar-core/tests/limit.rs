//! Limits: everything that is allowed at once, and never more than is allowed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use proptest::prelude::*;
use sidecar_core::{
    Timestamp,
    limit::{Decision, Feedback, Lane, LocalLimiter, RateLimiter, Scope, Usage},
    test_util::ManualClock,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// A limiter and its clock, asked without a runtime (in process it never waits).
struct Desk {
    clock: Arc<ManualClock>,
    limiter: LocalLimiter,
}

impl Desk {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        Self {
            limiter: LocalLimiter::new(Arc::clone(&clock) as _),
            clock,
        }
    }

    fn ask(&self, scopes: &[Scope], lane: Lane) -> Decision {
        self.limiter.try_acquire(scopes, lane).now_or_never().unwrap().unwrap()
    }

    fn go(&self, scope: &Scope) -> bool {
        self.ask(std::slice::from_ref(scope), Lane::Interactive) == Decision::Go
    }

    fn wait(&self, scope: &Scope, lane: Lane) -> Duration {
        match self.ask(std::slice::from_ref(scope), lane) {
            Decision::Go => Duration::ZERO,
            Decision::Wait(wait) => wait,
        }
    }

    /// How many calls go at once.
    fn burst(&self, scope: &Scope, lane: Lane) -> usize {
        (0..1_000_000).take_while(|_| self.wait(scope, lane).is_zero()).count()
    }

    fn observe(&self, scope: &Scope, set: impl FnOnce(&mut Feedback)) {
        let mut feedback = Feedback::new(scope.clone());
        set(&mut feedback);
        self.limiter.observe(&feedback).now_or_never().unwrap().unwrap();
    }

    fn usage(&self, scope: &Scope) -> Usage {
        self.limiter.usage(scope).now_or_never().unwrap().unwrap()
    }
}

fn burst_scope() -> Scope {
    Scope::window("burst", 100, SECOND * 10)
}

fn day_scope() -> Scope {
    Scope::budget("day", 200_000, DAY)
}

// --- simulation -----------------------------------------------------------------------------------------------------

/// What a provider saw in a simulation.
#[derive(Debug)]
struct Seen {
    refused: usize,
    accepted_at: Vec<Duration>,
}

impl Seen {
    fn between(&self, from: Duration, to: Duration) -> usize {
        self.accepted_at.iter().filter(|at| (from..to).contains(*at)).count()
    }
}

/// A provider that takes 100 calls per 10 s: in windows of the wall clock, or sliding.
struct Provider {
    sliding: bool,
    window: Option<u128>,
    counted: VecDeque<Duration>,
}

impl Provider {
    fn used(&mut self, at: Duration) -> usize {
        if self.sliding {
            while self.counted.front().is_some_and(|early| *early + SECOND * 10 <= at) {
                self.counted.pop_front();
            }
        } else {
            let window = Some((at + Duration::from_millis(3_300)).as_millis() / 10_000);
            if self.window != window {
                self.window = window;
                self.counted.clear();
            }
        }
        self.counted.len()
    }
}

fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// 64 callers who want as much as they can get, for two minutes; answers carry what remains.
fn simulate(sliding: bool, lane: Lane, feedback: bool, seed: u64) -> Seen {
    enum Step {
        Ask,
        Arrive,
        Answer(Option<u32>),
    }
    let (desk, scopes) = (Desk::new(), [burst_scope(), day_scope()]);
    let mut provider = Provider {
        sliding,
        window: None,
        counted: VecDeque::new(),
    };
    let mut seen = Seen {
        refused: 0,
        accepted_at: Vec::new(),
    };
    let mut seed = seed | 1;
    let mut steps: Vec<Step> = (0..64).map(|_| Step::Ask).collect();
    let mut queue: BinaryHeap<Reverse<(Duration, usize)>> = (0..64)
        .map(|caller| Reverse((Duration::from_micros(caller as u64), caller)))
        .collect();
    let mut now = Duration::ZERO;
    while let Some(Reverse((at, caller))) = queue.pop().filter(|Reverse((at, _))| *at <= SECOND * 120) {
        desk.clock.advance(at - now);
        now = at;
        // 20 to 250 ms there and back together.
        let way = Duration::from_micros(10_000 + random(&mut seed) % 115_000);
        let (step, after) = match steps[caller] {
            Step::Ask => match desk.ask(&scopes, lane) {
                Decision::Go => (Step::Arrive, way),
                Decision::Wait(wait) => (Step::Ask, wait),
            },
            Step::Arrive => {
                if provider.used(now) >= 100 {
                    seen.refused += 1;
                    (Step::Answer(Some(0)), way)
                } else {
                    provider.counted.push_back(now);
                    seen.accepted_at.push(now);
                    (Step::Answer(u32::try_from(100 - provider.counted.len()).ok()), way)
                }
            }
            Step::Answer(remaining) => {
                if feedback {
                    desk.observe(&scopes[0], |f| (f.limit, f.remaining) = (Some(100), remaining));
                }
                (Step::Ask, Duration::ZERO)
            }
        };
        steps[caller] = step;
        queue.push(Reverse((now + after, caller)));
    }
    seen
}

#[test]
fn no_call_is_refused_and_the_whole_quota_is_used() {
    for sliding in [false, true] {
        for feedback in [false, true] {
            for seed in [0x9E37_79B9_7F4A_7C15, 7, 4_242] {
                let seen = simulate(sliding, Lane::Interactive, feedback, seed);
                let used = seen.between(SECOND * 10, SECOND * 120);
                let context = format!("sliding {sliding}, feedback {feedback}, seed {seed}: {used} of 1100");
                assert_eq!(seen.refused, 0, "{context}");
                assert!(used >= 1_045, "{context}");
                assert!(seen.accepted_at[99] < SECOND, "{context}: the first 100 go at once");
            }
        }
    }
}

#[test]
fn the_background_lane_alone_is_never_refused_and_uses_nine_tenths() {
    for sliding in [false, true] {
        let seen = simulate(sliding, Lane::Background, true, 7);
        let used = seen.between(SECOND * 10, SECOND * 120);
        assert!(
            seen.refused == 0 && used >= 990,
            "sliding {sliding}: {} refused, {used} of 1100",
            seen.refused
        );
        assert!(seen.between(Duration::ZERO, SECOND) <= 15, "evenly from the start");
    }
}

proptest! {
    #[test]
    fn never_more_than_the_limit_in_any_span_and_a_wait_that_is_kept_is_enough(
        limit in 1_u32..20,
        span_millis in 200_u64..3_000,
        pauses in proptest::collection::vec(0_u64..400, 1..300),
    ) {
        let (desk, span) = (Desk::new(), Duration::from_millis(span_millis));
        let scope = Scope::window("w", limit, span);
        let (mut now, mut gone) = (Duration::ZERO, Vec::new());
        for pause in pauses {
            let pause = Duration::from_millis(pause);
            desk.clock.advance(pause);
            now += pause;
            let wait = desk.wait(&scope, Lane::Interactive);
            if !wait.is_zero() {
                prop_assert!(wait <= span + Duration::from_millis(250));
                if pause.as_millis().is_multiple_of(3) {
                    continue;
                }
                desk.clock.advance(wait);
                now += wait;
                prop_assert!(desk.go(&scope), "the wait that was told is enough for one caller");
            }
            gone.push(now);
        }
        for window in gone.windows(limit as usize + 1) {
            let apart = window[limit as usize] - window[0];
            prop_assert!(apart >= span + Duration::from_millis(250), "{} calls within {apart:?}", limit + 1);
        }
    }

    #[test]
    fn the_servers_word_never_makes_a_window_looser(
        steps in proptest::collection::vec((0_u64..500, proptest::option::of(0_u32..12)), 1..200),
    ) {
        let (told, untold) = (Desk::new(), Desk::new());
        let scope = Scope::window("w", 10, SECOND);
        for (pause, remaining) in steps {
            told.clock.advance(Duration::from_millis(pause));
            untold.clock.advance(Duration::from_millis(pause));
            told.observe(&scope, |f| f.remaining = remaining);
            if told.go(&scope) {
                prop_assert!(untold.go(&scope));
            }
        }
    }
}

// --- all or none ----------------------------------------------------------------------------------------------------

#[test]
fn scopes_are_taken_all_or_none() {
    let desk = Desk::new();
    let (slow, quick) = (Scope::window("slow", 1, SECOND * 10), Scope::window("quick", 1, SECOND));
    let (pace, budget) = (Scope::pace("pace", 1.0, 1), Scope::budget("budget", 5, DAY));
    let all = [quick.clone(), pace.clone(), budget.clone(), slow.clone()];
    assert_eq!(desk.ask(&all, Lane::Interactive), Decision::Go);
    desk.clock.advance(SECOND * 5);
    assert_eq!(
        desk.ask(&all, Lane::Interactive),
        Decision::Wait(SECOND * 5 + Duration::from_millis(250))
    );
    assert!(desk.go(&quick), "the refused call took nothing from the window");
    assert!(desk.go(&pace), "nor from the pace");
    assert_eq!(desk.usage(&budget).used, 1, "nor from the budget");
}

#[test]
fn a_refused_pace_takes_nothing_from_another_pace() {
    let desk = Desk::new();
    let (a, b) = (Scope::pace("a", 1.0, 1), Scope::pace("b", 1.0, 1));
    assert!(desk.go(&b));
    assert_eq!(desk.ask(&[a.clone(), b], Lane::Interactive), Decision::Wait(SECOND));
    assert!(desk.go(&a));
}

#[test]
fn a_scope_named_twice_or_counted_in_two_ways_is_an_error() {
    let desk = Desk::new();
    let ask = |scopes: &[Scope]| {
        desk.limiter
            .try_acquire(scopes, Lane::Interactive)
            .now_or_never()
            .unwrap()
    };
    assert!(
        ask(&[burst_scope(), burst_scope()])
            .unwrap_err()
            .to_string()
            .contains("`burst` is named twice")
    );
    assert_eq!(ask(&[burst_scope()]).unwrap(), Decision::Go);
    assert!(
        ask(&[Scope::budget("burst", 1, DAY)])
            .unwrap_err()
            .to_string()
            .contains("a key of its own")
    );
}

#[test]
fn other_keys_are_other_counters() {
    let desk = Desk::new();
    assert_eq!(desk.burst(&burst_scope(), Lane::Interactive), 100);
    assert_eq!(
        desk.burst(&Scope::window("other", 100, SECOND * 10), Lane::Interactive),
        100
    );
    assert_eq!(
        desk.ask(&[], Lane::Interactive),
        Decision::Go,
        "a call without limits goes"
    );
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let desk = Desk::new();
    assert!(!desk.go(&Scope::window("w", 0, SECOND)));
    assert!(!desk.go(&Scope::budget("b", 0, SECOND)));
}

// --- lanes ----------------------------------------------------------------------------------------------------------

#[test]
fn background_calls_come_evenly_and_leave_room_for_people() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!(desk.burst(&scope, Lane::Background), 5);
    let wait = desk.wait(&scope, Lane::Background);
    assert!((105..=106).contains(&wait.as_millis()), "9.5 per second: {wait:?}");
    assert_eq!(desk.burst(&scope, Lane::Interactive), 95, "people are not paced");

    let desk = Desk::new();
    let people = (0..95).filter(|_| desk.go(&scope)).count();
    assert_eq!(
        (people, desk.burst(&scope, Lane::Background)),
        (95, 0),
        "the last 5 % are for people"
    );
    assert_eq!(desk.burst(&scope, Lane::Interactive), 5);
}

#[test]
fn background_calls_never_take_the_last_tenth_of_a_budget() {
    let desk = Desk::new();
    let scope = Scope::budget("day", 50, DAY);
    assert_eq!(desk.burst(&scope, Lane::Background), 45);
    assert_eq!(desk.burst(&scope, Lane::Interactive), 5);
}

// --- budgets --------------------------------------------------------------------------------------------------------

#[test]
fn a_budget_starts_anew_a_day_after_its_first_call() {
    let desk = Desk::new();
    let scope = Scope::budget("day", 3, DAY);
    desk.clock.advance(SECOND);
    assert_eq!(desk.burst(&scope, Lane::Interactive), 3);
    desk.clock.advance(SECOND * 60);
    assert_eq!(desk.wait(&scope, Lane::Interactive), DAY - SECOND * 60);
    desk.clock.advance(DAY - SECOND * 60);
    assert_eq!(desk.burst(&scope, Lane::Interactive), 3);
}

#[test]
fn a_used_up_day_blocks_until_the_servers_reset() {
    let desk = Desk::new();
    let scope = day_scope();
    desk.observe(&scope, |f| {
        (f.remaining, f.reset_after) = (Some(0), Some(SECOND * 3_600))
    });
    assert_eq!(desk.wait(&scope, Lane::Interactive), SECOND * 3_600);
    assert_eq!(
        desk.usage(&scope),
        Usage {
            used: 200_000,
            limit: 200_000,
            resets_in: Some(SECOND * 3_600)
        }
    );
    desk.clock.advance(SECOND * 3_600);
    assert!(desk.go(&scope));
    assert_eq!(desk.usage(&scope).used, 1);
}

// --- feedback -------------------------------------------------------------------------------------------------------

#[test]
fn calls_of_others_on_the_same_quota_are_counted() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert!(desk.go(&scope));
    desk.observe(&scope, |f| f.remaining = Some(40));
    assert_eq!(desk.usage(&scope).used, 60);
    assert_eq!(desk.burst(&scope, Lane::Interactive), 40);
}

#[test]
fn a_late_answer_does_not_count_our_own_calls_twice() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!((0..50).filter(|_| desk.go(&scope)).count(), 50);
    // The server had seen 30 of the 50 when it answered.
    desk.observe(&scope, |f| f.remaining = Some(70));
    assert_eq!(desk.burst(&scope, Lane::Interactive), 50);
    // The last answers of the burst come when it has just left our window.
    desk.clock.advance(SECOND * 10 + Duration::from_millis(300));
    desk.observe(&scope, |f| f.remaining = Some(0));
    assert_eq!(desk.burst(&scope, Lane::Interactive), 100);
}

#[test]
fn the_quota_follows_the_servers_limit_up_and_down() {
    for (limit, burst) in [(150, 150), (60, 60), (0, 100)] {
        let desk = Desk::new();
        let scope = burst_scope();
        desk.observe(&scope, |f| f.limit = Some(limit));
        assert_eq!(desk.burst(&scope, Lane::Interactive), burst, "the server said {limit}");
        assert_eq!(desk.usage(&scope).limit as usize, burst);
    }
}

#[test]
fn a_wait_that_the_server_asks_for_closes_the_scope() {
    for scope in [burst_scope(), day_scope(), Scope::pace("pace", 10.0, 5)] {
        let desk = Desk::new();
        desk.observe(&scope, |f| f.retry_after = Some(SECOND * 7));
        assert_eq!(desk.wait(&scope, Lane::Interactive), SECOND * 7, "{scope:?}");
        desk.observe(&scope, |f| f.retry_after = Some(SECOND));
        desk.clock.advance(SECOND * 2);
        assert_eq!(
            desk.wait(&scope, Lane::Interactive),
            SECOND * 5,
            "a shorter wait does not open it"
        );
        desk.clock.advance(SECOND * 5);
        assert!(desk.go(&scope));
    }
}

#[test]
fn absurd_answers_neither_panic_nor_overflow() {
    for scope in [burst_scope(), day_scope(), Scope::pace("pace", f64::NAN, 0)] {
        let desk = Desk::new();
        desk.observe(&scope, |f| {
            (f.limit, f.remaining) = (Some(u32::MAX), Some(0));
            (f.reset_after, f.retry_after) = (Some(Duration::MAX), Some(Duration::MAX));
        });
        assert!(!desk.go(&scope));
        desk.clock.advance(DAY);
        desk.observe(&scope, |f| (f.limit, f.remaining) = (Some(1), Some(u32::MAX)));
        let _ = desk.usage(&scope);
    }
}

// --- sharing and memory ---------------------------------------------------------------------------------------------

#[test]
fn several_processes_keep_to_equal_parts() {
    let desk = Desk::new();
    desk.limiter.set_processes(4);
    assert_eq!(desk.burst(&burst_scope(), Lane::Interactive), 25);
    assert_eq!(desk.burst(&Scope::budget("day", 40, DAY), Lane::Interactive), 10);
    assert_eq!(desk.burst(&Scope::pace("pace", 8.0, 8), Lane::Interactive), 2);
    // What the others did leaves our part alone as long as the whole has room.
    desk.clock.advance(SECOND * 20);
    desk.observe(&burst_scope(), |f| f.remaining = Some(50));
    assert_eq!(desk.burst(&burst_scope(), Lane::Interactive), 25);
    desk.limiter.set_processes(1);
    assert_eq!(
        desk.burst(&burst_scope(), Lane::Interactive),
        25,
        "50 of theirs, 25 + 25 of ours"
    );
}

#[test]
fn idle_scopes_are_forgotten() {
    let desk = Desk::new();
    for i in 0..10_000 {
        desk.clock.advance(Duration::from_millis(100));
        assert!(desk.go(&Scope::window(format!("burst:{i}"), 100, SECOND * 10)));
    }
    assert!(
        desk.limiter.tracked() < 1_000,
        "{} of 10000 after 1000 s",
        desk.limiter.tracked()
    );
    desk.clock.advance(SECOND * 100);
    assert!(desk.go(&burst_scope()));
    assert_eq!(desk.limiter.tracked(), 1);
}

#[test]
fn usage_says_how_much_is_used_and_when_it_is_free() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!(
        desk.usage(&scope),
        Usage {
            used: 0,
            limit: 100,
            resets_in: None
        }
    );
    assert!(desk.go(&scope));
    desk.clock.advance(SECOND);
    let expected = Usage {
        used: 1,
        limit: 100,
        resets_in: Some(Duration::from_millis(9_250)),
    };
    assert_eq!(desk.usage(&scope), expected);
}
