//! The limits of a run: a listing that does not end, too many records, and ids that cannot be stored.

use sidecar_core::sync::{EngineConfig, SyncError};

use crate::harness::{Harness, ids};

fn list_single_rows(harness: &Harness, all: &[String]) {
    harness.provider.list(&all.chunks(1).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_does_not_end_is_stopped() {
    for limit in [
        EngineConfig { max_pages: 3, ..EngineConfig::default() },
        EngineConfig { max_rows: 3, ..EngineConfig::default() },
    ] {
        let old = ["old".to_owned()];
        let harness = Harness::with_config(&old, limit);
        list_single_rows(&harness, &ids(10));
        let error = harness.run().await.unwrap_err();
        assert!(matches!(error, SyncError::ListingTooLong { pages: 3, rows: 3 }), "{error}");
        let status = harness.status();
        assert!(status.last_error.is_some_and(|why| why.contains("did not end after 3 pages")));
        assert_eq!(status.progress, None, "the next run starts from the first page");
        let mut stored = ids(3);
        stored.extend(old);
        assert_eq!(harness.stored(), stored, "the rows so far are stored and nothing is deleted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_of_the_maximum_length_succeeds() {
    let harness = Harness::with_config(&[], EngineConfig { max_pages: 3, max_rows: 3, ..EngineConfig::default() });
    list_single_rows(&harness, &ids(3));
    assert_eq!(harness.run().await.unwrap().seen, 3);
}

#[tokio::test(start_paused = true)]
async fn an_organization_with_too_many_records_gets_no_more() {
    let harness = Harness::with_config(&ids(5), EngineConfig { max_records: 5, ..EngineConfig::default() });
    list_single_rows(&harness, &ids(10));
    for _ in 0..3 {
        let error = harness.run().await.unwrap_err();
        assert!(matches!(error, SyncError::TooManyRecords { stored: 5, limit: 5 }), "{error}");
    }
    assert_eq!(harness.stored().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn rows_with_ids_that_cannot_be_stored_are_skipped() {
    let harness = Harness::new(&[]);
    let odd = ["", "bk\0", "a\nb", &"i".repeat(9_000), "c000"].map(str::to_owned);
    harness.provider.list(&[&odd]);
    let report = harness.run().await.unwrap();
    assert_eq!((report.invalid, report.inserted, harness.stored()), (4, 1, ids(1)));
}
