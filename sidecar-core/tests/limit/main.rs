//! The local limiter admits the whole quota at once and never more than the quota.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod simulation;

use std::time::Duration;

use futures_util::FutureExt;
use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope, Usage};

use harness::{DAY, Harness, SECOND, burst_scope, day_scope};

#[test]
fn scopes_are_acquired_all_or_none() {
    let harness = Harness::new();
    let (slow, quick) = (Scope::sliding_window("slow", 1, SECOND * 10), Scope::sliding_window("quick", 1, SECOND));
    let (bucket, fixed) = (Scope::token_bucket("bucket", 1.0, 1), Scope::fixed_window("fixed", 5, DAY));
    let all = [quick.clone(), bucket.clone(), fixed.clone(), slow.clone()];
    assert_eq!(harness.try_acquire(&all, Priority::Interactive), Decision::Go);
    harness.clock.advance(SECOND * 5);
    assert_eq!(
        harness.try_acquire(&all, Priority::Interactive),
        Decision::Wait(SECOND * 5 + Duration::from_millis(250))
    );
    assert!(harness.admits(&quick), "the rejected call used nothing of the window");
    assert!(harness.admits(&bucket), "nor of the token bucket");
    assert_eq!(harness.usage(&fixed).used, 1, "nor of the fixed window");
}

#[test]
fn a_token_bucket_with_another_rate_starts_over() {
    let harness = Harness::new();
    assert_eq!(harness.burst(&Scope::token_bucket("bucket", 1.0, 2), Priority::Interactive), 2);
    assert_eq!(harness.burst(&Scope::token_bucket("bucket", 100.0, 30), Priority::Interactive), 30);
    assert_eq!(harness.burst(&Scope::token_bucket("bucket", 100.0, 30), Priority::Interactive), 0);
}

#[test]
fn a_rejected_call_takes_no_token_from_any_bucket() {
    let harness = Harness::new();
    let (a, b) = (Scope::token_bucket("a", 1.0, 1), Scope::token_bucket("b", 1.0, 1));
    assert!(harness.admits(&b));
    assert_eq!(harness.try_acquire(&[a.clone(), b], Priority::Interactive), Decision::Wait(SECOND));
    assert!(harness.admits(&a));
}

#[test]
fn a_duplicate_scope_or_a_second_kind_for_a_key_is_an_error() {
    let harness = Harness::new();
    let try_acquire =
        |scopes: &[Scope]| harness.limiter.try_acquire(scopes, Priority::Interactive).now_or_never().unwrap();
    assert!(try_acquire(&[burst_scope(), burst_scope()]).unwrap_err().to_string().contains("`burst` is named twice"));
    assert_eq!(try_acquire(&[burst_scope()]).unwrap(), Decision::Go);
    assert!(try_acquire(&[Scope::fixed_window("burst", 1, DAY)]).unwrap_err().to_string().contains("use another key"));
}

#[test]
fn each_key_has_its_own_counter() {
    let harness = Harness::new();
    assert_eq!(harness.burst(&burst_scope(), Priority::Interactive), 100);
    assert_eq!(harness.burst(&Scope::sliding_window("other", 100, SECOND * 10), Priority::Interactive), 100);
    assert_eq!(harness.try_acquire(&[], Priority::Interactive), Decision::Go, "a call without scopes is admitted");
}

#[test]
fn a_limit_of_zero_admits_no_call() {
    let harness = Harness::new();
    assert!(!harness.admits(&Scope::sliding_window("w", 0, SECOND)));
    assert!(!harness.admits(&Scope::fixed_window("b", 0, SECOND)));
}

#[test]
fn background_calls_are_spread_evenly_and_leave_a_reserve() {
    let harness = Harness::new();
    let scope = burst_scope();
    assert_eq!(harness.burst(&scope, Priority::Background), 5);
    let wait = harness.wait_for(&scope, Priority::Background);
    assert!((105..=106).contains(&wait.as_millis()), "9.5 per second: {wait:?}");
    assert_eq!(harness.burst(&scope, Priority::Interactive), 95, "interactive calls are not paced");

    let harness = Harness::new();
    let interactive = (0..95).filter(|_| harness.admits(&scope)).count();
    assert_eq!(
        (interactive, harness.burst(&scope, Priority::Background)),
        (95, 0),
        "the last 5 % are reserved for interactive calls"
    );
    assert_eq!(harness.burst(&scope, Priority::Interactive), 5);
}

#[test]
fn background_calls_never_use_the_last_tenth_of_a_fixed_window() {
    let harness = Harness::new();
    let scope = Scope::fixed_window("day", 50, DAY);
    assert_eq!(harness.burst(&scope, Priority::Background), 45);
    assert_eq!(harness.burst(&scope, Priority::Interactive), 5);
}

#[test]
fn a_fixed_window_of_a_day_resets_a_day_after_its_first_call() {
    let harness = Harness::new();
    let scope = Scope::fixed_window("day", 3, DAY);
    harness.clock.advance(SECOND);
    assert_eq!(harness.burst(&scope, Priority::Interactive), 3);
    harness.clock.advance(SECOND * 60);
    assert_eq!(harness.wait_for(&scope, Priority::Interactive), DAY - SECOND * 60);
    harness.clock.advance(DAY - SECOND * 60);
    assert_eq!(harness.burst(&scope, Priority::Interactive), 3);
}

#[test]
fn an_exhausted_day_blocks_until_the_servers_reset() {
    let harness = Harness::new();
    let scope = day_scope();
    harness.observe(&scope, |f| (f.remaining, f.reset_after) = (Some(0), Some(SECOND * 3_600)));
    assert_eq!(harness.wait_for(&scope, Priority::Interactive), SECOND * 3_600);
    assert_eq!(harness.usage(&scope), Usage { used: 200_000, limit: 200_000, resets_in: Some(SECOND * 3_600) });
    harness.clock.advance(SECOND * 3_600);
    assert!(harness.admits(&scope));
    assert_eq!(harness.usage(&scope).used, 1);
}

#[test]
fn calls_of_other_clients_on_the_quota_are_counted() {
    let harness = Harness::new();
    let scope = burst_scope();
    assert!(harness.admits(&scope));
    harness.observe(&scope, |f| f.remaining = Some(40));
    assert_eq!(harness.usage(&scope).used, 60);
    assert_eq!(harness.burst(&scope, Priority::Interactive), 40);
}

#[test]
fn a_late_response_does_not_count_our_own_calls_twice() {
    let harness = Harness::new();
    let scope = burst_scope();
    assert_eq!((0..50).filter(|_| harness.admits(&scope)).count(), 50);
    // The server had received 30 of the 50 when it sent this response.
    harness.observe(&scope, |f| f.remaining = Some(70));
    assert_eq!(harness.burst(&scope, Priority::Interactive), 50);
    // The last responses of the burst arrive just after its calls left our window.
    harness.clock.advance(SECOND * 10 + Duration::from_millis(300));
    harness.observe(&scope, |f| f.remaining = Some(0));
    assert_eq!(harness.burst(&scope, Priority::Interactive), 100);
}

#[test]
fn a_call_counts_from_the_time_of_its_response() {
    let harness = Harness::new();
    let scope = Scope::sliding_window("w", 2, SECOND * 10);
    let millis = Duration::from_millis;
    let respond = |took| harness.observe(&scope, |f| f.took = Some(took));
    assert!(harness.admits(&scope) && harness.admits(&scope));
    harness.clock.advance(millis(200));
    respond(millis(200));
    harness.clock.advance(millis(800));
    respond(SECOND);
    assert_eq!(harness.usage(&scope).used, 2);
    assert_eq!(
        harness.wait_for(&scope, Priority::Interactive),
        millis(9_250),
        "the quick call leaves the window first"
    );
    harness.clock.advance(millis(9_250));
    assert!(harness.admits(&scope));
    assert_eq!(
        harness.wait_for(&scope, Priority::Interactive),
        millis(750),
        "the slow call counts for 10 s after its response"
    );
    // No call was admitted 5 s ago, so this response adds nothing.
    respond(SECOND * 5);
    harness.clock.advance(millis(750));
    assert!(harness.admits(&scope));
}

#[test]
fn the_quota_follows_the_servers_limit_up_and_down() {
    for (limit, burst) in [(150, 150), (60, 60), (0, 100)] {
        let harness = Harness::new();
        let scope = burst_scope();
        harness.observe(&scope, |f| f.limit = Some(limit));
        assert_eq!(harness.burst(&scope, Priority::Interactive), burst, "the server reported {limit}");
        assert_eq!(harness.usage(&scope).limit as usize, burst);
    }
}

#[test]
fn retry_after_closes_the_scope() {
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("bucket", 10.0, 5)] {
        let harness = Harness::new();
        harness.observe(&scope, |f| f.retry_after = Some(SECOND * 7));
        assert_eq!(harness.wait_for(&scope, Priority::Interactive), SECOND * 7, "{scope:?}");
        harness.observe(&scope, |f| f.retry_after = Some(SECOND));
        harness.clock.advance(SECOND * 2);
        assert_eq!(
            harness.wait_for(&scope, Priority::Interactive),
            SECOND * 5,
            "a shorter retry-after does not reopen it"
        );
        harness.clock.advance(SECOND * 5);
        assert!(harness.admits(&scope));
    }
}

#[test]
fn absurd_server_values_neither_panic_nor_overflow() {
    let unbounded = [Scope::sliding_window("w", 1, Duration::MAX), Scope::fixed_window("b", 1, Duration::MAX)];
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("bucket", f64::NAN, 0)].into_iter().chain(unbounded) {
        let harness = Harness::new();
        assert!(harness.admits(&scope));
        harness.observe(&scope, |f| {
            (f.limit, f.remaining) = (Some(u32::MAX), Some(0));
            (f.reset_after, f.retry_after) = (Some(Duration::MAX), Some(Duration::MAX));
        });
        assert!(!harness.admits(&scope));
        harness.clock.advance(DAY);
        harness.observe(&scope, |f| (f.limit, f.remaining) = (Some(1), Some(u32::MAX)));
        let _ = harness.usage(&scope);
    }
}

#[test]
fn a_huge_limit_used_up_by_other_clients_does_not_overflow() {
    let harness = Harness::new();
    let scope = burst_scope();
    let exhaust = || harness.observe(&scope, |f| (f.limit, f.remaining) = (Some(u32::MAX), Some(0)));
    exhaust();
    harness.clock.advance(SECOND * 10 + Duration::from_millis(300));
    assert!(harness.admits(&scope));
    // The server's count is compared with the earlier calls, which are still counted, and with this one.
    exhaust();
    assert_eq!(harness.usage(&scope).used, 1);
    harness.clock.advance(SECOND * 20);
    exhaust();
    assert!(!harness.admits(&scope));
}

#[test]
fn several_processes_get_equal_shares() {
    let harness = Harness::new();
    harness.limiter.set_processes(4);
    assert_eq!(harness.burst(&burst_scope(), Priority::Interactive), 25);
    assert_eq!(harness.burst(&Scope::fixed_window("day", 40, DAY), Priority::Interactive), 10);
    assert_eq!(harness.burst(&Scope::token_bucket("bucket", 8.0, 8), Priority::Interactive), 2);
    // Calls of the other processes leave our share unchanged while the whole quota has capacity.
    harness.clock.advance(SECOND * 20);
    harness.observe(&burst_scope(), |f| f.remaining = Some(50));
    assert_eq!(harness.burst(&burst_scope(), Priority::Interactive), 25);
    harness.limiter.set_processes(1);
    assert_eq!(harness.burst(&burst_scope(), Priority::Interactive), 25, "50 external calls, 25 + 25 of ours");
}

#[test]
fn peek_takes_nothing() {
    let harness = Harness::new();
    let scopes = [
        Scope::sliding_window("w", 1, SECOND * 10),
        Scope::fixed_window("b", 1, DAY),
        Scope::token_bucket("p", 1.0, 1),
    ];
    for _ in 0..3 {
        assert_eq!(harness.limiter.peek(&scopes, Priority::Background).unwrap(), Duration::ZERO);
    }
    assert_eq!(harness.try_acquire(&scopes, Priority::Background), Decision::Go);
    assert_eq!(harness.limiter.peek(&scopes, Priority::Background).unwrap(), DAY);
    assert!(harness.limiter.peek(&[burst_scope(), burst_scope()], Priority::Interactive).is_err());
}

#[test]
fn recorded_calls_count_even_beyond_the_share() {
    let harness = Harness::new();
    harness.limiter.set_processes(2);
    let scopes = [burst_scope(), Scope::fixed_window("day", 400, DAY)];
    for _ in 0..80 {
        harness.limiter.record(&scopes, Priority::Interactive).unwrap();
    }
    assert_eq!(scopes.each_ref().map(|scope| harness.usage(scope).used), [80, 80]);
    assert!(!harness.admits(&scopes[0]), "80 are more than the share of 50");
    harness.observe(&scopes[0], |f| f.remaining = Some(20));
    assert_eq!(harness.usage(&scopes[0]).used, 80, "the server's 80 are the recorded ones");
    harness.clock.advance(SECOND * 11);
    assert_eq!(harness.burst(&scopes[0], Priority::Interactive), 50);
}

#[test]
fn recorded_background_calls_are_paced_and_record_is_all_or_none() {
    let harness = Harness::new();
    (0..5).for_each(|_| harness.limiter.record(&[burst_scope()], Priority::Background).unwrap());
    assert_eq!(harness.burst(&burst_scope(), Priority::Background), 0);
    let conflicting = [Scope::sliding_window("other", 5, SECOND), Scope::fixed_window("burst", 1, DAY)];
    assert!(harness.limiter.record(&conflicting, Priority::Interactive).is_err());
    assert_eq!(harness.usage(&conflicting[0]).used, 0);
}

#[test]
fn idle_scopes_are_evicted() {
    let harness = Harness::new();
    for i in 0..10_000 {
        harness.clock.advance(Duration::from_millis(100));
        assert!(harness.admits(&Scope::sliding_window(format!("burst:{i}"), 100, SECOND * 10)));
    }
    assert!(harness.limiter.tracked() < 1_000, "{} of 10000 after 1000 s", harness.limiter.tracked());
    harness.clock.advance(SECOND * 100);
    assert!(harness.admits(&burst_scope()));
    assert_eq!(harness.limiter.tracked(), 1);
}

#[test]
fn usage_reports_the_used_calls_and_the_reset() {
    let harness = Harness::new();
    let scope = burst_scope();
    assert_eq!(harness.usage(&scope), Usage { used: 0, limit: 100, resets_in: None });
    assert!(harness.admits(&scope));
    harness.clock.advance(SECOND);
    let expected = Usage { used: 1, limit: 100, resets_in: Some(Duration::from_millis(9_250)) };
    assert_eq!(harness.usage(&scope), expected);
}
