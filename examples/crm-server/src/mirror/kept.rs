//! Notes of the mirror's own, kept as records beside what they are about: by compare-and-swap, in the batch that they belong to.

use std::{borrow::Cow, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey},
};

use crate::app::App;

/// A note as it is stored, with the revision that its next version follows.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    pub(super) key: RecordKey,
    pub(super) note: Option<T>,
    revision: u64,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// Reads the note of this kind about `id`.
    pub(super) async fn read(
        app: &App,
        organization: &OrganizationId,
        kind: &'static str,
        id: &str,
    ) -> Result<Self, StoreError> {
        let key = RecordKey { organization: organization.clone(), kind: Cow::Borrowed(kind), id: id.into() };
        match app.store.record(&key).await? {
            Some(record) => Self::of(record),
            None => Ok(Self { key, note: None, revision: 0 }),
        }
    }

    /// The note of a record.
    pub(super) fn of(record: Record) -> Result<Self, StoreError> {
        let Record { key, doc, revision, deleted, .. } = record;
        let note = (!deleted).then(|| serde_json::from_value(Value::Object(Doc::clone(&doc)))).transpose();
        let note = note.map_err(|error| {
            let RecordKey { kind, id, .. } = &key;
            StoreError::broken(format!("the {kind} {id} is in a form that cannot be read")).with_source(error)
        })?;
        Ok(Self { key, note, revision })
    }

    /// The change that keeps the note as it is now, unless somebody else changed it meanwhile; without a note it is removed.
    pub(super) fn change(&self, position: Timestamp) -> Change {
        let effect = match self.note.as_ref().map(|note| json!(note)) {
            Some(Value::Object(fields)) => Mutation::Put(Arc::new(fields)),
            _ => Mutation::Delete,
        };
        Change {
            key: self.key.clone(),
            location: None,
            // All of one version: then only who knows the stored revision writes.
            version: Timestamp::EPOCH,
            origin: ChangeOrigin::Read { revision: self.revision },
            position: Some(position),
            mutation: effect,
            searchable: &[],
            refetch_task: None,
            on_change: None,
        }
    }

    /// Keeps the note at once, before what it announces is done; `false` when somebody else changed it meanwhile.
    pub(super) async fn keep(&mut self, app: &App, position: Timestamp) -> Result<bool, StoreError> {
        let change = self.change(position);
        let outcome = app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
        match outcome.changes.first() {
            Some(ChangeOutcome::Inserted | ChangeOutcome::Updated | ChangeOutcome::Deleted) => self.revision += 1,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
