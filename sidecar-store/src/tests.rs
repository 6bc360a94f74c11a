//! Tests of internals: the number of statements of a commit, and the query plans.

use std::{borrow::Cow, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::json;
use sidecar_core::{
    Timestamp,
    commit::{Batch, EventLogEntry, KeyRange, Records, ScannedRange},
    queue::ClaimRequest,
    queue::{
        inbox::{Inbox, NewDelivery},
        outbox::{Dedup, NewTask, Outbox},
    },
    record::{Change, ChangeOrigin, Mutation, RecordKey},
    sync::{CheckpointWrite, Mode, SyncKey},
    vault::{KeyRing, Vault},
};

use crate::{
    SqlStore,
    sql::{self, Sql},
    tx::{ConnMut, exec, statement_count},
};

/// 100 000 deliveries, all but the last ten finished.
const FILL_INBOX: &str = "INSERT INTO inbox (source, id, order_key, kind, body, at, due_at, state)
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
    SELECT 'ghl', n, 'k' || (n % 1000), 'k', x'', n, n, iif(n > 99990, 0, 1) FROM n";

const MINUTE: Duration = Duration::from_secs(60);

async fn store() -> Arc<SqlStore> {
    let keys = SecretString::from("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    crate::open("sqlite::memory:", Vault::new(KeyRing::parse(&keys).unwrap())).await.unwrap()
}

fn change(number: usize, mutation: Mutation) -> Change {
    let key = RecordKey { organization: "o".into(), kind: Cow::Borrowed("contact"), id: number.to_string().into() };
    Change {
        key,
        location: Some("l".into()),
        version: Timestamp::from_secs(100),
        origin: ChangeOrigin::Webhook,
        position: None,
        mutation,
        searchable: &[],
        refetch_task: Some(Cow::Borrowed("read")),
        on_change: None,
    }
}

fn deliveries(count: usize) -> Vec<NewDelivery> {
    let delivery = |number: usize| NewDelivery {
        source: Cow::Borrowed("ghl"),
        id: number.to_string().into(),
        organization: None,
        order_key: format!("k{number}").into(),
        kind: "k".into(),
        body: "{}".into(),
        at: Timestamp::EPOCH,
    };
    (0..count).map(delivery).collect()
}

fn task(number: usize) -> NewTask {
    NewTask {
        organization: "o".into(),
        kind: Cow::Borrowed("push"),
        key: number.to_string().into(),
        order_key: number.to_string().into(),
        payload: json!({}),
        not_before: Timestamp::EPOCH,
        dedup: Dedup::Once,
    }
}

/// A batch with `count` rows of every kind: changes that write, changes that need a refetch, finished claims and tasks.
async fn full_batch(store: &SqlStore, count: usize) -> Batch {
    let put = |fields| Mutation::Patch(sidecar_core::record::Doc::from_iter([("v".to_owned(), fields)]).into());
    let first = (0..count / 2).map(|n| change(n, put(json!(1)))).collect();
    store.commit(Batch { changes: first, outbox: (0..count).map(task).collect(), ..Batch::default() }).await.unwrap();
    store.put(&deliveries(count)).await.unwrap();
    let held = store.claim(&ClaimRequest::new(1_000, MINUTE, Timestamp::EPOCH)).await.unwrap();
    let tasks = store.claim_tasks(&["push"], &ClaimRequest::new(1_000, MINUTE, Timestamp::EPOCH)).await.unwrap();
    assert_eq!((held.len(), tasks.len()), (count, count));
    let key = SyncKey::new("o", "s", "l");
    let range = KeyRange { kind: "contact", location: Some("l".into()), after: None, up_to: None };
    let entry = |n: usize| EventLogEntry {
        organization: None,
        source: Cow::Borrowed("ghl"),
        delivery: n.to_string().into(),
        kind: "k".into(),
        entity: None,
        outcome: Cow::Borrowed("applied"),
    };
    Batch {
        skip_triggers: false,
        changes: (0..count).map(|n| change(n, put(json!(2)))).collect(),
        inbox_done: held.into_iter().map(|held| held.claim).collect(),
        outbox_done: tasks.into_iter().map(|task| task.claim).collect(),
        event_log: (0..count).map(entry).collect(),
        outbox: (1_000..1_000 + count).map(task).collect(),
        checkpoint: Some(CheckpointWrite::Finished {
            key: key.clone(),
            mode: Mode::Full,
            at: Timestamp::EPOCH,
            watermark: None,
            next_run_at: Timestamp::EPOCH,
        }),
        scanned: Some(ScannedRange { sync: key, range, older_than: Timestamp::EPOCH }),
    }
}

#[tokio::test]
async fn a_commit_takes_as_many_statements_for_500_changes_as_for_2() {
    let mut taken = Vec::new();
    for count in [2, 500] {
        let store = store().await;
        let batch = full_batch(&store, count).await;
        let before = statement_count();
        let outcome = store.commit(batch).await.unwrap();
        assert!(outcome.committed);
        assert_eq!(outcome.changes.len(), count);
        taken.push(statement_count() - before);
    }
    // Claims, tasks, load, update, new tasks, event log, checkpoint and its missing rows, found rows, scanned range.
    assert_eq!(taken, [10, 10]);
}

#[tokio::test]
async fn a_commit_of_one_kind_takes_only_its_own_statements() {
    let store = store().await;
    let before = statement_count();
    store.commit(Batch { outbox: vec![task(1)], ..Batch::default() }).await.unwrap();
    assert_eq!(statement_count() - before, 1);
    store.commit(Batch::default()).await.unwrap();
    assert_eq!(statement_count() - before, 1);
}

#[tokio::test]
async fn deliveries_are_stored_by_one_statement() {
    let store = store().await;
    let before = statement_count();
    store.put(&deliveries(512)).await.unwrap();
    assert_eq!(statement_count() - before, 1);
}

#[tokio::test]
async fn bodies_too_large_for_one_statement_are_split() {
    let store = store().await;
    let large = |delivery| NewDelivery { body: vec![b'x'; 7 << 20].into(), ..delivery };
    let deliveries: Vec<_> = deliveries(3).into_iter().map(large).collect();
    let before = statement_count();
    store.put(&deliveries).await.unwrap();
    assert_eq!(statement_count() - before, 2);
    assert_eq!(store.backlog().await.unwrap().pending, 3);
}

/// Returns the query plan of a statement with unbound parameters.
async fn query_plan(store: &SqlStore, statement: Sql) -> Vec<String> {
    let mut conn = store.pool.read().await.unwrap();
    let ConnMut::Sqlite(conn) = conn.conn() else { panic!("this store is on SQLite") };
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite));
    let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(conn).await.unwrap();
    rows.into_iter().map(|(.., detail)| detail).collect()
}

#[tokio::test]
async fn no_hot_statement_scans_a_table() {
    let store = store().await;
    let mut conn = store.pool.write().await.unwrap();
    exec!(conn, sql::per_database(FILL_INBOX, "")).unwrap();
    exec!(conn, sql::per_database("ANALYZE", "ANALYZE")).unwrap();
    drop(conn);
    // These may scan a partial index, which contains only the open, dead or scheduled rows.
    let index_scans = [
        ("inbox claim", sql::inbox::CLAIM),
        ("inbox backlog", sql::inbox::BACKLOG),
        ("inbox dead", sql::inbox::LIST_DEAD),
        ("inbox purge", sql::inbox::PURGE),
        ("outbox claim", sql::outbox::CLAIM),
        ("outbox waiting", sql::outbox::COUNT_OPEN_AND_DEAD),
        ("outbox dead", sql::outbox::LIST_DEAD),
        ("outbox purge", sql::outbox::PURGE),
        ("due", sql::syncs::DUE),
        ("next due", sql::syncs::NEXT_DUE),
    ];
    let lookups = [
        ("inbox finish", sql::inbox::FINISH),
        ("inbox release", sql::inbox::RELEASE),
        ("outbox finish", sql::outbox::FINISH),
        ("current", sql::records::LOAD_CURRENT),
        ("update", sql::records::UPDATE),
        ("count", sql::records::COUNT),
        ("count in location", sql::records::COUNT_IN_LOCATION),
        ("list", sql::records::LIST),
        ("list newest", sql::records::LIST_NEWEST),
        ("list in location", sql::records::LIST_IN_LOCATION),
        ("list newest in location", sql::records::LIST_NEWEST_IN_LOCATION),
        ("missing", sql::records::INSERT_MISSING),
        ("missing in location", sql::records::INSERT_MISSING_IN_LOCATION),
        ("found", sql::records::DELETE_MISSING),
        ("list missing", sql::syncs::LIST_MISSING),
    ];
    let partial: &[&str] = &["_open", "_order", "_dead", "_done", "syncs_due"];
    let statements = index_scans.iter().map(|hot| (hot, partial)).chain(lookups.iter().map(|hot| (hot, &[][..])));
    for ((name, statement), allowed) in statements {
        let plan = query_plan(&store, *statement).await;
        let scans_table = |step: &&String| {
            let is_scan = step.starts_with("SCAN ")
                && !["SCAN tenants", "SCAN d", "SCAN r", "SCAN due"].contains(&step.as_str())
                && !["VIRTUAL TABLE", "CONSTANT ROW", "(subquery"].iter().any(|ignored| step.contains(ignored));
            is_scan && !allowed.iter().any(|index| step.contains(index))
        };
        assert_eq!(plan.iter().find(scans_table), None, "{name}: {plan:#?}");
        let sorts = |step: &&String| step.contains("TEMP B-TREE FOR ORDER BY");
        assert_eq!(plan.iter().find(sorts), None, "{name}: {plan:#?}");
    }
}

#[tokio::test]
async fn a_claim_reads_only_the_open_deliveries_of_100_000() {
    let store = store().await;
    let mut conn = store.pool.write().await.unwrap();
    exec!(conn, sql::per_database(FILL_INBOX, "")).unwrap();
    drop(conn);
    let plan = query_plan(&store, sql::inbox::CLAIM).await;
    assert!(plan.iter().any(|step| step.contains("inbox_open")), "{plan:#?}");
    assert!(plan.iter().any(|step| step.contains("inbox_order")), "{plan:#?}");
    assert_eq!(store.claim(&ClaimRequest::new(100, MINUTE, Timestamp::from_secs(1))).await.unwrap().len(), 10);
}
