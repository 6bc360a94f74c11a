//! Retries: which failures may be retried, when, how often, and when the circuit opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;
use sidecar_core::{
    ErrorKind, SendState,
    retry::{
        AttemptFailure, Breaker, IdempotencyKey, Replay, RetryBudget, RetryDecision, RetryPolicy, Retryable,
        StopReason, classify, next,
    },
};

const SECOND: Duration = Duration::from_secs(1);

fn failure(kind: ErrorKind, status: u16, sent: SendState) -> AttemptFailure {
    AttemptFailure { kind, status: StatusCode::from_u16(status).ok(), sent, exhausted: false }
}

#[test]
fn a_create_that_may_have_taken_effect_is_not_retried() {
    let key = Replay::WithKey(IdempotencyKey::random());
    for failure in [
        failure(ErrorKind::Transport, 0, SendState::Unknown),
        failure(ErrorKind::Server, 500, SendState::Responded),
        failure(ErrorKind::Server, 503, SendState::Responded),
        failure(ErrorKind::Server, 522, SendState::Responded),
    ] {
        assert_eq!(classify(failure, &Replay::OnlyIfNotSent), Retryable::No, "{failure:?}");
        assert_eq!(classify(failure, &Replay::Safe), Retryable::Transient, "{failure:?}");
        assert_eq!(classify(failure, &key), Retryable::Transient, "{failure:?}");
    }
}

#[test]
fn a_request_that_was_not_sent_is_always_retryable() {
    for kind in [ErrorKind::Transport, ErrorKind::Server, ErrorKind::Store] {
        assert_eq!(
            classify(failure(kind, 0, SendState::NotSent), &Replay::OnlyIfNotSent),
            Retryable::Transient,
            "{kind:?}"
        );
    }
}

#[test]
fn a_429_is_retryable_for_every_call_unless_the_day_is_exhausted() {
    let burst = failure(ErrorKind::RateLimited, 429, SendState::Responded);
    assert_eq!(classify(burst, &Replay::OnlyIfNotSent), Retryable::Throttled);
    assert_eq!(classify(AttemptFailure { exhausted: true, ..burst }, &Replay::Safe), Retryable::No);
}

#[test]
fn invalid_calls_are_never_retried() {
    for kind in [
        ErrorKind::Auth,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Rejected,
        ErrorKind::Deadline,
        ErrorKind::Decode,
        ErrorKind::InvalidInput,
    ] {
        for sent in [SendState::NotSent, SendState::Unknown, SendState::Responded] {
            assert_eq!(classify(failure(kind, 400, sent), &Replay::Safe), Retryable::No, "{kind:?}");
        }
    }
    for status in [400, 401, 404, 408, 409, 422, 501, 505] {
        let unretryable = failure(ErrorKind::Server, status, SendState::Responded);
        assert_eq!(classify(unretryable, &Replay::Safe), Retryable::No, "{status}");
    }
}

#[test]
fn random_keys_differ() {
    assert_ne!(IdempotencyKey::random(), IdempotencyKey::random());
}

#[test]
fn waits_double_up_to_the_cap_and_attempts_end() {
    let policy = RetryPolicy { max_attempts: 5, base: Duration::from_millis(200), cap: SECOND };
    let waits: Vec<_> = (1..=5).map(|n| next(&policy, n, Retryable::Transient, None, None, 1.0)).collect();
    let after = |millis| RetryDecision::RetryAfter(Duration::from_millis(millis));
    assert_eq!(waits, [after(200), after(400), after(800), after(1_000), RetryDecision::Stop(StopReason::Attempts)]);
    assert_eq!(next(&policy, 1, Retryable::Transient, None, None, 0.0), after(0));
    let never = next(&RetryPolicy::never(), 1, Retryable::Transient, None, None, 0.0);
    assert_eq!(never, RetryDecision::Stop(StopReason::Attempts));
}

#[test]
fn the_providers_longer_wait_overrides_even_the_cap() {
    let policy = RetryPolicy::default();
    let wait = |after| next(&policy, 1, Retryable::Throttled, Some(after), None, 1.0);
    assert_eq!(wait(SECOND * 60), RetryDecision::RetryAfter(SECOND * 60));
    assert_eq!(wait(Duration::from_millis(1)), RetryDecision::RetryAfter(policy.base));
}

#[test]
fn a_wait_beyond_the_deadline_stops_at_once() {
    let decision = next(&RetryPolicy::default(), 1, Retryable::Throttled, Some(SECOND), Some(SECOND), 0.5);
    assert_eq!(decision, RetryDecision::Stop(StopReason::Deadline));
}

#[test]
fn a_policy_of_maximal_waits_does_not_overflow() {
    let policy = RetryPolicy { max_attempts: u32::MAX, base: Duration::MAX, cap: Duration::MAX };
    for attempt in [1, 2, u32::MAX - 1] {
        let decision = next(&policy, attempt, Retryable::Transient, None, None, 1.0);
        assert_eq!(decision, RetryDecision::RetryAfter(Duration::MAX), "{attempt}");
    }
}

proptest! {
    #[test]
    fn a_decision_respects_deadline_cap_and_the_providers_wait(
        attempt in any::<u32>(), max in any::<u32>(), base in any::<u32>(), cap in any::<u32>(),
        after in proptest::option::of(0_u64..100_000), remaining in proptest::option::of(0_u64..100_000),
        random in prop_oneof![0.0..=1.0, any::<f64>()], throttled in any::<bool>(),
    ) {
        let millis = Duration::from_millis;
        let policy = RetryPolicy { max_attempts: max, base: millis(base.into()), cap: millis(cap.into()) };
        let class = if throttled { Retryable::Throttled } else { Retryable::Transient };
        let (after, remaining) = (after.map(millis), remaining.map(millis));
        if let RetryDecision::RetryAfter(wait) = next(&policy, attempt, class, after, remaining, random) {
            prop_assert!(attempt < max);
            prop_assert!(remaining.is_none_or(|remaining| wait < remaining));
            prop_assert!(after.is_none_or(|after| wait >= after));
            prop_assert!(wait <= policy.cap.max(after.unwrap_or_default()));
        }
    }

    #[test]
    fn a_budget_stays_between_zero_and_its_maximum(max in 0_u32..60, steps in proptest::collection::vec(0_u8..4, 0..300)) {
        let budget = RetryBudget::new(max);
        let mut model = i64::from(max);
        for step in steps {
            let cost = match step {
                0 => { budget.on_success(); model = (model + 1).min(max.into()); continue; }
                1 => { prop_assert!(!budget.try_spend(Retryable::No)); continue; }
                2 => (14, Retryable::Transient),
                _ => (5, Retryable::Throttled),
            };
            let enough = model >= cost.0;
            prop_assert_eq!(budget.clone().try_spend(cost.1), enough);
            model -= if enough { cost.0 } else { 0 };
            prop_assert_eq!(i64::from(budget.left()), model);
        }
    }
}

#[test]
fn five_hundred_tokens_pay_for_35_retries() {
    let budget = RetryBudget::default();
    assert_eq!((0..100).filter(|_| budget.try_spend(Retryable::Transient)).count(), 35);
}

fn fail(breaker: &Breaker, times: u32, now: Duration) {
    for _ in 0..times {
        breaker.admit(now).unwrap().failure(now);
    }
}

#[test]
fn ten_failures_in_a_row_open_the_circuit_for_five_seconds() {
    let breaker = Breaker::default();
    fail(&breaker, 9, SECOND);
    breaker.admit(SECOND).unwrap().success();
    fail(&breaker, 9, SECOND);
    assert!(breaker.is_closed(), "a success in between resets the count");
    fail(&breaker, 1, SECOND);
    assert_eq!(breaker.admit(SECOND * 2).unwrap_err().retry_in, SECOND * 4);
}

#[test]
fn one_probe_closes_the_circuit_or_opens_it_after() {
    let breaker = Breaker::new(1, SECOND * 5);
    fail(&breaker, 1, SECOND);
    let probe = breaker.admit(SECOND * 6).unwrap();
    assert!(breaker.admit(SECOND * 6).is_err(), "only one probe is admitted");
    probe.failure(SECOND * 7);
    assert_eq!(breaker.admit(SECOND * 8).unwrap_err().retry_in, SECOND * 3, "counted from when the probe was sent");
    breaker.admit(SECOND * 11).unwrap().success();
    assert!(breaker.is_closed());
}

#[test]
fn a_hanging_probe_does_not_block_the_next_one() {
    let breaker = Breaker::new(1, SECOND * 5);
    fail(&breaker, 1, SECOND);
    let hanging = breaker.admit(SECOND * 6).unwrap();
    assert!(breaker.admit(SECOND * 10).is_err(), "one probe per cool-down");
    let next = breaker.admit(SECOND * 11).unwrap();
    hanging.failure(SECOND * 12);
    assert_eq!(
        breaker.admit(SECOND * 12).unwrap_err().retry_in,
        SECOND * 4,
        "the end of the hanging probe changes nothing"
    );
    next.success();
    assert!(breaker.is_closed());
}

#[test]
fn a_probe_that_ends_after_another_closed_the_circuit_changes_nothing() {
    let breaker = Breaker::new(1, SECOND * 5);
    fail(&breaker, 1, SECOND);
    let (failing, cancelled) = (breaker.admit(SECOND * 6).unwrap(), breaker.admit(SECOND * 11).unwrap());
    breaker.admit(SECOND * 16).unwrap().success();
    failing.failure(SECOND * 17);
    drop(cancelled);
    assert!(breaker.is_closed());
}

#[test]
fn a_cancelled_probe_allows_the_next_one() {
    let breaker = Breaker::new(1, SECOND * 5);
    fail(&breaker, 1, SECOND);
    drop(breaker.admit(SECOND * 6).unwrap());
    assert!(!breaker.is_closed());
    breaker.admit(SECOND * 6).unwrap().success();
    assert!(breaker.is_closed());
}

#[test]
fn responses_to_calls_from_before_the_outage_change_nothing() {
    let breaker = Breaker::new(1, SECOND * 5);
    let (early, late) = (breaker.admit(SECOND).unwrap(), breaker.admit(SECOND).unwrap());
    fail(&breaker, 1, SECOND);
    early.success();
    assert!(!breaker.is_closed());
    let probe = breaker.admit(SECOND * 6).unwrap();
    late.failure(SECOND * 6);
    assert!(breaker.admit(SECOND * 6).is_err(), "the probe is still in flight");
    probe.success();
    assert!(breaker.is_closed());
}

#[test]
fn a_cancelled_call_in_a_closed_circuit_is_not_counted() {
    let breaker = Breaker::new(2, SECOND);
    fail(&breaker, 1, SECOND);
    drop(breaker.admit(SECOND).unwrap());
    assert!(breaker.is_closed());
    fail(&breaker, 1, SECOND);
    assert!(!breaker.is_closed(), "the cancelled call did not reset the count either");
}
