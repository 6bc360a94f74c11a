//! Fixtures and helpers of the behaviours.

use std::{borrow::Cow, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::{Batch, Outcome},
    queue::ClaimRequest,
    queue::{
        inbox::{Claim, NewDelivery},
        outbox::{Dedup, NewTask, Task},
    },
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey},
    sync::SyncKey,
    token::{Connection, TokenKey, TokenSet},
};

use crate::Store;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const ORG: &str = "org_1";
pub(super) const REFETCH: &str = "test.read";
pub(super) const ON_CHANGE: &str = "test.on_change";

/// Returns a time `seconds` after a fixed instant.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + seconds)
}

pub(super) fn org() -> OrganizationId {
    ORG.into()
}

pub(super) fn token_key() -> TokenKey {
    TokenKey::new(ORG, "ghl:location:l_1")
}

pub(super) fn token_set(access: &str) -> TokenSet {
    let mut extra = Doc::new();
    extra.insert("companyId".into(), json!("c_1"));
    TokenSet {
        refresh: Some(format!("refresh of {access}").into()),
        expires_at: Some(at(86_400)),
        issued_at: Some(at(1)),
        issued_from: Some("ghl:company:c_1".into()),
        scope: Some("contacts.readonly".into()),
        extra,
        ..TokenSet::new(access)
    }
}

pub(super) fn access(connection: Option<Connection>) -> Option<String> {
    connection.map(|connection| SecretString::expose_secret(&connection.tokens.access).to_owned())
}

pub(super) fn delivery(id: &str, order_key: &str) -> NewDelivery {
    NewDelivery {
        source: Cow::Borrowed("ghl"),
        id: id.into(),
        organization: Some(org()),
        order_key: order_key.into(),
        kind: "ContactUpdate".into(),
        body: format!("{{\"id\":\"{id}\"}}").into(),
        at: at(0),
    }
}

pub(super) fn ids(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| &*claim.delivery.id).collect()
}

pub(super) fn task(key: &str, order_key: &str) -> NewTask {
    NewTask {
        organization: org(),
        kind: Cow::Borrowed("test.push"),
        key: key.into(),
        order_key: order_key.into(),
        payload: json!({ "key": key }),
        not_before: at(0),
        dedup: Dedup::Once,
    }
}

/// Returns a coalescing task.
pub(super) fn coalescing(key: &str, payload: Value) -> NewTask {
    NewTask { payload, dedup: Dedup::Coalesce, ..task(key, key) }
}

pub(super) fn keys(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| &*task.key).collect()
}

pub(super) async fn put_tasks(store: &dyn Store, outbox: Vec<NewTask>) {
    assert!(store.commit(Batch { outbox, ..Batch::default() }).await.unwrap().committed);
}

pub(super) async fn claim_tasks(store: &dyn Store, limit: u32, now: Timestamp) -> Vec<Task> {
    store.claim_tasks(&["test.push"], &ClaimRequest::new(limit, MINUTE, now)).await.unwrap()
}

pub(super) async fn finish_task(store: &dyn Store, task: &Task) -> bool {
    let outbox_done = vec![task.claim.clone()];
    store.commit(Batch { outbox_done, ..Batch::default() }).await.unwrap().committed
}

pub(super) fn record_key(id: &str) -> RecordKey {
    RecordKey { organization: org(), kind: Cow::Borrowed("contact"), id: id.into() }
}

pub(super) fn doc(fields: Value) -> Arc<Doc> {
    match fields {
        Value::Object(doc) => doc.into(),
        other => panic!("{other} is not a document"),
    }
}

fn change(id: &str, seconds: i64, origin: ChangeOrigin, mutation: Mutation) -> Change {
    Change {
        key: record_key(id),
        location: Some("l_1".into()),
        version: at(seconds),
        origin,
        position: None,
        mutation,
        searchable: &["name", "email"],
        refetch_task: Some(Cow::Borrowed(REFETCH)),
        on_change: None,
    }
}

/// Returns a listed row with the whole document.
pub(super) fn listed(id: &str, seconds: i64, fields: Value) -> Change {
    change(id, seconds, ChangeOrigin::Listed, Mutation::Put(doc(fields)))
}

/// Returns a webhook with some fields.
pub(super) fn webhook(id: &str, seconds: i64, fields: Value) -> Change {
    change(id, seconds, ChangeOrigin::Webhook, Mutation::Patch(doc(fields)))
}

pub(super) fn webhook_delete(id: &str, seconds: i64) -> Change {
    change(id, seconds, ChangeOrigin::Webhook, Mutation::Delete)
}

/// Returns a read by id that started at `revision`.
pub(super) fn read(id: &str, seconds: i64, revision: u64, mutation: Mutation) -> Change {
    change(id, seconds, ChangeOrigin::Read { revision }, mutation)
}

pub(super) fn at_position(location: &str, position: i64, change: Change) -> Change {
    Change { location: Some(location.into()), position: Some(at(position)), ..change }
}

pub(super) async fn apply(store: &dyn Store, changes: Vec<Change>) -> Vec<ChangeOutcome> {
    let outcome: Outcome = store.commit(Batch { changes, ..Batch::default() }).await.unwrap();
    assert!(outcome.committed);
    outcome.changes
}

pub(super) async fn stored(store: &dyn Store, id: &str) -> Option<Record> {
    store.record(&record_key(id)).await.unwrap()
}

pub(super) async fn stored_doc(store: &dyn Store, id: &str) -> Value {
    Value::Object(Arc::unwrap_or_clone(stored(store, id).await.unwrap().doc))
}

pub(super) fn sync_key(location: &str) -> SyncKey {
    SyncKey::new(ORG, "GHL_CONTACTS", location)
}
