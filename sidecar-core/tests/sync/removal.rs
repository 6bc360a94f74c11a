//! A full run looks up each record that the listing lacks before it deletes it, and deletes many only when forced.

use sidecar_core::{
    Error, ErrorKind,
    sync::{Phase, SyncError},
};

use super::{
    harness::{Harness, ids},
    server_error,
};

#[tokio::test(start_paused = true)]
async fn an_unlisted_record_is_deleted_only_if_a_lookup_does_not_find_it() {
    let harness = Harness::new(&ids(5));
    harness.provider.list(&[&ids(3)]);
    harness.provider.existing.lock().unwrap().insert("c003".to_owned());
    let report = harness.run().await.unwrap();
    assert_eq!(harness.provider.take_lookups(), ["c003", "c004"]);
    assert_eq!((harness.stored(), report.deleted), (ids(4), 1));
}

#[tokio::test(start_paused = true)]
async fn a_listing_with_a_failing_page_removes_nothing() {
    let harness = Harness::new(&ids(5));
    harness.provider.list(&[&ids(2), &[]]);
    harness.provider.fail_page(1, server_error());
    harness.run().await.unwrap_err();
    assert_eq!((harness.stored(), harness.provider.take_lookups()), (ids(5), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_missing_record_whose_lookup_fails_is_skipped() {
    let harness = Harness::new(&ids(5));
    harness.provider.list(&[&ids(3)]);
    let forbidden = Error::new(ErrorKind::Forbidden, "not yours");
    harness.provider.unreadable.lock().unwrap().insert("c003".to_owned(), forbidden);
    let report = harness.run().await.unwrap();
    assert_eq!((harness.stored(), report.deleted, report.skipped), (ids(4), 1, 1));
    assert!(harness.status().last_full_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_missing_record_merged_into_another_is_skipped() {
    let harness = Harness::new(&ids(5));
    harness.provider.list(&[&ids(4)]);
    harness.provider.merged.lock().unwrap().insert("c004".to_owned(), "c000".to_owned());
    harness.run().await.unwrap();
    assert_eq!((harness.stored(), harness.provider.take_lookups()), (ids(5), vec!["c004".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn many_unreadable_records_do_not_hide_the_others() {
    let harness = Harness::new(&ids(200));
    harness.provider.list(&[&[]]);
    let unreadable = ids(120).into_iter().map(|id| (id, Error::new(ErrorKind::Forbidden, "not yours")));
    *harness.provider.unreadable.lock().unwrap() = unreadable.collect();
    let report = harness.force_run().await.unwrap();
    assert_eq!((harness.stored(), report.deleted, report.skipped), (ids(120), 80, 120));
    assert_eq!(harness.provider.take_lookups().len(), 200, "each is looked up once");
}

#[tokio::test(start_paused = true)]
async fn the_confirming_phase_resumes_after_an_outage_without_listing() {
    let harness = Harness::new(&ids(5));
    harness.provider.list(&[&ids(3)]);
    harness.provider.unreadable.lock().unwrap().insert("c004".to_owned(), server_error());
    harness.run().await.unwrap_err();
    assert_eq!(harness.progress().map(|progress| progress.phase), Some(Phase::Confirming));
    harness.provider.unreadable.lock().unwrap().clear();
    harness.provider.take_page_requests();
    harness.run().await.unwrap();
    assert_eq!((harness.provider.take_page_requests(), harness.stored()), (vec![], ids(3)));
}

#[tokio::test(start_paused = true)]
async fn a_run_with_too_many_missing_records_deletes_none_unless_forced() {
    let harness = Harness::new(&ids(100));
    let listed = ids(79);
    harness.provider.list(&[&listed[..50], &listed[50..]]);
    let blocked = harness.run().await;
    assert!(matches!(blocked, Err(SyncError::MassDelete { missing: 21, stored: 100, allowed_percent: 20 })));
    assert_eq!((harness.stored().len(), harness.provider.take_lookups()), (100, vec![]));
    harness.provider.take_page_requests();
    harness.run().await.unwrap_err();
    assert_eq!(harness.provider.take_page_requests(), [0, 1], "the next run lists every page again");

    let report = harness.force_run().await.unwrap();
    assert_eq!((harness.stored(), report.deleted, harness.provider.take_lookups().len()), (listed, 21, 21));
}

#[tokio::test(start_paused = true)]
async fn a_fifth_of_the_records_or_any_ten_may_be_deleted() {
    for (stored, listed) in [(100, 80), (12, 2), (10, 0)] {
        let harness = Harness::new(&ids(stored));
        harness.provider.list(&[&ids(listed)]);
        harness.run().await.unwrap();
        assert_eq!(harness.stored(), ids(listed));
    }
}
