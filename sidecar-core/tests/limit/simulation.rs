//! Two simulated minutes against a provider with the same quota, and the window rule as a property.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use sidecar_core::rate_limit::{Decision, Priority, Scope};

use crate::harness::{Harness, SECOND, burst_scope, day_scope};

/// What the provider received in a simulation.
#[derive(Debug)]
struct Received {
    rejected: usize,
    accepted_at: Vec<Duration>,
}

impl Received {
    fn between(&self, from: Duration, to: Duration) -> usize {
        self.accepted_at.iter().filter(|at| (from..to).contains(*at)).count()
    }
}

/// A provider that accepts 100 calls per 10 s, in wall-clock windows or in a sliding window.
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

/// The network latency of a call.
#[derive(Debug, Clone, Copy)]
enum Latency {
    /// 20 to 250 ms for the round trip.
    Normal,
    /// One in four calls takes up to 2 s in each direction, far more than the limiter's margin.
    Congested,
}

impl Latency {
    fn random(self, seed: &mut u64) -> Duration {
        let normal = Duration::from_micros(10_000 + random(seed) % 115_000);
        match self {
            Self::Congested if random(seed).is_multiple_of(4) => {
                normal + Duration::from_micros(random(seed) % 2_000_000)
            }
            _ => normal,
        }
    }
}

/// Simulates 64 callers that call as often as the limiter admits for two minutes. Responses may arrive out of order; with
/// `feedback` they carry the remaining quota.
fn simulate(sliding: bool, priority: Priority, feedback: bool, latency: Latency, seed: u64) -> Received {
    enum Step {
        Acquire,
        Arrive(Duration),
        Respond(Option<u32>, Duration),
    }
    let (harness, scopes) = (Harness::new(), [burst_scope(), day_scope()]);
    let mut provider = Provider { sliding, window: None, counted: VecDeque::new() };
    let mut received = Received { rejected: 0, accepted_at: Vec::new() };
    let mut seed = seed | 1;
    let mut steps: Vec<Step> = (0..64).map(|_| Step::Acquire).collect();
    let mut queue: BinaryHeap<Reverse<(Duration, usize)>> =
        (0..64).map(|caller| Reverse((Duration::from_micros(caller as u64), caller))).collect();
    let mut now = Duration::ZERO;
    while let Some(Reverse((at, caller))) = queue.pop().filter(|Reverse((at, _))| *at <= SECOND * 120) {
        harness.clock.advance(at - now);
        now = at;
        let delay = latency.random(&mut seed);
        let (step, after) = match steps[caller] {
            Step::Acquire => match harness.try_acquire(&scopes, priority) {
                Decision::Go => (Step::Arrive(now), delay),
                Decision::Wait(wait) => (Step::Acquire, wait),
            },
            Step::Arrive(admitted_at) => {
                if provider.used(now) >= 100 {
                    received.rejected += 1;
                    (Step::Respond(Some(0), admitted_at), delay)
                } else {
                    provider.counted.push_back(now);
                    received.accepted_at.push(now);
                    (Step::Respond(u32::try_from(100 - provider.counted.len()).ok(), admitted_at), delay)
                }
            }
            Step::Respond(remaining, admitted_at) => {
                harness.observe(&scopes[0], |f| f.took = Some(now - admitted_at));
                if feedback {
                    harness.observe(&scopes[0], |f| (f.limit, f.remaining) = (Some(100), remaining));
                }
                (Step::Acquire, Duration::ZERO)
            }
        };
        steps[caller] = step;
        queue.push(Reverse((now + after, caller)));
    }
    received
}

#[test]
fn no_call_is_rejected_and_the_whole_quota_is_used() {
    for sliding in [false, true] {
        for feedback in [false, true] {
            for seed in [0x9E37_79B9_7F4A_7C15, 7, 4_242] {
                let received = simulate(sliding, Priority::Interactive, feedback, Latency::Normal, seed);
                let used = received.between(SECOND * 10, SECOND * 120);
                let context = format!("sliding {sliding}, feedback {feedback}, seed {seed}: {used} of 1100");
                assert_eq!(received.rejected, 0, "{context}");
                assert!(used >= 1_045, "{context}");
                assert!(received.accepted_at[99] < SECOND, "{context}: the first 100 go at once");
            }
        }
    }
}

#[test]
fn no_call_is_rejected_however_uneven_the_latency_is() {
    for (sliding, feedback) in [(false, false), (false, true), (true, false), (true, true)] {
        for seed in [0x9E37_79B9_7F4A_7C15, 7, 4_242] {
            let received = simulate(sliding, Priority::Interactive, feedback, Latency::Congested, seed);
            let used = received.between(SECOND * 10, SECOND * 120);
            let context = format!("sliding {sliding}, feedback {feedback}, seed {seed}: {used} of 1100");
            assert_eq!(received.rejected, 0, "{context}");
            assert!(used >= 900, "{context}");
        }
    }
}

#[test]
fn background_calls_alone_are_never_rejected_and_use_nine_tenths() {
    for sliding in [false, true] {
        let received = simulate(sliding, Priority::Background, true, Latency::Normal, 7);
        let used = received.between(SECOND * 10, SECOND * 120);
        assert!(
            received.rejected == 0 && used >= 990,
            "sliding {sliding}: {} rejected, {used} of 1100",
            received.rejected
        );
        assert!(received.between(Duration::ZERO, SECOND) <= 15, "calls are spread evenly from the start");
    }
}

proptest! {
    #[test]
    fn no_span_exceeds_the_limit_and_the_reported_wait_suffices(
        limit in 1_u32..20,
        span_millis in 200_u64..3_000,
        pauses in proptest::collection::vec(0_u64..400, 1..300),
    ) {
        let (harness, span) = (Harness::new(), Duration::from_millis(span_millis));
        let scope = Scope::sliding_window("w", limit, span);
        let (mut now, mut admitted) = (Duration::ZERO, Vec::new());
        for pause in pauses {
            let pause = Duration::from_millis(pause);
            harness.clock.advance(pause);
            now += pause;
            let wait = harness.wait_for(&scope, Priority::Interactive);
            if !wait.is_zero() {
                prop_assert!(wait <= span + Duration::from_millis(250));
                if pause.as_millis().is_multiple_of(3) {
                    continue;
                }
                harness.clock.advance(wait);
                now += wait;
                prop_assert!(harness.admits(&scope), "one caller is admitted after the reported wait");
            }
            admitted.push(now);
        }
        for window in admitted.windows(limit as usize + 1) {
            let apart = window[limit as usize] - window[0];
            prop_assert!(apart >= span + Duration::from_millis(250), "{} calls within {apart:?}", limit + 1);
        }
    }

    #[test]
    fn server_feedback_never_makes_a_window_looser(
        steps in proptest::collection::vec((0_u64..500, proptest::option::of(0_u32..12)), 1..200),
    ) {
        let (informed, uninformed) = (Harness::new(), Harness::new());
        let scope = Scope::sliding_window("w", 10, SECOND);
        for (pause, remaining) in steps {
            informed.clock.advance(Duration::from_millis(pause));
            uninformed.clock.advance(Duration::from_millis(pause));
            informed.observe(&scope, |f| f.remaining = remaining);
            if informed.admits(&scope) {
                prop_assert!(uninformed.admits(&scope));
            }
        }
    }
}
