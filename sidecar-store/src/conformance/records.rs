//! [`Records`](sidecar_core::commit::Records): a batch is atomic, the newest state wins, ambiguous changes are refetched, and
//! listings page without gaps.

use std::{borrow::Cow, sync::Arc};

use serde_json::json;
use sidecar_core::{
    OrganizationId,
    commit::{Batch, EventLogEntry, MAX_CHANGES, Outcome},
    queue::ClaimRequest,
    record::{ChangeOutcome, Listing, MAX_RECORD_ID_BYTES, Mutation, Origin, Record, RecordKey},
    sync::{CheckpointWrite, Mode, Phase, Progress},
};

use super::{
    behaviours,
    fixtures::{
        MINUTE, ON_CHANGE, REFETCH, apply, at, at_position, claim_tasks, delivery, doc, keys, listed, org, put_tasks,
        read, record_key, stored, stored_doc, sync_key, task, webhook, webhook_delete,
    },
};
use crate::Store;

fn log_entry(delivery: &str) -> EventLogEntry {
    EventLogEntry {
        organization: Some(org()),
        source: Cow::Borrowed("ghl"),
        delivery: delivery.into(),
        kind: "ContactUpdate".into(),
        entity: None,
        outcome: Cow::Borrowed("applied"),
    }
}

fn progress() -> Progress {
    Progress {
        mode: Mode::Full,
        phase: Phase::Listing,
        cursor: Some(json!([1, "c"])),
        started_at: at(0),
        newest: None,
        pages: 1,
        seen: 1,
    }
}

fn names(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| &*record.key.id).collect()
}

async fn list(store: &dyn Store, listing: Listing) -> Vec<Record> {
    let limit = if listing.limit == 0 { 100 } else { listing.limit };
    store.list(&org(), "contact", &Listing { limit, ..listing }).await.unwrap()
}

/// Stores five contacts in two locations, two of them at the same position.
async fn five(store: &dyn Store) {
    let contacts = [("a", "l_1", 1), ("b", "l_2", 2), ("d", "l_1", 3), ("c", "l_1", 3), ("e", "l_2", 5)];
    let change = |(id, place, position)| {
        at_position(place, position, listed(id, 0, json!({"name": format!("N{id} \u{c4}"), "email": "X@Y.example"})))
    };
    apply(store, contacts.into_iter().map(change).collect()).await;
}

async fn refetches(store: &dyn Store) -> Vec<serde_json::Value> {
    let tasks = store.claim_tasks(&[REFETCH], &ClaimRequest::new(100, MINUTE, at(0))).await.unwrap();
    tasks.into_iter().map(|task| task.payload).collect()
}

behaviours! { $ record_conformance, records, dyn Store:
    /// A record is returned as it was written.
    async fn a_record_is_returned_whole(store) {
        let fields = json!({"name": "Zo\u{eb} \0 \u{1F600} \"q\"", "n": 12_345_678_901_i64, "deep": {"a": [1.5, null, true]}, "": ""});
        assert_eq!(apply(&*store, vec![at_position("l_1", 7, listed("c", 3, fields.clone()))]).await, [ChangeOutcome::Inserted]);
        let found = stored(&*store, "c").await.unwrap();
        assert_eq!((found.key, found.location.as_deref(), found.doc), (record_key("c"), Some("l_1"), doc(fields)));
        assert_eq!((found.version, found.position, found.origin), (at(3), at(7), Origin::Fetched));
        assert_eq!((found.revision, found.deleted), (1, false));
    }

    /// An id can be any text.
    async fn unusual_ids_are_stored(store) {
        for id in ["a", "a\"b'c\\", "\u{1F600}", "a%_b"] {
            apply(&*store, vec![listed(id, 0, json!({"id": id}))]).await;
            assert_eq!(stored_doc(&*store, id).await, json!({"id": id}));
        }
        assert_eq!(list(&*store, Listing::default()).await.len(), 4);
    }

    /// A record that was never written is `None`.
    async fn an_unknown_record_is_none(store) {
        assert_eq!(stored(&*store, "c").await, None);
    }

    /// A newer state is written, an older one is stale, the same one is unchanged.
    async fn the_newest_state_wins(store) {
        apply(&*store, vec![listed("c", 100, json!({"v": 1}))]).await;
        let changes = vec![listed("c", 200, json!({"v": 2})), listed("c", 100, json!({"v": 1})), listed("c", 200, json!({"v": 2}))];
        assert_eq!(apply(&*store, changes).await, [ChangeOutcome::Updated, ChangeOutcome::Stale, ChangeOutcome::Unchanged]);
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": 2}));
    }

    /// Webhooks in any order end in the newest state.
    async fn webhooks_are_ordered_by_their_time(store) {
        apply(&*store, vec![webhook("c", 300, json!({"v": 3}))]).await;
        assert_eq!(apply(&*store, vec![webhook("c", 200, json!({"v": 2}))]).await, [ChangeOutcome::Stale]);
        assert_eq!(apply(&*store, vec![webhook("c", 301, json!({"v": 4}))]).await, [ChangeOutcome::Updated]);
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": 4}));
    }

    /// Only a write increments the revision.
    async fn each_write_increments_the_revision(store) {
        apply(&*store, vec![webhook("c", 1, json!({"v": 1})), webhook("c", 2, json!({"v": 2})), webhook("c", 1, json!({"v": 0}))]).await;
        assert_eq!(stored(&*store, "c").await.unwrap().revision, 2);
    }

    /// A webhook changes the fields that it has; `null` clears a field.
    async fn a_webhook_keeps_absent_fields(store) {
        apply(&*store, vec![at_position("l_1", 7, listed("c", 0, json!({"name": "A", "phone": "1", "score": 5})))]).await;
        apply(&*store, vec![webhook("c", 100, json!({"name": "B", "phone": null}))]).await;
        let found = stored(&*store, "c").await.unwrap();
        assert_eq!(found.doc, doc(json!({"name": "B", "phone": null, "score": 5})));
        assert_eq!((found.position, found.origin), (at(7), Origin::Webhook));
    }

    /// A deleted record is a tombstone without a document, and is neither listed nor counted.
    async fn a_deleted_record_is_a_tombstone(store) {
        five(&*store).await;
        assert_eq!(apply(&*store, vec![webhook_delete("a", 100)]).await, [ChangeOutcome::Deleted]);
        let found = stored(&*store, "a").await.unwrap();
        assert_eq!((found.deleted, found.doc.is_empty(), &*found.search, found.revision), (true, true, "", 2));
        assert_eq!(names(&list(&*store, Listing::default()).await), ["b", "c", "d", "e"]);
        assert_eq!(store.count(&org(), "contact", None).await.unwrap(), 4);
    }

    /// A late webhook or an old listing does not restore a deleted record.
    async fn a_tombstone_is_not_restored_by_old_changes(store) {
        apply(&*store, vec![listed("c", 0, json!({"v": 1})), webhook_delete("c", 100)]).await;
        assert_eq!(apply(&*store, vec![webhook("c", 50, json!({"v": 2}))]).await, [ChangeOutcome::Stale]);
        apply(&*store, vec![listed("c", 60, json!({"v": 2}))]).await;
        assert!(stored(&*store, "c").await.unwrap().deleted);
    }

    /// A webhook after the deletion causes a refetch, and only the refetch restores the record.
    async fn only_a_fetched_state_restores_a_record(store) {
        apply(&*store, vec![listed("c", 0, json!({"v": 1})), webhook_delete("c", 100)]).await;
        assert_eq!(apply(&*store, vec![webhook("c", 200, json!({"v": 2}))]).await, [ChangeOutcome::Ambiguous]);
        assert!(stored(&*store, "c").await.unwrap().deleted);
        assert_eq!(refetches(&*store).await.len(), 1);
        let fetched = read("c", 200, 2, Mutation::Put(doc(json!({"v": 2}))));
        assert_eq!(apply(&*store, vec![fetched]).await, [ChangeOutcome::Updated]);
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": 2}));
    }

    /// An ambiguous change is not written. The same commit enqueues one refetch, also for several changes.
    async fn an_ambiguous_change_is_refetched(store) {
        apply(&*store, vec![listed("c", 100, json!({"v": 1}))]).await;
        let ambiguous = vec![webhook("c", 102, json!({"v": 2})), webhook("c", 103, json!({"v": 3}))];
        assert_eq!(apply(&*store, ambiguous).await, [ChangeOutcome::Ambiguous, ChangeOutcome::Ambiguous]);
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": 1}));
        assert_eq!(refetches(&*store).await, [json!({"kind": "contact", "id": "c", "location": "l_1"})]);
    }

    /// An ambiguous change without a refetch task enqueues nothing.
    async fn without_a_refetch_task_nothing_is_enqueued(store) {
        apply(&*store, vec![listed("c", 100, json!({"v": 1}))]).await;
        let change = sidecar_core::record::Change { refetch_task: None, ..webhook("c", 102, json!({"v": 2})) };
        assert_eq!(apply(&*store, vec![change]).await, [ChangeOutcome::Ambiguous]);
        assert_eq!(store.waiting_tasks().await.unwrap(), (0, 0));
    }

    /// A written change enqueues its `on_change` task, once for several changes. A change that writes nothing does not.
    async fn a_written_change_enqueues_its_task(store) {
        let triggering = |change| sidecar_core::record::Change { on_change: Some(ON_CHANGE.into()), ..change };
        let tasks = async || store.claim_tasks(&[ON_CHANGE], &ClaimRequest::new(100, MINUTE, at(0))).await.unwrap();
        apply(&*store, vec![triggering(webhook("c", 1, json!({"v": 1}))), triggering(webhook("c", 2, json!({"v": 2})))]).await;
        let claimed = tasks().await;
        let payloads: Vec<_> = claimed.iter().map(|task| &task.payload).collect();
        assert_eq!(payloads, [&json!({"kind": "contact", "id": "c", "location": "l_1"})]);
        let done = Batch { outbox_done: claimed.into_iter().map(|task| task.claim).collect(), ..Batch::default() };
        assert!(store.commit(done).await.unwrap().committed);
        let known = vec![triggering(webhook("c", 1, json!({"v": 0}))), triggering(webhook("c", 2, json!({"v": 2})))];
        assert_eq!(apply(&*store, known).await, [ChangeOutcome::Stale, ChangeOutcome::Unchanged]);
        assert_eq!(tasks().await.len(), 0);
        assert_eq!(apply(&*store, vec![triggering(webhook_delete("c", 100))]).await, [ChangeOutcome::Deleted]);
        assert_eq!(tasks().await.len(), 1);
    }

    /// A read by id is written unless the record changed during the read.
    async fn a_read_is_written_unless_overtaken(store) {
        apply(&*store, vec![listed("c", 100, json!({"v": 1}))]).await;
        assert_eq!(apply(&*store, vec![read("c", 90, 1, Mutation::Put(doc(json!({"v": 0}))))]).await, [ChangeOutcome::Updated]);
        apply(&*store, vec![webhook("c", 200, json!({"v": 9}))]).await;
        assert_eq!(apply(&*store, vec![read("c", 95, 2, Mutation::Delete)]).await, [ChangeOutcome::Ambiguous]);
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": 9}));
    }

    /// A change sees the earlier changes of its batch.
    async fn changes_of_a_batch_build_on_each_other(store) {
        let changes = vec![webhook("c", 1, json!({"a": 1})), webhook("c", 2, json!({"b": 2})), webhook_delete("c", 3), webhook("d", 1, json!({}))];
        let expected = [ChangeOutcome::Inserted, ChangeOutcome::Updated, ChangeOutcome::Deleted, ChangeOutcome::Inserted];
        assert_eq!(apply(&*store, changes).await, expected);
        assert_eq!(stored(&*store, "c").await.unwrap().revision, 3);
    }

    /// If one claim is lost, nothing of the batch is written.
    async fn a_lost_claim_writes_nothing(store) {
        store.put(&[delivery("1", "k"), delivery("2", "l")]).await.unwrap();
        put_tasks(&*store, vec![task("t", "t")]).await;
        let deliveries = store.claim(&ClaimRequest::new(10, MINUTE, at(0))).await.unwrap();
        let held_task = claim_tasks(&*store, 1, at(0)).await.remove(0);
        store.fail(&deliveries[1].claim, "lost", Some(at(500))).await.unwrap();
        let outcome = store.commit(Batch {
            changes: vec![listed("c", 0, json!({"v": 1}))],
            inbox_done: deliveries.iter().map(|claimed| claimed.claim.clone()).collect(),
            outbox_done: vec![held_task.claim.clone()],
            event_log: vec![log_entry("1")],
            outbox: vec![task("new", "new")],
            checkpoint: Some(CheckpointWrite::Progress(sync_key(""), progress())),
            scanned: None,
            skip_triggers: false,
        }).await.unwrap();
        assert_eq!(outcome, Outcome::default());
        assert_eq!(stored(&*store, "c").await, None);
        assert_eq!(store.backlog().await.unwrap().pending, 2);
        assert_eq!((store.applied("ghl").await.unwrap(), store.waiting_tasks().await.unwrap()), ((0, 0), (1, 0)));
        assert_eq!(store.status(&sync_key("")).await.unwrap(), None);
    }

    /// If the claim of a task is lost, the delivery is not finished.
    async fn a_lost_task_finishes_no_delivery(store) {
        store.put(&[delivery("1", "k")]).await.unwrap();
        put_tasks(&*store, vec![task("t", "t")]).await;
        let claimed = store.claim(&ClaimRequest::new(1, MINUTE, at(0))).await.unwrap().remove(0);
        let lost = claim_tasks(&*store, 1, at(0)).await.remove(0);
        claim_tasks(&*store, 1, at(60)).await;
        let batch = Batch { inbox_done: vec![claimed.claim], outbox_done: vec![lost.claim], ..Batch::default() };
        assert!(!store.commit(batch).await.unwrap().committed);
        assert_eq!(store.backlog().await.unwrap().pending, 1);
    }

    /// A commit writes every part of a batch.
    async fn a_batch_is_written_whole(store) {
        store.put(&[delivery("1", "k"), delivery("2", "l")]).await.unwrap();
        let claimed = store.claim(&ClaimRequest::new(10, MINUTE, at(0))).await.unwrap();
        // A repeated claim counts once.
        let claims = [&claimed[0], &claimed[1], &claimed[0]].map(|claimed| claimed.claim.clone());
        let outcome = store.commit(Batch {
            changes: vec![listed("c", 0, json!({"v": 1})), webhook("d", 0, json!({"v": 2}))],
            inbox_done: claims.to_vec(),
            event_log: vec![log_entry("1"), log_entry("2")],
            outbox: vec![task("t", "t")],
            checkpoint: Some(CheckpointWrite::Progress(sync_key(""), progress())),
            ..Batch::default()
        }).await.unwrap();
        assert!(outcome.committed);
        assert_eq!((outcome.changes, outcome.missing), (vec![ChangeOutcome::Inserted; 2], 0));
        assert_eq!((store.backlog().await.unwrap().pending, store.applied("ghl").await.unwrap()), (0, (2, 2)));
        assert_eq!(keys(&claim_tasks(&*store, 10, at(0)).await), ["t"]);
        assert_eq!(store.status(&sync_key("")).await.unwrap().unwrap().progress, Some(progress()));
    }

    /// An empty batch can be committed.
    async fn an_empty_batch_is_committed(store) {
        assert_eq!(store.commit(Batch::default()).await.unwrap(), Outcome { committed: true, ..Outcome::default() });
    }

    /// A batch of the maximum size is written; a larger one is rejected.
    async fn a_batch_has_a_maximum_size(store) {
        let changes = |count: usize| (0..count).map(|n| listed(&n.to_string(), 0, json!({"n": n}))).collect::<Vec<_>>();
        let error = store.commit(Batch { changes: changes(MAX_CHANGES + 1), ..Batch::default() }).await.unwrap_err();
        assert!(!error.is_retryable() && error.to_string().contains("500"), "{error}");
        assert_eq!(store.count(&org(), "contact", None).await.unwrap(), 0);
        apply(&*store, changes(MAX_CHANGES)).await;
        assert_eq!(store.count(&org(), "contact", None).await.unwrap(), MAX_CHANGES as u64);
    }

    /// A record whose id cannot be stored is rejected permanently, with the whole batch.
    async fn an_id_that_cannot_be_stored_is_rejected(store) {
        let too_long = "i".repeat(9_000);
        for id in ["", "bk\0", "a\nb", &too_long] {
            for change in [listed(id, 0, json!({})), webhook(id, 0, json!({})), webhook_delete(id, 0)] {
                let changes = vec![listed("valid", 0, json!({})), change];
                let error = store.commit(Batch { changes, ..Batch::default() }).await.unwrap_err();
                assert!(!error.is_retryable() && error.to_string().contains("the id"), "{error}");
            }
        }
        assert_eq!(store.count(&org(), "contact", None).await.unwrap(), 0);
    }

    /// An id of the maximum length is stored.
    async fn an_id_of_the_maximum_length_is_stored(store) {
        let id = "\u{fc}".repeat(MAX_RECORD_ID_BYTES / 2);
        apply(&*store, vec![listed(&id, 0, json!({"n": 1}))]).await;
        assert_eq!(stored_doc(&*store, &id).await, json!({"n": 1}));
    }

    /// Every entry of the event log counts, also repeated ones.
    async fn event_log_entries_are_counted(store) {
        let other = EventLogEntry { source: Cow::Borrowed("stripe"), organization: None, entity: Some("e".into()), ..log_entry("9") };
        let applied = vec![log_entry("1"), log_entry("2"), log_entry("1"), other];
        store.commit(Batch { event_log: applied, ..Batch::default() }).await.unwrap();
        assert_eq!((store.applied("ghl").await.unwrap(), store.applied("stripe").await.unwrap()), ((3, 2), (1, 1)));
        assert_eq!(store.applied("calcom").await.unwrap(), (0, 0));
    }

    /// Listings are ordered by position and id, and page without gaps or duplicates.
    async fn listings_page_in_order(store) {
        five(&*store).await;
        for (newest_first, expected) in [(false, ["a", "b", "c", "d", "e"]), (true, ["e", "d", "c", "b", "a"])] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = list(&*store, Listing { limit: 2, after, newest_first, ..Listing::default() }).await;
                found.extend(names(&page).into_iter().map(str::to_owned));
                match page.last() {
                    Some(last) => after = Some((last.position, last.key.id.clone())),
                    None => break,
                }
            }
            assert_eq!(found, expected);
        }
    }

    /// Listings filter by location, position (from inclusive, to exclusive) and text.
    async fn listings_are_filtered(store) {
        five(&*store).await;
        let of = |listing: Listing| list(&*store, listing);
        assert_eq!(names(&of(Listing { location: Some("l_1".into()), ..Listing::default() }).await), ["a", "c", "d"]);
        let range = Listing { from: Some(at(2)), to: Some(at(5)), ..Listing::default() };
        assert_eq!(names(&of(range.clone()).await), ["b", "c", "d"]);
        let newest = Listing { location: Some("l_1".into()), newest_first: true, ..range };
        assert_eq!(names(&of(newest).await), ["d", "c"]);
        assert_eq!(names(&of(Listing { search: Some("nc \u{e4} x@y".into()), ..Listing::default() }).await), ["c"]);
        assert_eq!(names(&of(Listing { search: Some("%".into()), ..Listing::default() }).await), Vec::<&str>::new());
    }

    /// Counts one kind, in one location or all.
    async fn counts_are_by_kind_and_location(store) {
        five(&*store).await;
        let count = async |kind: &str, place: Option<&str>| store.count(&org(), kind, place).await.unwrap();
        assert_eq!((count("contact", None).await, count("contact", Some("l_2")).await), (5, 2));
        assert_eq!((count("contact", Some("l_9")).await, count("location", None).await), (0, 0));
    }

    /// A change without a location or position keeps the stored ones.
    async fn an_absent_location_or_position_is_kept(store) {
        apply(&*store, vec![at_position("l_1", 7, listed("c", 0, json!({"v": 1})))]).await;
        let change = sidecar_core::record::Change { location: None, position: None, ..listed("c", 50, json!({"v": 2})) };
        apply(&*store, vec![change]).await;
        let found = stored(&*store, "c").await.unwrap();
        assert_eq!((found.location.as_deref(), found.position, found.version), (Some("l_1"), at(7), at(50)));
    }

    /// Tenants do not see each other's records, even with equal ids.
    async fn tenants_are_isolated(store) {
        let foreign = RecordKey { organization: OrganizationId::from("org_2"), ..record_key("c") };
        let change = sidecar_core::record::Change { key: foreign.clone(), ..listed("c", 900, json!({"v": "theirs"})) };
        apply(&*store, vec![listed("c", 0, json!({"v": "mine"})), change]).await;
        assert_eq!(stored_doc(&*store, "c").await, json!({"v": "mine"}));
        assert_eq!(store.record(&foreign).await.unwrap().unwrap().doc, doc(json!({"v": "theirs"})));
        assert_eq!(list(&*store, Listing::default()).await.len(), 1);
    }

    /// Concurrent commits lose no write and end in the newest state.
    async fn concurrent_commits_end_in_the_newest(store) {
        let writers = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let own = webhook(&format!("own{n}"), n, json!({"n": n}));
                apply(&*store, vec![webhook("shared", n, json!({"n": n})), own]).await
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(stored_doc(&*store, "shared").await, json!({"n": 15}));
        assert_eq!(store.count(&org(), "contact", None).await.unwrap(), 17);
    }
}
