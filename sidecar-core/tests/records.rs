//! The rule by which a change meets a stored record.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use sidecar_core::{
    Timestamp,
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Origin, Record, RecordKey, Resolution, resolve},
};

fn doc(value: serde_json::Value) -> Arc<Doc> {
    value.as_object().cloned().unwrap().into()
}

fn change(origin: ChangeOrigin, second: i64, effect: Mutation) -> Change {
    Change {
        key: RecordKey { organization: "org".into(), kind: "contact".into(), id: "c1".into() },
        location: Some("l1".into()),
        version: Timestamp::from_secs(second),
        origin,
        position: None,
        mutation: effect,
        searchable: &["email"],
        refetch_task: None,
        on_change: None,
    }
}

fn webhook(second: i64, fields: serde_json::Value) -> Change {
    change(ChangeOrigin::Webhook, second, Mutation::Patch(doc(fields)))
}

fn listed(second: i64, fields: serde_json::Value) -> Change {
    change(ChangeOrigin::Listed, second, Mutation::Put(doc(fields)))
}

fn read(revision: u64, second: i64, fields: serde_json::Value) -> Change {
    change(ChangeOrigin::Read { revision }, second, Mutation::Put(doc(fields)))
}

/// The record after the changes, taken one after another; what is not written leaves it.
fn after(changes: &[Change]) -> Record {
    let mut record = None;
    for change in changes {
        if let Resolution::Write(next, _) = resolve(record.as_ref(), change) {
            record = Some(*next);
        }
    }
    record.unwrap()
}

fn kept(changes: &[Change], last: &Change) -> ChangeOutcome {
    match resolve(Some(&after(changes)), last) {
        Resolution::Keep(written) => written,
        other => panic!("expected to keep, got {other:?}"),
    }
}

#[test]
fn a_webhook_changes_only_what_it_carries() {
    let record = after(&[listed(0, json!({"email": "a@x", "tags": ["t"]})), webhook(100, json!({"email": "B@x"}))]);
    assert_eq!(record.doc, doc(json!({"email": "B@x", "tags": ["t"]})));
    assert_eq!((record.search.as_str(), record.origin, record.revision), ("b@x", Origin::Webhook, 2));
}

#[test]
fn webhooks_are_ordered_by_their_own_time() {
    let newer = webhook(2, json!({"email": "new"}));
    assert_eq!(kept(&[newer], &webhook(1, json!({"email": "old"}))), ChangeOutcome::Stale);
}

#[test]
fn two_webhooks_of_one_time_that_disagree_are_not_ordered() {
    let first = after(&[webhook(1, json!({"email": "a"}))]);
    assert_eq!(resolve(Some(&first), &webhook(1, json!({"email": "b"}))), Resolution::Refetch);
    assert_eq!(
        kept(&[webhook(1, json!({"email": "a"}))], &webhook(1, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
}

#[test]
fn a_webhook_and_a_fetched_state_within_the_skew_are_not_ordered_unless_they_agree() {
    let fetched = after(&[listed(10, json!({"email": "a", "phone": "1"}))]);
    for second in [6, 10, 14] {
        assert_eq!(resolve(Some(&fetched), &webhook(second, json!({"email": "b"}))), Resolution::Refetch, "{second}");
    }
    assert_eq!(
        kept(&[listed(10, json!({"email": "a"}))], &webhook(12, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
    assert_eq!(after(&[listed(10, json!({"email": "a"})), webhook(16, json!({"email": "b"}))]).doc["email"], "b");
    assert_eq!(kept(&[listed(10, json!({"email": "a"}))], &webhook(4, json!({"email": "b"}))), ChangeOutcome::Stale);
}

#[test]
fn a_webhook_that_calls_empty_what_a_read_leaves_out_tells_nothing_new() {
    let fetched = [listed(10, json!({"email": "a", "phone": null}))];
    for empty in [json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(
            kept(&fetched, &webhook(11, json!({"email": "a", "phone": empty, "city": empty}))),
            ChangeOutcome::Unchanged
        );
        assert_eq!(resolve(Some(&after(&fetched)), &webhook(11, json!({"email": empty}))), Resolution::Refetch);
    }
}

#[test]
fn a_listed_state_that_lacks_what_a_webhook_told_does_not_erase_it() {
    let told = after(&[webhook(100, json!({"email": "a", "phone": "1", "attachments": []}))]);
    for second in [98, 90] {
        assert_eq!(resolve(Some(&told), &listed(second, json!({"email": "a"}))), Resolution::Refetch, "{second}");
    }
    let whole = listed(98, json!({"email": "a", "phone": "1"}));
    assert!(matches!(resolve(Some(&told), &whole), Resolution::Write(..)), "empty values do not count");
}

#[test]
fn a_fetched_state_that_agrees_completes_what_a_webhook_told() {
    let record = after(&[webhook(10, json!({"email": "a"})), listed(8, json!({"email": "a", "source": "form"}))]);
    assert_eq!((record.doc["source"].as_str(), record.origin), (Some("form"), Origin::Fetched));
}

#[test]
fn a_listed_state_completes_a_webhook_however_old_it_seems() {
    let record = after(&[webhook(100, json!({"email": "a"})), listed(90, json!({"email": "a", "source": "form"}))]);
    assert_eq!(record.doc, doc(json!({"email": "a", "source": "form"})));
}

#[test]
fn a_read_of_a_newer_state_counts_though_the_record_changed_meanwhile() {
    let whole = read(0, 160, json!({"email": "a", "source": "form"}));
    let record = after(&[listed(90, json!({"email": "a"})), whole]);
    assert_eq!((record.doc["source"].as_str(), record.version), (Some("form"), Timestamp::from_secs(160)));
}

#[test]
fn a_listing_that_repeats_what_is_stored_writes_nothing() {
    assert_eq!(
        kept(&[listed(10, json!({"email": "a"}))], &listed(20, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
}

#[test]
fn a_read_settles_what_could_not_be_ordered() {
    let stored = after(&[webhook(10, json!({"email": "a"}))]);
    assert!(matches!(resolve(Some(&stored), &read(stored.revision, 9, json!({"email": "b"}))), Resolution::Write(..)));
    assert_eq!(resolve(Some(&stored), &read(stored.revision + 1, 9, json!({"email": "b"}))), Resolution::Refetch);
    // After it, listings are ordered by the record's own time again.
    let settled = after(&[webhook(10, json!({"email": "a"})), read(1, 9, json!({"email": "b"}))]);
    assert!(matches!(resolve(Some(&settled), &listed(10, json!({"email": "c"}))), Resolution::Write(..)));
}

#[test]
fn a_listed_state_that_seems_a_moment_older_than_an_answer_is_asked_about() {
    // Our clock is ahead of the provider's, where somebody changed the record right after our write.
    let ours = after(&[listed(0, json!({"email": "a"})), answer(1, 102, json!({"email": "b"}))]);
    for second in [97, 101] {
        assert_eq!(resolve(Some(&ours), &listed(second, json!({"email": "c"}))), Resolution::Refetch, "{second}");
    }
    assert_eq!(resolve(Some(&ours), &listed(96, json!({"email": "c"}))), Resolution::Keep(ChangeOutcome::Stale));
    assert_eq!(resolve(Some(&ours), &listed(101, json!({"email": "b"}))), Resolution::Keep(ChangeOutcome::Unchanged));
    // The read is the end of it: listings and reads tell the record's own time.
    let settled = after(&[listed(0, json!({})), answer(1, 102, json!({})), read(2, 101, json!({"email": "c"}))]);
    assert_eq!(settled.doc, doc(json!({"email": "c"})));
    assert_eq!(
        resolve(Some(&settled), &listed(101, json!({"email": "c"}))),
        Resolution::Keep(ChangeOutcome::Unchanged)
    );
}

/// The answer to a write that was asked for at this second, when the stored revision was this.
fn answer(revision: u64, second: i64, fields: serde_json::Value) -> Change {
    change(ChangeOrigin::Read { revision }, second, Mutation::Patch(doc(fields)))
}

#[test]
fn an_answer_that_a_webhook_overtook_completes_it_and_contradicts_nothing() {
    let told = after(&[webhook(10, json!({"email": "a", "notes": ""}))]);
    assert_eq!(resolve(Some(&told), &answer(0, 9, json!({"email": "old"}))), Resolution::Refetch);
    let record =
        after(&[webhook(10, json!({"email": "a", "notes": ""})), answer(0, 9, json!({"email": "a", "id": "c1"}))]);
    assert_eq!(record.doc, doc(json!({"email": "a", "notes": "", "id": "c1"})));
    assert_eq!(record.version, Timestamp::from_secs(10), "what is older than the webhook stays older");
    let gone = after(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert_eq!(
        resolve(Some(&gone), &answer(0, 9, json!({"email": "a"}))),
        Resolution::Refetch,
        "it was deleted meanwhile"
    );
}

#[test]
fn a_read_that_a_webhook_overtook_counts_when_it_has_all_that_the_webhook_told() {
    let told = after(&[webhook(10, json!({"email": "a"}))]);
    assert_eq!(resolve(Some(&told), &read(0, 9, json!({"phone": "1"}))), Resolution::Refetch);
    let record = after(&[webhook(10, json!({"email": "a"})), read(0, 9, json!({"email": "a", "phone": "1"}))]);
    assert_eq!((record.doc["phone"].as_str(), record.version), (Some("1"), Timestamp::from_secs(10)));
}

#[test]
fn what_is_kept_by_its_revision_alone_is_written_only_by_who_knows_it() {
    let note = after(&[read(0, 0, json!({"turn": 1}))]);
    assert_eq!(resolve(Some(&note), &read(0, 0, json!({"turn": 1, "made": "a1"}))), Resolution::Refetch);
    assert!(matches!(resolve(Some(&note), &read(1, 0, json!({"turn": 1, "made": "a1"}))), Resolution::Write(..)));
}

#[test]
fn a_deleted_record_comes_back_only_by_a_read() {
    let gone = after(&[webhook(1, json!({})), change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert!(gone.deleted && gone.doc.is_empty());
    assert_eq!(resolve(Some(&gone), &webhook(100, json!({"email": "a"}))), Resolution::Refetch);
    assert_eq!(resolve(Some(&gone), &listed(12, json!({"email": "a"}))), Resolution::Refetch);
    assert_eq!(resolve(Some(&gone), &listed(1, json!({"email": "a"}))), Resolution::Refetch);
    assert!(matches!(resolve(Some(&gone), &webhook(1, json!({}))), Resolution::Keep(ChangeOutcome::Stale)));
    let found_gone =
        after(&[listed(50, json!({})), change(ChangeOrigin::Read { revision: 1 }, 1000, Mutation::Delete)]);
    assert_eq!(
        resolve(Some(&found_gone), &listed(50, json!({}))),
        Resolution::Refetch,
        "its time is that of our own clock"
    );
    assert!(matches!(resolve(Some(&gone), &read(gone.revision, 1, json!({"email": "a"}))), Resolution::Write(..)));
}

#[test]
fn a_delete_that_cannot_be_ordered_is_asked_about() {
    let delete = |second| change(ChangeOrigin::Webhook, second, Mutation::Delete);
    assert_eq!(resolve(Some(&after(&[listed(10, json!({}))])), &delete(12)), Resolution::Refetch);
    assert_eq!(resolve(Some(&after(&[webhook(10, json!({}))])), &delete(9)), Resolution::Refetch);
    assert!(matches!(
        resolve(Some(&after(&[webhook(10, json!({}))])), &delete(11)),
        Resolution::Write(_, ChangeOutcome::Deleted)
    ));
}

#[test]
fn a_delete_of_what_is_unknown_is_remembered() {
    let gone = after(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert_eq!(
        kept(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)], &webhook(4, json!({}))),
        ChangeOutcome::Stale
    );
    assert!(gone.deleted);
}

proptest! {
    /// Webhooks of distinct times that carry every field end in the newest one, in whatever order and however often
    /// they come.
    #[test]
    fn disorder_and_duplicates_end_in_the_newest_webhook(mut order in prop::collection::vec(0_i64..20, 1..60)) {
        let changes: Vec<_> = order.iter().map(|n| webhook(*n, json!({"email": n.to_string(), "n": n}))).collect();
        let record = after(&changes);
        order.sort_unstable();
        let newest = order.last().unwrap();
        prop_assert_eq!(record.doc["n"].as_i64(), Some(*newest));
    }

    /// A fetched state is never replaced by one that is older.
    #[test]
    fn listings_never_go_back(order in prop::collection::vec(0_i64..20, 1..60)) {
        let changes: Vec<_> = order.iter().map(|n| listed(*n, json!({"n": n}))).collect();
        prop_assert_eq!(after(&changes).doc["n"].as_i64(), order.iter().max().copied());
    }
}
