//! How a change is resolved against the stored record.

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

fn change(origin: ChangeOrigin, second: i64, mutation: Mutation) -> Change {
    Change {
        key: RecordKey { organization: "org".into(), kind: "contact".into(), id: "c1".into() },
        location: Some("l1".into()),
        version: Timestamp::from_secs(second),
        origin,
        position: None,
        mutation,
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

/// Applies the changes in order and returns the resulting record. A change that is not written leaves the record as it is.
fn after(changes: &[Change]) -> Record {
    let mut record = None;
    for change in changes {
        if let Resolution::Write(next, _) = resolve(record.as_ref(), change) {
            record = Some(*next);
        }
    }
    record.unwrap()
}

fn unwritten_outcome(changes: &[Change], last: &Change) -> ChangeOutcome {
    match resolve(Some(&after(changes)), last) {
        Resolution::Keep(outcome) => outcome,
        other => panic!("expected no write, got {other:?}"),
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
    assert_eq!(unwritten_outcome(&[newer], &webhook(1, json!({"email": "old"}))), ChangeOutcome::Stale);
}

#[test]
fn conflicting_webhooks_of_one_time_need_a_refetch() {
    let first = after(&[webhook(1, json!({"email": "a"}))]);
    assert_eq!(resolve(Some(&first), &webhook(1, json!({"email": "b"}))), Resolution::Refetch);
    assert_eq!(
        unwritten_outcome(&[webhook(1, json!({"email": "a"}))], &webhook(1, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
}

#[test]
fn a_webhook_within_the_skew_of_a_fetch_needs_a_refetch_unless_equal() {
    let fetched = after(&[listed(10, json!({"email": "a", "phone": "1"}))]);
    for second in [6, 10, 14] {
        assert_eq!(resolve(Some(&fetched), &webhook(second, json!({"email": "b"}))), Resolution::Refetch, "{second}");
    }
    assert_eq!(
        unwritten_outcome(&[listed(10, json!({"email": "a"}))], &webhook(12, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
    assert_eq!(after(&[listed(10, json!({"email": "a"})), webhook(16, json!({"email": "b"}))]).doc["email"], "b");
    assert_eq!(
        unwritten_outcome(&[listed(10, json!({"email": "a"}))], &webhook(4, json!({"email": "b"}))),
        ChangeOutcome::Stale
    );
}

#[test]
fn an_empty_webhook_field_equals_a_field_that_a_fetch_omits() {
    let fetched = [listed(10, json!({"email": "a", "phone": null}))];
    for empty in [json!(null), json!(""), json!([]), json!({})] {
        assert_eq!(
            unwritten_outcome(&fetched, &webhook(11, json!({"email": "a", "phone": empty, "city": empty}))),
            ChangeOutcome::Unchanged
        );
        assert_eq!(resolve(Some(&after(&fetched)), &webhook(11, json!({"email": empty}))), Resolution::Refetch);
    }
}

#[test]
fn a_listing_does_not_erase_fields_that_a_webhook_set() {
    let stored = after(&[webhook(100, json!({"email": "a", "phone": "1", "attachments": []}))]);
    for second in [98, 90] {
        assert_eq!(resolve(Some(&stored), &listed(second, json!({"email": "a"}))), Resolution::Refetch, "{second}");
    }
    let whole = listed(98, json!({"email": "a", "phone": "1"}));
    assert!(matches!(resolve(Some(&stored), &whole), Resolution::Write(..)), "empty values do not count");
}

#[test]
fn a_matching_fetch_adds_the_fields_that_a_webhook_omitted() {
    let record = after(&[webhook(10, json!({"email": "a"})), listed(8, json!({"email": "a", "source": "form"}))]);
    assert_eq!((record.doc["source"].as_str(), record.origin), (Some("form"), Origin::Fetched));
}

#[test]
fn an_older_matching_listing_still_adds_missing_fields() {
    let record = after(&[webhook(100, json!({"email": "a"})), listed(90, json!({"email": "a", "source": "form"}))]);
    assert_eq!(record.doc, doc(json!({"email": "a", "source": "form"})));
}

#[test]
fn a_lookup_of_a_newer_version_is_written_despite_a_stale_revision() {
    let whole = read(0, 160, json!({"email": "a", "source": "form"}));
    let record = after(&[listed(90, json!({"email": "a"})), whole]);
    assert_eq!((record.doc["source"].as_str(), record.version), (Some("form"), Timestamp::from_secs(160)));
}

#[test]
fn a_listing_equal_to_the_record_writes_nothing() {
    assert_eq!(
        unwritten_outcome(&[listed(10, json!({"email": "a"}))], &listed(20, json!({"email": "a"}))),
        ChangeOutcome::Unchanged
    );
}

#[test]
fn a_lookup_resolves_what_could_not_be_ordered() {
    let stored = after(&[webhook(10, json!({"email": "a"}))]);
    assert!(matches!(resolve(Some(&stored), &read(stored.revision, 9, json!({"email": "b"}))), Resolution::Write(..)));
    assert_eq!(resolve(Some(&stored), &read(stored.revision + 1, 9, json!({"email": "b"}))), Resolution::Refetch);
    // After the lookup, listings are ordered by the record's own time again.
    let resolved = after(&[webhook(10, json!({"email": "a"})), read(1, 9, json!({"email": "b"}))]);
    assert!(matches!(resolve(Some(&resolved), &listed(10, json!({"email": "c"}))), Resolution::Write(..)));
}

#[test]
fn a_listing_slightly_older_than_a_response_needs_a_refetch() {
    // Our clock is ahead of the provider's, and a user changed the record there right after our write.
    let ours = after(&[listed(0, json!({"email": "a"})), response(1, 102, json!({"email": "b"}))]);
    for second in [97, 101] {
        assert_eq!(resolve(Some(&ours), &listed(second, json!({"email": "c"}))), Resolution::Refetch, "{second}");
    }
    assert_eq!(resolve(Some(&ours), &listed(96, json!({"email": "c"}))), Resolution::Keep(ChangeOutcome::Stale));
    assert_eq!(resolve(Some(&ours), &listed(101, json!({"email": "b"}))), Resolution::Keep(ChangeOutcome::Unchanged));
    // The lookup resolves it: listings and lookups carry the record's own time.
    let resolved = after(&[listed(0, json!({})), response(1, 102, json!({})), read(2, 101, json!({"email": "c"}))]);
    assert_eq!(resolved.doc, doc(json!({"email": "c"})));
    assert_eq!(
        resolve(Some(&resolved), &listed(101, json!({"email": "c"}))),
        Resolution::Keep(ChangeOutcome::Unchanged)
    );
}

/// Returns the response to a write that was sent at `second`, when the stored record had `revision`.
fn response(revision: u64, second: i64, fields: serde_json::Value) -> Change {
    change(ChangeOrigin::Read { revision }, second, Mutation::Patch(doc(fields)))
}

#[test]
fn a_response_overtaken_by_a_webhook_only_adds_missing_fields() {
    let stored = after(&[webhook(10, json!({"email": "a", "notes": ""}))]);
    assert_eq!(resolve(Some(&stored), &response(0, 9, json!({"email": "old"}))), Resolution::Refetch);
    let record =
        after(&[webhook(10, json!({"email": "a", "notes": ""})), response(0, 9, json!({"email": "a", "id": "c1"}))]);
    assert_eq!(record.doc, doc(json!({"email": "a", "notes": "", "id": "c1"})));
    assert_eq!(record.version, Timestamp::from_secs(10), "the response does not replace the webhook's newer version");
    let deleted = after(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert_eq!(
        resolve(Some(&deleted), &response(0, 9, json!({"email": "a"}))),
        Resolution::Refetch,
        "the record was deleted after the write"
    );
}

#[test]
fn a_lookup_overtaken_by_a_webhook_is_written_if_they_agree() {
    let stored = after(&[webhook(10, json!({"email": "a"}))]);
    assert_eq!(resolve(Some(&stored), &read(0, 9, json!({"phone": "1"}))), Resolution::Refetch);
    let record = after(&[webhook(10, json!({"email": "a"})), read(0, 9, json!({"email": "a", "phone": "1"}))]);
    assert_eq!((record.doc["phone"].as_str(), record.version), (Some("1"), Timestamp::from_secs(10)));
}

#[test]
fn a_record_ordered_by_revision_is_written_only_with_that_revision() {
    let stored = after(&[read(0, 0, json!({"nonce": 1}))]);
    assert_eq!(resolve(Some(&stored), &read(0, 0, json!({"nonce": 1, "appointment": "a1"}))), Resolution::Refetch);
    assert!(matches!(
        resolve(Some(&stored), &read(1, 0, json!({"nonce": 1, "appointment": "a1"}))),
        Resolution::Write(..)
    ));
}

#[test]
fn a_deleted_record_is_restored_only_by_a_lookup() {
    let deleted = after(&[webhook(1, json!({})), change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert!(deleted.deleted && deleted.doc.is_empty());
    assert_eq!(resolve(Some(&deleted), &webhook(100, json!({"email": "a"}))), Resolution::Refetch);
    assert_eq!(resolve(Some(&deleted), &listed(12, json!({"email": "a"}))), Resolution::Refetch);
    assert_eq!(resolve(Some(&deleted), &listed(1, json!({"email": "a"}))), Resolution::Refetch);
    assert!(matches!(resolve(Some(&deleted), &webhook(1, json!({}))), Resolution::Keep(ChangeOutcome::Stale)));
    let found_gone =
        after(&[listed(50, json!({})), change(ChangeOrigin::Read { revision: 1 }, 1000, Mutation::Delete)]);
    assert_eq!(
        resolve(Some(&found_gone), &listed(50, json!({}))),
        Resolution::Refetch,
        "the time of a delete found by a lookup comes from our own clock"
    );
    assert!(matches!(
        resolve(Some(&deleted), &read(deleted.revision, 1, json!({"email": "a"}))),
        Resolution::Write(..)
    ));
}

#[test]
fn a_delete_that_cannot_be_ordered_needs_a_refetch() {
    let delete = |second| change(ChangeOrigin::Webhook, second, Mutation::Delete);
    assert_eq!(resolve(Some(&after(&[listed(10, json!({}))])), &delete(12)), Resolution::Refetch);
    assert_eq!(resolve(Some(&after(&[webhook(10, json!({}))])), &delete(9)), Resolution::Refetch);
    assert!(matches!(
        resolve(Some(&after(&[webhook(10, json!({}))])), &delete(11)),
        Resolution::Write(_, ChangeOutcome::Deleted)
    ));
}

#[test]
fn a_delete_of_an_unknown_record_writes_a_tombstone() {
    let deleted = after(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)]);
    assert_eq!(
        unwritten_outcome(&[change(ChangeOrigin::Webhook, 10, Mutation::Delete)], &webhook(4, json!({}))),
        ChangeOutcome::Stale
    );
    assert!(deleted.deleted);
}

proptest! {
    /// Complete webhooks with distinct times converge to the newest one, in any order and with duplicates.
    #[test]
    fn reordered_and_duplicate_webhooks_converge_to_the_newest(mut order in prop::collection::vec(0_i64..20, 1..60)) {
        let changes: Vec<_> = order.iter().map(|n| webhook(*n, json!({"email": n.to_string(), "n": n}))).collect();
        let record = after(&changes);
        order.sort_unstable();
        let newest = order.last().unwrap();
        prop_assert_eq!(record.doc["n"].as_i64(), Some(*newest));
    }

    /// An older fetched state never replaces a newer one.
    #[test]
    fn listings_never_go_backwards(order in prop::collection::vec(0_i64..20, 1..60)) {
        let changes: Vec<_> = order.iter().map(|n| listed(*n, json!({"n": n}))).collect();
        prop_assert_eq!(after(&changes).doc["n"].as_i64(), order.iter().max().copied());
    }
}
