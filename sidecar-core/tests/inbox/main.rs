//! The inbox worker dead-letters a delivery that keeps failing, without delaying other deliveries.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod committer;
mod fake;
#[path = "../support/records.rs"]
mod records;

use std::time::Duration;

use fake::{BAD, Fault, Harness};
use sidecar_core::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);
const FOUR: [(&str, &str); 4] = [("1", "a"), ("2", "b"), (BAD, "c"), ("4", "d")];

#[tokio::test(start_paused = true)]
async fn a_failing_delivery_does_not_block_the_rest_of_its_batch() {
    for fault in [Fault::CannotBePlanned, Fault::Unstorable, Fault::Panics, Fault::Fails] {
        let harness = Harness::new(fault, &FOUR);
        harness.worker.step().await.unwrap();
        assert_eq!(harness.done(), ["1", "2", "4"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_delivery_is_dead_lettered_with_the_reason() {
    for (fault, reason) in [
        (Fault::CannotBePlanned, "unreadable"),
        (Fault::Unstorable, "too large"),
        (Fault::Panics, "panicked"),
        (Fault::Fails, "not now"),
        (Fault::AlwaysConflicts, "write conflict"),
    ] {
        let harness = Harness::new(fault, &FOUR);
        harness.run_for(2 * HOUR).await;
        let dead = harness.dead();
        assert!(matches!(&dead[..], [(id, why)] if id == BAD && why.contains(reason)), "{fault:?}: {dead:?}");
        assert_eq!(harness.attempts(BAD), 6, "{fault:?}: one attempt and five retries");
    }
}

#[tokio::test(start_paused = true)]
async fn later_deliveries_of_a_key_wait_for_a_failed_one() {
    for fault in [Fault::Fails, Fault::CannotBePlanned, Fault::Unstorable, Fault::Panics] {
        let harness = Harness::new(fault, &[(BAD, "a"), ("next", "a"), ("other", "b"), ("last", "a")]);
        harness.run_for(HOUR).await;
        assert_eq!(harness.done(), ["other"], "{fault:?}: the bad delivery still waits for its last retry");
        harness.run_for(HOUR).await;
        assert_eq!(harness.dead().len(), 1, "{fault:?}");
        assert_eq!(harness.done(), ["other", "next", "last"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_store_does_not_fail_the_delivery() {
    let harness = Harness::new(Fault::StoreUnavailable, &[(BAD, "a")]);
    harness.worker.step().await.unwrap_err();
    assert_eq!(harness.worker.step().await.unwrap(), 0, "the delivery stays claimed until its lease ends");
    harness.clock.sleep(Duration::from_secs(31)).await;
    harness.worker.step().await.unwrap_err();
    assert!(harness.dead().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_processed_as_soon_as_the_store_is_back() {
    let harness = Harness::new(Fault::StoreUnavailable, &[(BAD, "a"), ("2", "b")]);
    let recovery = async {
        harness.clock.sleep(Duration::from_secs(4)).await;
        harness.clear_fault();
    };
    tokio::join!(harness.run_for(Duration::from_secs(6)), recovery);
    assert_eq!((harness.done().len(), harness.attempts(BAD)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_rejects_results_uses_up_no_attempts() {
    let harness = Harness::new(Fault::StoreUnavailable, &[(BAD, "a"), ("2", "b")]);
    harness.run_for(HOUR).await;
    assert!(harness.dead().is_empty() && harness.attempts(BAD) <= 1, "{:?}, {}", harness.dead(), harness.attempts(BAD));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_commit_always_conflicts_delays_no_other() {
    let harness = Harness::new(Fault::AlwaysConflicts, &FOUR);
    harness.run_for(Duration::from_secs(2)).await;
    assert_eq!(harness.done(), ["1", "2", "4"]);
    assert_eq!(harness.attempts(BAD), 1, "the delivery is retried on schedule");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_waits_for_an_earlier_one_of_its_key_whose_commit_conflicts() {
    let harness = Harness::new(Fault::AlwaysConflicts, &[(BAD, "a"), ("next", "a"), ("other", "b")]);
    harness.run_for(HOUR).await;
    assert_eq!(harness.done(), ["other"]);
    harness.run_for(HOUR).await;
    assert_eq!(harness.done(), ["other", "next"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_delivery_that_crashes_its_worker_is_dead_lettered() {
    let harness = Harness::new(Fault::Crashes, &[("before", "a"), (BAD, "b"), ("after", "c")]);
    for _ in 0..20 {
        // The claims of a crashed worker last until their leases end.
        let _ = timeout(&*harness.clock, Duration::from_secs(1), harness.worker.step()).await;
        harness.clock.sleep(Duration::from_secs(31)).await;
    }
    assert_eq!(harness.done(), ["before", "after"]);
    let dead = harness.dead();
    assert!(matches!(&dead[..], [(id, why)] if id == BAD && why.contains("without completing")), "{dead:?}");
}
