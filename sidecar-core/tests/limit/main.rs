//! Limits: everything that is allowed at once, and never more than is allowed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desk;
mod simulation;

use std::time::Duration;

use futures_util::FutureExt;
use sidecar_core::rate_limit::{Decision, Priority, RateLimiter, Scope, Usage};

use desk::{DAY, Desk, SECOND, burst_scope, day_scope};

#[test]
fn scopes_are_taken_all_or_none() {
    let desk = Desk::new();
    let (slow, quick) = (Scope::sliding_window("slow", 1, SECOND * 10), Scope::sliding_window("quick", 1, SECOND));
    let (pace, budget) = (Scope::token_bucket("pace", 1.0, 1), Scope::fixed_window("budget", 5, DAY));
    let all = [quick.clone(), pace.clone(), budget.clone(), slow.clone()];
    assert_eq!(desk.ask(&all, Priority::Interactive), Decision::Go);
    desk.clock.advance(SECOND * 5);
    assert_eq!(desk.ask(&all, Priority::Interactive), Decision::Wait(SECOND * 5 + Duration::from_millis(250)));
    assert!(desk.go(&quick), "the refused call took nothing from the window");
    assert!(desk.go(&pace), "nor from the pace");
    assert_eq!(desk.usage(&budget).used, 1, "nor from the budget");
}

#[test]
fn a_pace_that_is_asked_for_at_another_flow_is_another_from_then_on() {
    let desk = Desk::new();
    assert_eq!(desk.burst(&Scope::token_bucket("pace", 1.0, 2), Priority::Interactive), 2);
    assert_eq!(desk.burst(&Scope::token_bucket("pace", 100.0, 30), Priority::Interactive), 30);
    assert_eq!(desk.burst(&Scope::token_bucket("pace", 100.0, 30), Priority::Interactive), 0);
}

#[test]
fn a_refused_pace_takes_nothing_from_another_pace() {
    let desk = Desk::new();
    let (a, b) = (Scope::token_bucket("a", 1.0, 1), Scope::token_bucket("b", 1.0, 1));
    assert!(desk.go(&b));
    assert_eq!(desk.ask(&[a.clone(), b], Priority::Interactive), Decision::Wait(SECOND));
    assert!(desk.go(&a));
}

#[test]
fn a_scope_named_twice_or_counted_in_two_ways_is_an_error() {
    let desk = Desk::new();
    let ask = |scopes: &[Scope]| desk.limiter.try_acquire(scopes, Priority::Interactive).now_or_never().unwrap();
    assert!(ask(&[burst_scope(), burst_scope()]).unwrap_err().to_string().contains("`burst` is named twice"));
    assert_eq!(ask(&[burst_scope()]).unwrap(), Decision::Go);
    assert!(ask(&[Scope::fixed_window("burst", 1, DAY)]).unwrap_err().to_string().contains("use another key"));
}

#[test]
fn other_keys_are_other_counters() {
    let desk = Desk::new();
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive), 100);
    assert_eq!(desk.burst(&Scope::sliding_window("other", 100, SECOND * 10), Priority::Interactive), 100);
    assert_eq!(desk.ask(&[], Priority::Interactive), Decision::Go, "a call without limits goes");
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let desk = Desk::new();
    assert!(!desk.go(&Scope::sliding_window("w", 0, SECOND)));
    assert!(!desk.go(&Scope::fixed_window("b", 0, SECOND)));
}

#[test]
fn background_calls_come_evenly_and_leave_room_for_people() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!(desk.burst(&scope, Priority::Background), 5);
    let wait = desk.wait(&scope, Priority::Background);
    assert!((105..=106).contains(&wait.as_millis()), "9.5 per second: {wait:?}");
    assert_eq!(desk.burst(&scope, Priority::Interactive), 95, "people are not paced");

    let desk = Desk::new();
    let people = (0..95).filter(|_| desk.go(&scope)).count();
    assert_eq!((people, desk.burst(&scope, Priority::Background)), (95, 0), "the last 5 % are for people");
    assert_eq!(desk.burst(&scope, Priority::Interactive), 5);
}

#[test]
fn background_calls_never_take_the_last_tenth_of_a_budget() {
    let desk = Desk::new();
    let scope = Scope::fixed_window("day", 50, DAY);
    assert_eq!(desk.burst(&scope, Priority::Background), 45);
    assert_eq!(desk.burst(&scope, Priority::Interactive), 5);
}

#[test]
fn a_budget_starts_anew_a_day_after_its_first_call() {
    let desk = Desk::new();
    let scope = Scope::fixed_window("day", 3, DAY);
    desk.clock.advance(SECOND);
    assert_eq!(desk.burst(&scope, Priority::Interactive), 3);
    desk.clock.advance(SECOND * 60);
    assert_eq!(desk.wait(&scope, Priority::Interactive), DAY - SECOND * 60);
    desk.clock.advance(DAY - SECOND * 60);
    assert_eq!(desk.burst(&scope, Priority::Interactive), 3);
}

#[test]
fn a_used_up_day_blocks_until_the_servers_reset() {
    let desk = Desk::new();
    let scope = day_scope();
    desk.observe(&scope, |f| (f.remaining, f.reset_after) = (Some(0), Some(SECOND * 3_600)));
    assert_eq!(desk.wait(&scope, Priority::Interactive), SECOND * 3_600);
    assert_eq!(desk.usage(&scope), Usage { used: 200_000, limit: 200_000, resets_in: Some(SECOND * 3_600) });
    desk.clock.advance(SECOND * 3_600);
    assert!(desk.go(&scope));
    assert_eq!(desk.usage(&scope).used, 1);
}

#[test]
fn calls_of_others_on_the_same_quota_are_counted() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert!(desk.go(&scope));
    desk.observe(&scope, |f| f.remaining = Some(40));
    assert_eq!(desk.usage(&scope).used, 60);
    assert_eq!(desk.burst(&scope, Priority::Interactive), 40);
}

#[test]
fn a_late_answer_does_not_count_our_own_calls_twice() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!((0..50).filter(|_| desk.go(&scope)).count(), 50);
    // The server had seen 30 of the 50 when it answered.
    desk.observe(&scope, |f| f.remaining = Some(70));
    assert_eq!(desk.burst(&scope, Priority::Interactive), 50);
    // The last answers of the burst come when it has just left our window.
    desk.clock.advance(SECOND * 10 + Duration::from_millis(300));
    desk.observe(&scope, |f| f.remaining = Some(0));
    assert_eq!(desk.burst(&scope, Priority::Interactive), 100);
}

#[test]
fn a_call_that_was_answered_late_counts_from_its_answer_on() {
    let desk = Desk::new();
    let scope = Scope::sliding_window("w", 2, SECOND * 10);
    let millis = Duration::from_millis;
    let answer = |took| desk.observe(&scope, |f| f.took = Some(took));
    assert!(desk.go(&scope) && desk.go(&scope));
    desk.clock.advance(millis(200));
    answer(millis(200));
    desk.clock.advance(millis(800));
    answer(SECOND);
    assert_eq!(desk.usage(&scope).used, 2);
    assert_eq!(desk.wait(&scope, Priority::Interactive), millis(9_250), "the quick one counts as ever");
    desk.clock.advance(millis(9_250));
    assert!(desk.go(&scope));
    assert_eq!(desk.wait(&scope, Priority::Interactive), millis(750), "the slow one for 10 s from its answer on");
    // Nothing was let go then: it adds nothing.
    answer(SECOND * 5);
    desk.clock.advance(millis(750));
    assert!(desk.go(&scope));
}

#[test]
fn the_quota_follows_the_servers_limit_up_and_down() {
    for (limit, burst) in [(150, 150), (60, 60), (0, 100)] {
        let desk = Desk::new();
        let scope = burst_scope();
        desk.observe(&scope, |f| f.limit = Some(limit));
        assert_eq!(desk.burst(&scope, Priority::Interactive), burst, "the server said {limit}");
        assert_eq!(desk.usage(&scope).limit as usize, burst);
    }
}

#[test]
fn a_wait_that_the_server_asks_for_closes_the_scope() {
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("pace", 10.0, 5)] {
        let desk = Desk::new();
        desk.observe(&scope, |f| f.retry_after = Some(SECOND * 7));
        assert_eq!(desk.wait(&scope, Priority::Interactive), SECOND * 7, "{scope:?}");
        desk.observe(&scope, |f| f.retry_after = Some(SECOND));
        desk.clock.advance(SECOND * 2);
        assert_eq!(desk.wait(&scope, Priority::Interactive), SECOND * 5, "a shorter wait does not open it");
        desk.clock.advance(SECOND * 5);
        assert!(desk.go(&scope));
    }
}

#[test]
fn absurd_answers_neither_panic_nor_overflow() {
    let endless = [Scope::sliding_window("w", 1, Duration::MAX), Scope::fixed_window("b", 1, Duration::MAX)];
    for scope in [burst_scope(), day_scope(), Scope::token_bucket("pace", f64::NAN, 0)].into_iter().chain(endless) {
        let desk = Desk::new();
        assert!(desk.go(&scope));
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

#[test]
fn a_huge_limit_that_others_use_up_does_not_overflow() {
    let desk = Desk::new();
    let scope = burst_scope();
    let used_up = || desk.observe(&scope, |f| (f.limit, f.remaining) = (Some(u32::MAX), Some(0)));
    used_up();
    desk.clock.advance(SECOND * 10 + Duration::from_millis(300));
    assert!(desk.go(&scope));
    // Both the former calls, which are still remembered, and this one are compared with the server's count.
    used_up();
    assert_eq!(desk.usage(&scope).used, 1);
    desk.clock.advance(SECOND * 20);
    used_up();
    assert!(!desk.go(&scope));
}

#[test]
fn several_processes_keep_to_equal_parts() {
    let desk = Desk::new();
    desk.limiter.set_processes(4);
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive), 25);
    assert_eq!(desk.burst(&Scope::fixed_window("day", 40, DAY), Priority::Interactive), 10);
    assert_eq!(desk.burst(&Scope::token_bucket("pace", 8.0, 8), Priority::Interactive), 2);
    // What the others did leaves our part alone as long as the whole has room.
    desk.clock.advance(SECOND * 20);
    desk.observe(&burst_scope(), |f| f.remaining = Some(50));
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive), 25);
    desk.limiter.set_processes(1);
    assert_eq!(desk.burst(&burst_scope(), Priority::Interactive), 25, "50 of theirs, 25 + 25 of ours");
}

#[test]
fn a_look_takes_nothing() {
    let desk = Desk::new();
    let scopes = [
        Scope::sliding_window("w", 1, SECOND * 10),
        Scope::fixed_window("b", 1, DAY),
        Scope::token_bucket("p", 1.0, 1),
    ];
    for _ in 0..3 {
        assert_eq!(desk.limiter.peek(&scopes, Priority::Background).unwrap(), Duration::ZERO);
    }
    assert_eq!(desk.ask(&scopes, Priority::Background), Decision::Go);
    assert_eq!(desk.limiter.peek(&scopes, Priority::Background).unwrap(), DAY);
    assert!(desk.limiter.peek(&[burst_scope(), burst_scope()], Priority::Interactive).is_err());
}

#[test]
fn a_call_that_another_let_go_is_counted_even_beyond_the_share() {
    let desk = Desk::new();
    desk.limiter.set_processes(2);
    let scopes = [burst_scope(), Scope::fixed_window("day", 400, DAY)];
    for _ in 0..80 {
        desk.limiter.record(&scopes, Priority::Interactive).unwrap();
    }
    assert_eq!(scopes.each_ref().map(|scope| desk.usage(scope).used), [80, 80]);
    assert!(!desk.go(&scopes[0]), "80 are more than the share of 50");
    desk.observe(&scopes[0], |f| f.remaining = Some(20));
    assert_eq!(desk.usage(&scopes[0]).used, 80, "the server's 80 are the recorded ones");
    desk.clock.advance(SECOND * 11);
    assert_eq!(desk.burst(&scopes[0], Priority::Interactive), 50);
}

#[test]
fn recorded_background_calls_are_paced_and_nothing_is_recorded_by_half() {
    let desk = Desk::new();
    (0..5).for_each(|_| desk.limiter.record(&[burst_scope()], Priority::Background).unwrap());
    assert_eq!(desk.burst(&burst_scope(), Priority::Background), 0);
    let clash = [Scope::sliding_window("other", 5, SECOND), Scope::fixed_window("burst", 1, DAY)];
    assert!(desk.limiter.record(&clash, Priority::Interactive).is_err());
    assert_eq!(desk.usage(&clash[0]).used, 0);
}

#[test]
fn idle_scopes_are_forgotten() {
    let desk = Desk::new();
    for i in 0..10_000 {
        desk.clock.advance(Duration::from_millis(100));
        assert!(desk.go(&Scope::sliding_window(format!("burst:{i}"), 100, SECOND * 10)));
    }
    assert!(desk.limiter.tracked() < 1_000, "{} of 10000 after 1000 s", desk.limiter.tracked());
    desk.clock.advance(SECOND * 100);
    assert!(desk.go(&burst_scope()));
    assert_eq!(desk.limiter.tracked(), 1);
}

#[test]
fn usage_says_how_much_is_used_and_when_it_is_free() {
    let desk = Desk::new();
    let scope = burst_scope();
    assert_eq!(desk.usage(&scope), Usage { used: 0, limit: 100, resets_in: None });
    assert!(desk.go(&scope));
    desk.clock.advance(SECOND);
    let expected = Usage { used: 1, limit: 100, resets_in: Some(Duration::from_millis(9_250)) };
    assert_eq!(desk.usage(&scope), expected);
}
