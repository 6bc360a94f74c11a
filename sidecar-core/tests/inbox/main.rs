//! The inbox worker when one delivery is bad: it is given up in the end, and no other suffers from it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod committer;
mod fake;
#[path = "../support/records.rs"]
mod records;

use std::time::Duration;

use fake::{BAD, Desk, Trouble};
use sidecar_core::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);
const FOUR: [(&str, &str); 4] = [("1", "a"), ("2", "b"), (BAD, "c"), ("4", "d")];

#[tokio::test(start_paused = true)]
async fn a_delivery_that_spoils_the_plan_does_not_keep_its_lot_from_being_done() {
    for trouble in [Trouble::CannotBePlanned, Trouble::IsRefused, Trouble::Panics, Trouble::Fails] {
        let desk = Desk::new(trouble, &FOUR);
        desk.worker.step().await.unwrap();
        assert_eq!(desk.done(), ["1", "2", "4"], "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_delivery_is_given_up_after_its_retries_with_the_reason() {
    for (trouble, reason) in [
        (Trouble::CannotBePlanned, "unreadable"),
        (Trouble::IsRefused, "refused"),
        (Trouble::Panics, "panicked"),
        (Trouble::Fails, "not now"),
        (Trouble::AlwaysConflicts, "write conflict"),
    ] {
        let desk = Desk::new(trouble, &FOUR);
        desk.run_for(2 * HOUR).await;
        let dead = desk.dead();
        assert!(matches!(&dead[..], [(id, why)] if id == BAD && why.contains(reason)), "{trouble:?}: {dead:?}");
        assert_eq!(desk.attempts(BAD), 6, "{trouble:?}: once and five retries");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_failed_delivery_of_its_key_does_not_overtake_it() {
    for trouble in [Trouble::Fails, Trouble::CannotBePlanned, Trouble::IsRefused, Trouble::Panics] {
        let desk = Desk::new(trouble, &[(BAD, "a"), ("next", "a"), ("other", "b"), ("last", "a")]);
        desk.run_for(HOUR).await;
        assert_eq!(desk.done(), ["other"], "{trouble:?}: it still waits for its last retry");
        desk.run_for(HOUR).await;
        assert_eq!(desk.dead().len(), 1, "{trouble:?}");
        assert_eq!(desk.done(), ["other", "next", "last"], "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_is_no_failure_of_the_delivery() {
    let desk = Desk::new(Trouble::StoreGone, &[(BAD, "a")]);
    desk.worker.step().await.unwrap_err();
    assert_eq!(desk.worker.step().await.unwrap(), 0, "it stays claimed until its lease ends");
    desk.clock.sleep(Duration::from_secs(31)).await;
    desk.worker.step().await.unwrap_err();
    assert!(desk.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lot_is_worked_on_as_soon_as_the_store_is_back() {
    let desk = Desk::new(Trouble::StoreGone, &[(BAD, "a"), ("2", "b")]);
    let back = async {
        desk.clock.sleep(Duration::from_secs(4)).await;
        desk.store_is_well();
    };
    tokio::join!(desk.run_for(Duration::from_secs(6)), back);
    assert_eq!((desk.done().len(), desk.attempts(BAD)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_claims_but_no_results_costs_no_delivery_its_attempts() {
    let desk = Desk::new(Trouble::StoreGone, &[(BAD, "a"), ("2", "b")]);
    desk.run_for(HOUR).await;
    assert!(desk.dead().is_empty() && desk.attempts(BAD) <= 1, "{:?}, {}", desk.dead(), desk.attempts(BAD));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_commit_always_conflicts_delays_no_other() {
    let desk = Desk::new(Trouble::AlwaysConflicts, &FOUR);
    desk.run_for(Duration::from_secs(2)).await;
    assert_eq!(desk.done(), ["1", "2", "4"]);
    assert_eq!(desk.attempts(BAD), 1, "it is retried on the schedule");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_waits_for_an_earlier_one_of_its_key_whose_commit_conflicts() {
    let desk = Desk::new(Trouble::AlwaysConflicts, &[(BAD, "a"), ("next", "a"), ("other", "b")]);
    desk.run_for(HOUR).await;
    assert_eq!(desk.done(), ["other"]);
    desk.run_for(HOUR).await;
    assert_eq!(desk.done(), ["other", "next"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_delivery_that_kills_its_worker_is_given_up() {
    let desk = Desk::new(Trouble::Kills, &[("before", "a"), (BAD, "b"), ("after", "c")]);
    for _ in 0..20 {
        // A worker that dies takes its claims with it until their leases end.
        let _ = timeout(&*desk.clock, Duration::from_secs(1), desk.worker.step()).await;
        desk.clock.sleep(Duration::from_secs(31)).await;
    }
    assert_eq!(desk.done(), ["before", "after"]);
    let dead = desk.dead();
    assert!(matches!(&dead[..], [(id, why)] if id == BAD && why.contains("without completing")), "{dead:?}");
}
