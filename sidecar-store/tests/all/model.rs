//! Properties of records: batches in any order and size end in the state that `resolve` gives for single changes, and webhooks
//! in any order end in the newest state.

use std::{borrow::Cow, collections::BTreeMap};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    commit::{Batch, Records},
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey, Resolution, resolve},
};
use sidecar_store::SqlStore;

/// Returns the configuration with `default` cases, or `SIDECAR_PROPTEST_CASES` if set.
fn cases(default: u32) -> ProptestConfig {
    let requested = std::env::var("SIDECAR_PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: requested.unwrap_or(default), failure_persistence: None, ..ProptestConfig::default() }
}

fn key(id: u8) -> RecordKey {
    RecordKey { organization: "o".into(), kind: Cow::Borrowed("contact"), id: id.to_string().into() }
}

fn fields() -> impl Strategy<Value = Doc> {
    let value = prop_oneof![Just(Value::Null), (0..3_u8).prop_map(|n| json!(n)), "\\PC{0,3}|\0".prop_map(Value::from)];
    prop::collection::btree_map("[abc]", value, 0..3).prop_map(|fields| fields.into_iter().collect())
}

fn change() -> impl Strategy<Value = Change> {
    let origin = prop_oneof![
        3 => Just(ChangeOrigin::Webhook),
        2 => Just(ChangeOrigin::Listed),
        1 => (0..4_u64).prop_map(|revision| ChangeOrigin::Read { revision }),
    ];
    let location_and_position = (prop::option::of("l_[12]"), prop::option::of(0..5_i64));
    (0..3_u8, origin, 0..30_i64, fields(), prop::bool::weighted(0.2), location_and_position).prop_map(
        |(id, origin, version, fields, delete, (location, position))| Change {
            key: key(id),
            location: location.map(Into::into),
            version: Timestamp::from_secs(version),
            origin,
            position: position.map(Timestamp::from_secs),
            mutation: match origin {
                _ if delete => Mutation::Delete,
                ChangeOrigin::Webhook => Mutation::Patch(fields.into()),
                _ => Mutation::Put(fields.into()),
            },
            searchable: &["a", "b"],
            refetch_task: Some(Cow::Borrowed("read")),
            on_change: None,
        },
    )
}

/// The reference model: `resolve` for each change, in a map.
#[derive(Default)]
struct Model {
    records: BTreeMap<RecordKey, Record>,
    ambiguous: std::collections::BTreeSet<RecordKey>,
}

impl Model {
    fn apply(&mut self, change: &Change) -> ChangeOutcome {
        match resolve(self.records.get(&change.key), change) {
            Resolution::Write(record, written) => {
                self.records.insert(change.key.clone(), *record);
                written
            }
            Resolution::Keep(written) => written,
            Resolution::Refetch => {
                self.ambiguous.insert(change.key.clone());
                ChangeOutcome::Ambiguous
            }
        }
    }
}

async fn commit(store: &SqlStore, changes: &[Change]) -> Vec<ChangeOutcome> {
    store.commit(Batch { changes: changes.to_vec(), ..Batch::default() }).await.unwrap().changes
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Checks that batches in the store end in the same state as single changes in the model.
async fn compare(url: &str, changes: &[Change], size: usize) {
    let store = crate::support::open(url).await;
    let mut model = Model::default();
    for batch in changes.chunks(size) {
        let expected: Vec<_> = batch.iter().map(|change| model.apply(change)).collect();
        assert_eq!(commit(&store, batch).await, expected);
    }
    for id in 0..3 {
        assert_eq!(store.record(&key(id)).await.unwrap(), model.records.get(&key(id)).cloned());
    }
    let (waiting, _) = sidecar_core::queue::outbox::Outbox::waiting_tasks(&*store).await.unwrap();
    assert_eq!(waiting, model.ambiguous.len() as u64);
    store.close().await;
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn batches_end_where_single_changes_end(changes in prop::collection::vec(change(), 0..40), size in 1..12_usize) {
        block_on(compare("sqlite::memory:", &changes, size));
    }

    #[test]
    fn webhooks_in_any_order_end_in_the_newest(
        (arrivals, newest) in (1..12_i64).prop_flat_map(|count| {
            // Each event has the whole state, so the newest one is the result. Each arrives twice.
            let arrivals: Vec<i64> = (0..count).chain(0..count).collect();
            (Just(arrivals).prop_shuffle(), Just(count - 1))
        }),
        size in 1..6_usize,
    ) {
        block_on(async {
            let store = crate::support::open("sqlite::memory:").await;
            let event = |number: &i64| Change {
                key: key(0),
                location: None,
                version: Timestamp::from_secs(*number),
                origin: ChangeOrigin::Webhook,
                position: None,
                mutation: Mutation::Patch(Doc::from_iter([("state".to_owned(), json!(number))]).into()),
                searchable: &[],
                refetch_task: None,
                on_change: None,
            };
            let changes: Vec<_> = arrivals.iter().map(event).collect();
            for batch in changes.chunks(size) {
                commit(&store, batch).await;
            }
            assert_eq!(store.record(&key(0)).await.unwrap().unwrap().doc["state"], json!(newest));
        });
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn batches_on_postgres_end_where_single_changes_end(changes in prop::collection::vec(change(), 0..40), size in 1..12_usize) {
        block_on(async { compare(&crate::postgres::url().await, &changes, size).await });
    }
}
