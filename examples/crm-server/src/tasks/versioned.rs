use std::{borrow::Cow, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey},
};

use crate::app::App;

/// The server's own state, stored as a record and written by compare-and-swap.
#[derive(Debug, Clone)]
pub(crate) struct Versioned<T> {
    pub(crate) key: RecordKey,
    /// `None` if nothing is stored; saving `None` deletes the record.
    pub(crate) value: Option<T>,
    revision: u64,
}

impl<T: Serialize + DeserializeOwned> Versioned<T> {
    /// Loads the record of `kind` with this id.
    pub(crate) async fn load(
        app: &App,
        organization: &OrganizationId,
        kind: &'static str,
        id: &str,
    ) -> Result<Self, StoreError> {
        let key = RecordKey { organization: organization.clone(), kind: Cow::Borrowed(kind), id: id.into() };
        match app.records.record(&key).await? {
            Some(record) => Self::from_record(record),
            None => Ok(Self { key, value: None, revision: 0 }),
        }
    }

    /// Decodes a stored record.
    pub(crate) fn from_record(record: Record) -> Result<Self, StoreError> {
        let Record { key, doc, revision, deleted, .. } = record;
        let value = (!deleted).then(|| serde_json::from_value(Value::Object(Doc::clone(&doc)))).transpose();
        let value = value.map_err(|error| {
            let RecordKey { kind, id, .. } = &key;
            StoreError::broken(format!("the {kind} {id} cannot be decoded")).with_source(error)
        })?;
        Ok(Self { key, value, revision })
    }

    /// Returns the change that stores the value, unless the record changes in between.
    pub(crate) fn change(&self, position: Timestamp) -> Change {
        let mutation = match self.value.as_ref().map(|value| json!(value)) {
            Some(Value::Object(fields)) => Mutation::Put(Arc::new(fields)),
            _ => Mutation::Delete,
        };
        Change {
            key: self.key.clone(),
            location: None,
            // Always the same version: only the writer that knows the stored revision wins.
            version: Timestamp::EPOCH,
            origin: ChangeOrigin::Read { revision: self.revision },
            position: Some(position),
            mutation,
            searchable: &[],
            refetch_task: None,
            on_change: None,
        }
    }

    /// Stores the value at once; `false` if another writer changed the record first.
    pub(crate) async fn save(&mut self, app: &App, position: Timestamp) -> Result<bool, StoreError> {
        let change = self.change(position);
        let outcome = app.records.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
        let is_saved = matches!(
            outcome.changes.first(),
            Some(ChangeOutcome::Inserted | ChangeOutcome::Updated | ChangeOutcome::Deleted)
        );
        self.revision += u64::from(is_saved);
        Ok(is_saved)
    }
}
