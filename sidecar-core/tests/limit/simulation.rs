//! Two simulated minutes against a provider that counts, and the exact rule as a property.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use sidecar_core::rate_limit::{Decision, Priority, Scope};

use crate::desk::{Desk, SECOND, burst_scope, day_scope};

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

/// How the way of a call is.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// 20 to 250 ms there and back together.
    Usual,
    /// One in four calls takes up to 2 s each way: far more than the margin.
    Clogged,
}

impl Way {
    fn random(self, seed: &mut u64) -> Duration {
        let usual = Duration::from_micros(10_000 + random(seed) % 115_000);
        match self {
            Self::Clogged if random(seed).is_multiple_of(4) => usual + Duration::from_micros(random(seed) % 2_000_000),
            _ => usual,
        }
    }
}

/// 64 callers who want as much as they can get, for two minutes; answers carry what remains, if `feedback`, and come as
/// they come.
fn simulate(sliding: bool, lane: Priority, feedback: bool, way: Way, seed: u64) -> Seen {
    enum Step {
        Ask,
        Arrive(Duration),
        Answer(Option<u32>, Duration),
    }
    let (desk, scopes) = (Desk::new(), [burst_scope(), day_scope()]);
    let mut provider = Provider { sliding, window: None, counted: VecDeque::new() };
    let mut seen = Seen { refused: 0, accepted_at: Vec::new() };
    let mut seed = seed | 1;
    let mut steps: Vec<Step> = (0..64).map(|_| Step::Ask).collect();
    let mut queue: BinaryHeap<Reverse<(Duration, usize)>> =
        (0..64).map(|caller| Reverse((Duration::from_micros(caller as u64), caller))).collect();
    let mut now = Duration::ZERO;
    while let Some(Reverse((at, caller))) = queue.pop().filter(|Reverse((at, _))| *at <= SECOND * 120) {
        desk.clock.advance(at - now);
        now = at;
        let way = way.random(&mut seed);
        let (step, after) = match steps[caller] {
            Step::Ask => match desk.ask(&scopes, lane) {
                Decision::Go => (Step::Arrive(now), way),
                Decision::Wait(wait) => (Step::Ask, wait),
            },
            Step::Arrive(let_go) => {
                if provider.used(now) >= 100 {
                    seen.refused += 1;
                    (Step::Answer(Some(0), let_go), way)
                } else {
                    provider.counted.push_back(now);
                    seen.accepted_at.push(now);
                    (Step::Answer(u32::try_from(100 - provider.counted.len()).ok(), let_go), way)
                }
            }
            Step::Answer(remaining, let_go) => {
                desk.observe(&scopes[0], |f| f.took = Some(now - let_go));
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
                let seen = simulate(sliding, Priority::Interactive, feedback, Way::Usual, seed);
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
fn no_call_is_refused_however_uneven_the_way_is() {
    for (sliding, feedback) in [(false, false), (false, true), (true, false), (true, true)] {
        for seed in [0x9E37_79B9_7F4A_7C15, 7, 4_242] {
            let seen = simulate(sliding, Priority::Interactive, feedback, Way::Clogged, seed);
            let used = seen.between(SECOND * 10, SECOND * 120);
            let context = format!("sliding {sliding}, feedback {feedback}, seed {seed}: {used} of 1100");
            assert_eq!(seen.refused, 0, "{context}");
            assert!(used >= 900, "{context}");
        }
    }
}

#[test]
fn the_background_lane_alone_is_never_refused_and_uses_nine_tenths() {
    for sliding in [false, true] {
        let seen = simulate(sliding, Priority::Background, true, Way::Usual, 7);
        let used = seen.between(SECOND * 10, SECOND * 120);
        assert!(seen.refused == 0 && used >= 990, "sliding {sliding}: {} refused, {used} of 1100", seen.refused);
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
        let scope = Scope::sliding_window("w", limit, span);
        let (mut now, mut gone) = (Duration::ZERO, Vec::new());
        for pause in pauses {
            let pause = Duration::from_millis(pause);
            desk.clock.advance(pause);
            now += pause;
            let wait = desk.wait(&scope, Priority::Interactive);
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
        let scope = Scope::sliding_window("w", 10, SECOND);
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
