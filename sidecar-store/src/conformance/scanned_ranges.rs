//! Records that a full run does not list: the commit of a page marks them, and
//! [`Checkpoints::missing`](sidecar_core::sync::Checkpoints::missing) returns them until a change confirms or deletes them.

use std::sync::Arc;

use serde_json::json;
use sidecar_core::{
    commit::{Batch, KeyRange, ScannedRange},
    record::{Change, Mutation},
    sync::{CheckpointWrite, Mode},
};

use super::{
    behaviours,
    fixtures::{apply, at, at_position, listed, read, sync_key, webhook, webhook_delete},
};
use crate::Store;

type End<'a> = Option<(i64, &'a str)>;

fn contact(id: &str, location: &str, position: i64) -> Change {
    at_position(location, position, listed(id, 0, json!({"id": id})))
}

/// Stores a to e at the positions 1 to 5, c in another location.
async fn five(store: &dyn Store) {
    let places = [("a", "l_1"), ("b", "l_1"), ("c", "l_2"), ("d", "l_1"), ("e", "l_1")];
    let changes = (1..).zip(places).map(|(position, (id, location))| contact(id, location, position));
    apply(store, changes.collect()).await;
}

fn end(end: End<'_>) -> Option<(sidecar_core::Timestamp, Arc<str>)> {
    end.map(|(seconds, id)| (at(seconds), id.into()))
}

/// Commits a page of the run of `l_1` that lists `changes`. Returns the number of missing records.
async fn page(store: &dyn Store, changes: Vec<Change>, after: End<'_>, up_to: End<'_>) -> u64 {
    let range = KeyRange { kind: "contact", location: Some("l_1".into()), after: end(after), up_to: end(up_to) };
    let scanned = Some(ScannedRange { sync: sync_key("l_1"), range, older_than: at(1_000) });
    store.commit(Batch { changes, scanned, ..Batch::default() }).await.unwrap().missing
}

async fn missing(store: &dyn Store) -> Vec<String> {
    let found = store.missing(&sync_key("l_1"), 100).await.unwrap();
    found.into_iter().map(|(record, _)| record.id.to_string()).collect()
}

behaviours! { $ scanned_range_conformance, scanned_ranges, dyn Store:
    /// Stored records of the range that the page does not list are counted and marked, with their revision.
    async fn unlisted_records_are_marked_missing(store) {
        five(&*store).await;
        apply(&*store, vec![webhook("d", 100, json!({"x": 1}))]).await;
        assert_eq!(page(&*store, vec![contact("a", "l_1", 1), contact("e", "l_1", 5)], None, None).await, 2);
        let found = store.missing(&sync_key("l_1"), 100).await.unwrap();
        let found: Vec<_> = found.iter().map(|(record, revision)| (&*record.id, *revision)).collect();
        assert_eq!(found, [("b", 1), ("d", 2)]);
        assert_eq!(store.missing(&sync_key("l_1"), 1).await.unwrap().len(), 1);
    }

    /// The start of a range is exclusive and the end inclusive, by position and id.
    async fn a_range_excludes_its_start(store) {
        five(&*store).await;
        assert_eq!(page(&*store, vec![], Some((1, "a")), Some((4, "d"))).await, 2);
        assert_eq!(missing(&*store).await, ["b", "d"]);
    }

    /// The id decides between equal positions.
    async fn a_range_divides_equal_positions(store) {
        apply(&*store, ["p", "q", "r", "s"].map(|id| contact(id, "l_1", 7)).into()).await;
        assert_eq!(page(&*store, vec![], Some((7, "p")), Some((7, "r"))).await, 2);
        assert_eq!(missing(&*store).await, ["q", "r"]);
    }

    /// A range without a location includes every location.
    async fn a_range_can_span_all_locations(store) {
        five(&*store).await;
        let range = KeyRange { kind: "contact", location: None, after: None, up_to: None };
        let scanned = Some(ScannedRange { sync: sync_key(""), range, older_than: at(1_000) });
        assert_eq!(store.commit(Batch { scanned, ..Batch::default() }).await.unwrap().missing, 5);
    }

    /// Records that may be newer than the listing are not missing.
    async fn younger_records_are_not_missing(store) {
        five(&*store).await;
        apply(&*store, vec![webhook("b", 1_000, json!({"x": 1}))]).await;
        assert_eq!(page(&*store, vec![], None, None).await, 3);
        assert_eq!(missing(&*store).await, ["a", "d", "e"]);
    }

    /// Tombstones are not missing.
    async fn tombstones_are_not_missing(store) {
        five(&*store).await;
        apply(&*store, vec![webhook_delete("b", 100)]).await;
        assert_eq!(page(&*store, vec![], None, None).await, 3);
    }

    /// A repeated page counts and marks the same records.
    async fn a_repeated_page_counts_the_same(store) {
        five(&*store).await;
        for _ in 0..2 {
            assert_eq!(page(&*store, vec![contact("a", "l_1", 1)], None, None).await, 3);
        }
        assert_eq!(missing(&*store).await, ["b", "d", "e"]);
    }

    /// A read by id clears the mark, whether it finds the record or not.
    async fn a_read_clears_a_missing_record(store) {
        five(&*store).await;
        page(&*store, vec![], None, None).await;
        let alive = read("a", 0, 1, Mutation::Put(std::sync::Arc::default()));
        apply(&*store, vec![alive, read("b", 0, 1, Mutation::Delete)]).await;
        assert_eq!(missing(&*store).await, ["d", "e"]);
    }

    /// A later page or a webhook clears the mark.
    async fn any_other_change_clears_a_missing_record(store) {
        five(&*store).await;
        page(&*store, vec![], None, None).await;
        apply(&*store, vec![contact("a", "l_1", 1), webhook("b", 100, json!({"x": 1})), webhook_delete("d", 100)]).await;
        assert_eq!(missing(&*store).await, ["e"]);
    }

    /// A finished or restarted run clears its missing records.
    async fn a_finished_or_restarted_run_clears_missing_records(store) {
        five(&*store).await;
        page(&*store, vec![], None, None).await;
        store.restart(&sync_key("l_1")).await.unwrap();
        assert_eq!(missing(&*store).await, Vec::<String>::new());
        page(&*store, vec![], None, None).await;
        let finished = CheckpointWrite::Finished {
            key: sync_key("l_1"), mode: Mode::Full, at: at(9), watermark: None, next_run_at: at(900),
        };
        store.commit(Batch { checkpoint: Some(finished), ..Batch::default() }).await.unwrap();
        assert_eq!(missing(&*store).await, Vec::<String>::new());
    }
}
