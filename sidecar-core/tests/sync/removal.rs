//! What a full pass did not find is read by id before it is removed, and much is not removed without force.

use sidecar_core::{
    Error, ErrorKind,
    sync::{Phase, SyncError},
};

use super::{
    desk::{Desk, ids},
    server_trouble,
};

#[tokio::test(start_paused = true)]
async fn what_the_listing_lacks_is_removed_only_if_a_read_does_not_find_it() {
    let desk = Desk::new(&ids(5));
    desk.provider.list(&[&ids(3)]);
    desk.provider.alive.lock().unwrap().insert("c003".to_owned());
    let report = desk.pass().await.unwrap();
    assert_eq!(desk.provider.read(), ["c003", "c004"]);
    assert_eq!((desk.stored(), report.deleted), (ids(4), 1));
}

#[tokio::test(start_paused = true)]
async fn a_listing_with_a_failing_page_removes_nothing() {
    let desk = Desk::new(&ids(5));
    desk.provider.list(&[&ids(2), &[]]);
    desk.provider.fail_page(1, server_trouble());
    desk.pass().await.unwrap_err();
    assert_eq!((desk.stored(), desk.provider.read()), (ids(5), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_missing_record_that_cannot_be_read_is_left_and_the_pass_ends() {
    let desk = Desk::new(&ids(5));
    desk.provider.list(&[&ids(3)]);
    let forbidden = Error::new(ErrorKind::Forbidden, "not yours");
    desk.provider.unreadable.lock().unwrap().insert("c003".to_owned(), forbidden);
    let report = desk.pass().await.unwrap();
    assert_eq!((desk.stored(), report.deleted, report.skipped), (ids(4), 1, 1));
    assert!(desk.status().last_full_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_missing_record_under_which_another_answers_is_left_and_the_pass_ends() {
    let desk = Desk::new(&ids(5));
    desk.provider.list(&[&ids(4)]);
    desk.provider.merged.lock().unwrap().insert("c004".to_owned(), "c000".to_owned());
    desk.pass().await.unwrap();
    assert_eq!((desk.stored(), desk.provider.read()), (ids(5), vec!["c004".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn many_unreadable_records_do_not_hide_the_others() {
    let desk = Desk::new(&ids(200));
    desk.provider.list(&[&[]]);
    let unreadable = ids(120).into_iter().map(|id| (id, Error::new(ErrorKind::Forbidden, "not yours")));
    *desk.provider.unreadable.lock().unwrap() = unreadable.collect();
    let report = desk.forced_pass().await.unwrap();
    assert_eq!((desk.stored(), report.deleted, report.skipped), (ids(120), 80, 120));
    assert_eq!(desk.provider.read().len(), 200, "each is read once");
}

#[tokio::test(start_paused = true)]
async fn confirming_goes_on_after_an_outage_without_listing_again() {
    let desk = Desk::new(&ids(5));
    desk.provider.list(&[&ids(3)]);
    desk.provider.unreadable.lock().unwrap().insert("c004".to_owned(), server_trouble());
    desk.pass().await.unwrap_err();
    assert_eq!(desk.progress().map(|progress| progress.phase), Some(Phase::Confirming));
    desk.provider.unreadable.lock().unwrap().clear();
    desk.provider.asked();
    desk.pass().await.unwrap();
    assert_eq!((desk.provider.asked(), desk.stored()), (vec![], ids(3)));
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_lacks_too_much_removes_nothing_unless_forced() {
    let desk = Desk::new(&ids(100));
    let listed = ids(79);
    desk.provider.list(&[&listed[..50], &listed[50..]]);
    let refused = desk.pass().await;
    assert!(matches!(refused, Err(SyncError::MassDelete { missing: 21, stored: 100, allowed_percent: 20 })));
    assert_eq!((desk.stored().len(), desk.provider.read()), (100, vec![]));
    desk.provider.asked();
    desk.pass().await.unwrap_err();
    assert_eq!(desk.provider.asked(), [0, 1], "the next pass looks at the whole listing again");

    let report = desk.forced_pass().await.unwrap();
    assert_eq!((desk.stored(), report.deleted, desk.provider.read().len()), (listed, 21, 21));
}

#[tokio::test(start_paused = true)]
async fn a_fifth_may_be_removed_and_ten_always_may() {
    for (stored, listed) in [(100, 80), (12, 2), (10, 0)] {
        let desk = Desk::new(&ids(stored));
        desk.provider.list(&[&ids(listed)]);
        desk.pass().await.unwrap();
        assert_eq!(desk.stored(), ids(listed));
    }
}
