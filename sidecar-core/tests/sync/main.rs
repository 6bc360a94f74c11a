//! The sync engine: it resumes an interrupted run, skips unreadable records, and deletes only records that no longer exist.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;
mod limits;
mod removal;

use std::time::Duration;

use futures_util::FutureExt;
use http::StatusCode;
use sidecar_core::{
    Error, ErrorKind,
    queue::outbox::{Dedup, NewTask},
    sync::{Checkpoints, Mode, Phase, SyncError},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use harness::{Harness, MINUTE, Provider, ids, key};

pub(crate) fn server_error() -> Error {
    Error::new(ErrorKind::Server, "503")
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_resumes_at_the_failed_page() {
    let harness = Harness::new(&[]);
    let all = ids(6);
    harness.provider.list(&[&all[..2], &all[2..4], &all[4..]]);
    harness.provider.fail_page(2, server_error());
    assert!(matches!(harness.run().await, Err(SyncError::Provider(_))));
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![0, 1, 2], ids(4)));

    let report = harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![2], all));
    assert_eq!((report.pages, report.inserted), (1, 2), "the report covers only its own run");
    assert_eq!((harness.progress(), harness.status().error_count), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_restarts_after_the_provider_rejects_its_cursor() {
    let harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    let expired = Error::new(ErrorKind::Rejected, "searchAfter has expired").with_status(StatusCode::BAD_REQUEST);
    harness.provider.fail_page(1, expired);
    harness.run().await.unwrap_err();
    harness.provider.take_page_requests();
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![0, 1], all));
}

#[tokio::test(start_paused = true)]
async fn a_run_restarts_when_its_stored_cursor_is_unreadable() {
    let harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    harness.provider.fail_page(1, server_error());
    harness.run().await.unwrap_err();
    harness.store.put_cursor("not a number");
    assert!(matches!(harness.run().await, Err(SyncError::Cursor(_))));
    harness.run().await.unwrap();
    assert_eq!(harness.stored(), all);
}

#[tokio::test(start_paused = true)]
async fn failures_are_reported_and_retried_with_backoff() {
    let harness = Harness::new(&[]);
    let mut waits = Vec::new();
    for _ in 0..7 {
        harness.provider.fail_page(0, server_error());
        harness.run().await.unwrap_err();
        waits.push(harness.due_in().as_secs());
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
    assert_eq!((harness.status().error_count, harness.status().last_error.as_deref()), (7, Some("503")));
    harness.run().await.unwrap();
    assert_eq!((harness.status().error_count, harness.due_in()), (0, 15 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn an_incremental_run_overlaps_the_watermark_and_removes_nothing() {
    let harness = Harness::new(&ids(3));
    harness.run().await.unwrap();
    harness.clock.sleep(15 * MINUTE).await;
    harness.provider.list(&[&[]]);
    assert_eq!(harness.mode_of_run().await, Mode::Incremental);
    let since = Some(Provider::default_version() - 2 * MINUTE);
    assert_eq!(*harness.provider.requests.lock().unwrap(), [(Mode::Incremental, since)]);
    assert_eq!((harness.stored(), harness.provider.take_lookups()), (ids(3), vec![]));
    assert_eq!(
        harness.status().watermark,
        Some(Provider::default_version()),
        "an empty run does not move the watermark back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_from_the_future_moves_the_watermark_at_most_to_now() {
    let harness = Harness::new(&ids(2));
    let now = harness.clock.now();
    let next_year = now + Duration::from_secs(365 * 86_400);
    harness.provider.versions.lock().unwrap().insert("c001".to_owned(), next_year);
    harness.run().await.unwrap();
    assert_eq!(harness.status().watermark, Some(now));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_full_after_a_day_or_on_request() {
    let harness = Harness::new(&ids(1));
    assert_eq!(harness.mode_of_run().await, Mode::Full);
    harness.clock.sleep(MINUTE).await;
    assert_eq!(harness.mode_of_run().await, Mode::Incremental);
    harness.clock.sleep(MINUTE).await;
    harness.store.schedule(&key(), harness.clock.now(), true).await.unwrap();
    harness.run().await.unwrap();
    assert_eq!(harness.status().last_full_at, Some(harness.clock.now()));
    harness.clock.sleep(24 * 60 * MINUTE).await;
    assert_eq!(harness.mode_of_run().await, Mode::Full);
}

#[tokio::test(start_paused = true)]
async fn a_full_run_resumes_and_a_full_run_requested_during_it_follows() {
    let harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    harness.store.schedule(&key(), harness.clock.now(), true).await.unwrap();
    harness.provider.fail_page(1, server_error());
    harness.run().await.unwrap_err();
    harness.store.schedule(&key(), harness.clock.now(), true).await.unwrap();
    harness.provider.take_page_requests();
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.status().full_requested), (vec![1], true));
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.status().full_requested), (vec![0, 1], false));
    assert_eq!(harness.mode_of_run().await, Mode::Incremental);
}

#[tokio::test(start_paused = true)]
async fn completion_tasks_are_committed_with_the_end_of_a_run() {
    let harness = Harness::new(&ids(2));
    let task = NewTask {
        organization: "org".into(),
        kind: "reconcile".into(),
        key: "reconcile".into(),
        order_key: "reconcile".into(),
        payload: serde_json::Value::Null,
        not_before: harness.clock.now(),
        dedup: Dedup::Coalesce,
    };
    harness.provider.on_complete.lock().unwrap().push(task);
    harness.provider.fail_page(0, server_error());
    harness.run().await.unwrap_err();
    assert_eq!(harness.take_tasks(), []);
    harness.run().await.unwrap();
    assert_eq!(harness.take_tasks(), [("reconcile".to_owned(), true)]);
}

#[tokio::test(start_paused = true)]
async fn one_process_runs_a_source_until_it_ends_or_its_lease_expires() {
    let harness = Harness::new(&ids(1));
    *harness.provider.page_latency.lock().unwrap() = Some((harness.clock.clone(), 10 * MINUTE));
    {
        let mut abandoned = std::pin::pin!(harness.run());
        assert!(abandoned.as_mut().now_or_never().is_none());
        assert!(matches!(harness.run().await, Err(SyncError::Busy(busy)) if busy == key()));
    }
    *harness.provider.page_latency.lock().unwrap() = None;
    assert!(
        matches!(harness.run().await, Err(SyncError::Busy(busy)) if busy == key()),
        "a crashed run holds its lease until it expires"
    );
    harness.clock.sleep(Duration::from_secs(16)).await;
    harness.run().await.unwrap();
    harness.run().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_run_renews_its_lease() {
    let harness = Harness::new(&ids(1));
    *harness.provider.page_latency.lock().unwrap() = Some((harness.clock.clone(), 10 * MINUTE));
    let (outcome, other) = tokio::join!(harness.run(), async {
        harness.clock.sleep(9 * MINUTE).await;
        harness.run().await
    });
    assert!(matches!(other, Err(SyncError::Busy(_))));
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_loses_its_lease_stops_without_a_checkpoint() {
    let harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    *harness.provider.page_latency.lock().unwrap() = Some((harness.clock.clone(), MINUTE));
    let (outcome, ()) = tokio::join!(harness.run(), async {
        harness.clock.sleep(MINUTE + Duration::from_secs(30)).await;
        harness.revoke_lease();
    });
    assert!(matches!(outcome, Err(SyncError::LeaseLost)));
    assert!(harness.clock.monotonic() < 2 * MINUTE, "it does not wait for the page in flight");
    assert_eq!((harness.stored(), harness.status().error_count), (ids(2), 0));
    assert_eq!(harness.progress().map(|progress| (progress.pages, progress.phase)), Some((1, Phase::Listing)));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_releases_its_run_at_once() {
    let mut harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    *harness.provider.page_latency.lock().unwrap() = Some((harness.clock.clone(), MINUTE));
    let stop = CancellationToken::new();
    let engine = harness.engine.clone();
    harness.engine = engine.clone().with_shutdown(stop.clone());
    let (outcome, ()) = tokio::join!(harness.run(), async {
        harness.clock.sleep(MINUTE + Duration::from_secs(30)).await;
        stop.cancel();
    });
    assert!(matches!(outcome, Err(SyncError::Stopped)));
    assert_eq!(harness.status().error_count, 0);

    harness.engine = engine;
    harness.provider.take_page_requests();
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![1], all));
}

#[tokio::test(start_paused = true)]
async fn another_process_resumes_a_dropped_run_when_its_lease_expires() {
    let harness = Harness::new(&[]);
    let all = ids(4);
    harness.provider.list(&[&all[..2], &all[2..]]);
    *harness.provider.page_latency.lock().unwrap() = Some((harness.clock.clone(), MINUTE));
    timeout(&*harness.clock, MINUTE + Duration::from_secs(30), harness.run()).await.unwrap_err();
    harness.clock.sleep(Duration::from_secs(16)).await;
    harness.provider.take_page_requests();
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![1], all));
}
