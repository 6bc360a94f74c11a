//! What a full pass did not find: remembered by the commit of its page, and told by
//! [`Checkpoints::missing`](sidecar_core::sync::Checkpoints::missing) until somebody settles it.

use std::sync::Arc;

use serde_json::json;
use sidecar_core::{
    commit::{Batch, KeyRange, ScannedRange},
    record::{Change, Mutation},
    sync::{CheckpointWrite, Mode},
};

use super::{
    behaviours,
    make::{apply, at, listed, placed, read, sync_key, webhook, webhook_delete},
};
use crate::Store;

type End<'a> = Option<(i64, &'a str)>;

fn contact(id: &str, location: &str, position: i64) -> Change {
    placed(location, position, listed(id, 0, json!({"id": id})))
}

/// a to e at the positions 1 to 5; c belongs to another location.
async fn five(store: &dyn Store) {
    let places = [("a", "l_1"), ("b", "l_1"), ("c", "l_2"), ("d", "l_1"), ("e", "l_1")];
    let changes = (1..).zip(places).map(|(position, (id, location))| contact(id, location, position));
    apply(store, changes.collect()).await;
}

fn end(end: End<'_>) -> Option<(sidecar_core::Timestamp, Arc<str>)> {
    end.map(|(seconds, id)| (at(seconds), id.into()))
}

/// A page of the pass of `l_1` that lists `changes`; answers how many were missing.
async fn page(store: &dyn Store, changes: Vec<Change>, after: End<'_>, up_to: End<'_>) -> u64 {
    let span = KeyRange { kind: "contact", location: Some("l_1".into()), after: end(after), up_to: end(up_to) };
    let covered = Some(ScannedRange { sync: sync_key("l_1"), range: span, older_than: at(1_000) });
    store.commit(Batch { changes, scanned: covered, ..Batch::default() }).await.unwrap().missing
}

async fn missing(store: &dyn Store) -> Vec<String> {
    let found = store.missing(&sync_key("l_1"), 100).await.unwrap();
    found.into_iter().map(|(record, _)| record.id.to_string()).collect()
}

behaviours! { $ stretch_conformance, stretches, dyn Store:
    /// Stored records of the stretch that the page lacks are counted and remembered, with their revision.
    async fn what_a_page_lacks_is_remembered(store) {
        five(&*store).await;
        apply(&*store, vec![webhook("d", 100, json!({"x": 1}))]).await;
        assert_eq!(page(&*store, vec![contact("a", "l_1", 1), contact("e", "l_1", 5)], None, None).await, 2);
        let found = store.missing(&sync_key("l_1"), 100).await.unwrap();
        let found: Vec<_> = found.iter().map(|(record, revision)| (&*record.id, *revision)).collect();
        assert_eq!(found, [("b", 1), ("d", 2)]);
        assert_eq!(store.missing(&sync_key("l_1"), 1).await.unwrap().len(), 1);
    }

    /// A stretch begins after its start and ends with its end, by position and id.
    async fn a_stretch_is_open_at_its_start(store) {
        five(&*store).await;
        assert_eq!(page(&*store, vec![], Some((1, "a")), Some((4, "d"))).await, 2);
        assert_eq!(missing(&*store).await, ["b", "d"]);
    }

    /// Of one position the id decides.
    async fn a_stretch_divides_equal_positions(store) {
        apply(&*store, ["p", "q", "r", "s"].map(|id| contact(id, "l_1", 7)).into()).await;
        assert_eq!(page(&*store, vec![], Some((7, "p")), Some((7, "r"))).await, 2);
        assert_eq!(missing(&*store).await, ["q", "r"]);
    }

    /// A stretch over all locations takes them all.
    async fn a_stretch_may_span_all_locations(store) {
        five(&*store).await;
        let span = KeyRange { kind: "contact", location: None, after: None, up_to: None };
        let covered = Some(ScannedRange { sync: sync_key(""), range: span, older_than: at(1_000) });
        assert_eq!(store.commit(Batch { scanned: covered, ..Batch::default() }).await.unwrap().missing, 5);
    }

    /// What may have come after the listing was made is left alone.
    async fn younger_records_are_not_missing(store) {
        five(&*store).await;
        apply(&*store, vec![webhook("b", 1_000, json!({"x": 1}))]).await;
        assert_eq!(page(&*store, vec![], None, None).await, 3);
        assert_eq!(missing(&*store).await, ["a", "d", "e"]);
    }

    /// Tombstones and other kinds are not missing.
    async fn tombstones_are_not_missing(store) {
        five(&*store).await;
        apply(&*store, vec![webhook_delete("b", 100)]).await;
        assert_eq!(page(&*store, vec![], None, None).await, 3);
    }

    /// A page of a pass that is done again counts and remembers the same.
    async fn a_repeated_page_is_counted_alike(store) {
        five(&*store).await;
        for _ in 0..2 {
            assert_eq!(page(&*store, vec![contact("a", "l_1", 1)], None, None).await, 3);
        }
        assert_eq!(missing(&*store).await, ["b", "d", "e"]);
    }

    /// A read by id settles it: found or gone, it is not told again.
    async fn a_read_settles_what_was_missing(store) {
        five(&*store).await;
        page(&*store, vec![], None, None).await;
        let alive = read("a", 0, 1, Mutation::Put(std::sync::Arc::default()));
        apply(&*store, vec![alive, read("b", 0, 1, Mutation::Delete)]).await;
        assert_eq!(missing(&*store).await, ["d", "e"]);
    }

    /// A later page that lists it settles it, and so does a webhook of it.
    async fn any_other_change_settles_what_was_missing(store) {
        five(&*store).await;
        page(&*store, vec![], None, None).await;
        apply(&*store, vec![contact("a", "l_1", 1), webhook("b", 100, json!({"x": 1})), webhook_delete("d", 100)]).await;
        assert_eq!(missing(&*store).await, ["e"]);
    }

    /// A new pass starts without what the last one found missing; so does one that is begun anew.
    async fn a_finished_or_restarted_pass_forgets(store) {
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
