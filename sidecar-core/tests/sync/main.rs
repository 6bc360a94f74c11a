//! The sync engine: a pass gets past what it cannot read, goes on where it stopped, and removes only what is gone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod desk;
mod removal;

use std::time::Duration;

use http::StatusCode;
use sidecar_core::{
    Error, ErrorKind,
    queue::outbox::{Dedup, NewTask},
    sync::{Checkpoints, Mode, Phase, SyncError},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use desk::{Desk, MINUTE, Provider, ids, key};

pub(crate) fn server_trouble() -> Error {
    Error::new(ErrorKind::Server, "503")
}

#[tokio::test(start_paused = true)]
async fn a_failed_pass_goes_on_from_its_last_page() {
    let desk = Desk::new(&[]);
    let all = ids(6);
    desk.provider.list(&[&all[..2], &all[2..4], &all[4..]]);
    desk.provider.fail_page(2, server_trouble());
    assert!(matches!(desk.pass().await, Err(SyncError::Provider(_))));
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![0, 1, 2], ids(4)));

    let report = desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![2], all));
    assert_eq!((report.pages, report.inserted), (1, 2), "a report counts its own run");
    assert_eq!((desk.progress(), desk.status().error_count), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_the_provider_refuses_begins_the_next_pass_anew() {
    let desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    let expired = Error::new(ErrorKind::Rejected, "searchAfter has expired").with_status(StatusCode::BAD_REQUEST);
    desk.provider.fail_page(1, expired);
    desk.pass().await.unwrap_err();
    desk.provider.asked();
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![0, 1], all));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_version_begins_the_next_pass_anew() {
    let desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    desk.provider.fail_page(1, server_trouble());
    desk.pass().await.unwrap_err();
    desk.store.put_cursor("of another form");
    assert!(matches!(desk.pass().await, Err(SyncError::Cursor(_))));
    desk.pass().await.unwrap();
    assert_eq!(desk.stored(), all);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_and_tried_again_later_and_later() {
    let desk = Desk::new(&[]);
    let mut waits = Vec::new();
    for _ in 0..7 {
        desk.provider.fail_page(0, server_trouble());
        desk.pass().await.unwrap_err();
        waits.push(desk.due_in().as_secs());
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
    assert_eq!((desk.status().error_count, desk.status().last_error.as_deref()), (7, Some("503")));
    desk.pass().await.unwrap();
    assert_eq!((desk.status().error_count, desk.due_in()), (0, 15 * MINUTE));
}

#[tokio::test(start_paused = true)]
async fn an_incremental_pass_begins_a_little_before_the_newest_record_and_removes_nothing() {
    let desk = Desk::new(&ids(3));
    desk.pass().await.unwrap();
    desk.clock.sleep(15 * MINUTE).await;
    desk.provider.list(&[&[]]);
    assert_eq!(desk.mode_of_run().await, Mode::Incremental);
    let since = Some(Provider::usual_version() - 2 * MINUTE);
    assert_eq!(*desk.provider.requests.lock().unwrap(), [(Mode::Incremental, since)]);
    assert_eq!((desk.stored(), desk.provider.read()), (ids(3), vec![]));
    assert_eq!(desk.status().watermark, Some(Provider::usual_version()), "an empty pass does not move it back");
}

#[tokio::test(start_paused = true)]
async fn a_record_from_the_future_moves_the_watermark_no_further_than_now() {
    let desk = Desk::new(&ids(2));
    let now = desk.clock.now();
    let next_year = now + Duration::from_secs(365 * 86_400);
    desk.provider.versions.lock().unwrap().insert("c001".to_owned(), next_year);
    desk.pass().await.unwrap();
    assert_eq!(desk.status().watermark, Some(now));
}

#[tokio::test(start_paused = true)]
async fn a_pass_is_full_again_after_a_day_or_when_one_is_wanted() {
    let desk = Desk::new(&ids(1));
    assert_eq!(desk.mode_of_run().await, Mode::Full);
    desk.clock.sleep(MINUTE).await;
    assert_eq!(desk.mode_of_run().await, Mode::Incremental);
    desk.clock.sleep(MINUTE).await;
    desk.store.schedule(&key(), desk.clock.now(), true).await.unwrap();
    desk.pass().await.unwrap();
    assert_eq!(desk.status().last_full_at, Some(desk.clock.now()));
    desk.clock.sleep(24 * 60 * MINUTE).await;
    assert_eq!(desk.mode_of_run().await, Mode::Full);
}

#[tokio::test(start_paused = true)]
async fn a_full_pass_goes_on_where_it_stopped_and_one_that_was_wished_for_meanwhile_follows() {
    let desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    desk.store.schedule(&key(), desk.clock.now(), true).await.unwrap();
    desk.provider.fail_page(1, server_trouble());
    desk.pass().await.unwrap_err();
    desk.store.schedule(&key(), desk.clock.now(), true).await.unwrap();
    desk.provider.asked();
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.status().full_requested), (vec![1], true));
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.status().full_requested), (vec![0, 1], false));
    assert_eq!(desk.mode_of_run().await, Mode::Incremental);
}

#[tokio::test(start_paused = true)]
async fn what_a_pass_leads_to_is_written_with_its_end() {
    let desk = Desk::new(&ids(2));
    let task = NewTask {
        organization: "org".into(),
        kind: "look".into(),
        key: "look".into(),
        order_key: "look".into(),
        payload: serde_json::Value::Null,
        not_before: desk.clock.now(),
        dedup: Dedup::Coalesce,
    };
    desk.provider.afterwards.lock().unwrap().push(task);
    desk.provider.fail_page(0, server_trouble());
    desk.pass().await.unwrap_err();
    assert_eq!(desk.tasks(), []);
    desk.pass().await.unwrap();
    assert_eq!(desk.tasks(), [("look".to_owned(), true)]);
}

#[tokio::test(start_paused = true)]
async fn one_process_runs_a_source_until_it_ends_or_its_lease_does() {
    let desk = Desk::new(&ids(1));
    *desk.provider.page_takes.lock().unwrap() = Some((desk.clock.clone(), 10 * MINUTE));
    {
        let mut abandoned = std::pin::pin!(desk.pass());
        assert!(futures_util::poll!(&mut abandoned).is_pending());
        assert!(matches!(desk.pass().await, Err(SyncError::Busy(busy)) if busy == key()));
    }
    *desk.provider.page_takes.lock().unwrap() = None;
    assert!(matches!(desk.pass().await, Err(SyncError::Busy(busy)) if busy == key()), "a crashed run keeps its lease");
    desk.clock.sleep(Duration::from_secs(16)).await;
    desk.pass().await.unwrap();
    desk.pass().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_long_pass_keeps_its_lease() {
    let desk = Desk::new(&ids(1));
    *desk.provider.page_takes.lock().unwrap() = Some((desk.clock.clone(), 10 * MINUTE));
    let (outcome, other) = tokio::join!(desk.pass(), async {
        desk.clock.sleep(9 * MINUTE).await;
        desk.pass().await
    });
    assert!(matches!(other, Err(SyncError::Busy(_))));
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_loses_its_lease_stops_and_leaves_the_checkpoint_alone() {
    let desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    *desk.provider.page_takes.lock().unwrap() = Some((desk.clock.clone(), MINUTE));
    let (outcome, ()) = tokio::join!(desk.pass(), async {
        desk.clock.sleep(MINUTE + Duration::from_secs(30)).await;
        desk.take_the_lease_away();
    });
    assert!(matches!(outcome, Err(SyncError::LeaseLost)));
    assert!(desk.clock.monotonic() < 2 * MINUTE, "it does not wait for the page under way");
    assert_eq!((desk.stored(), desk.status().error_count), (ids(2), 0));
    assert_eq!(desk.progress().map(|progress| (progress.pages, progress.phase)), Some((1, Phase::Listing)));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_process_hands_its_pass_over_at_once() {
    let mut desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    *desk.provider.page_takes.lock().unwrap() = Some((desk.clock.clone(), MINUTE));
    let stop = CancellationToken::new();
    let lasting = desk.engine.clone();
    desk.engine = lasting.clone().with_shutdown(stop.clone());
    let (outcome, ()) = tokio::join!(desk.pass(), async {
        desk.clock.sleep(MINUTE + Duration::from_secs(30)).await;
        stop.cancel();
    });
    assert!(matches!(outcome, Err(SyncError::Stopped)));
    assert_eq!(desk.status().error_count, 0);

    desk.engine = lasting;
    desk.provider.asked();
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![1], all));
}

#[tokio::test(start_paused = true)]
async fn a_pass_dropped_half_way_is_taken_over_when_its_lease_ends() {
    let desk = Desk::new(&[]);
    let all = ids(4);
    desk.provider.list(&[&all[..2], &all[2..]]);
    *desk.provider.page_takes.lock().unwrap() = Some((desk.clock.clone(), MINUTE));
    timeout(&*desk.clock, MINUTE + Duration::from_secs(30), desk.pass()).await.unwrap_err();
    desk.clock.sleep(Duration::from_secs(16)).await;
    desk.provider.asked();
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![1], all));
}
