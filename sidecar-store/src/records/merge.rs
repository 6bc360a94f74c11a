use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::json;
use sidecar_core::{
    OrganizationId, Timestamp,
    queue::outbox::{Dedup, NewTask},
    record::{Change, ChangeOutcome, Record, RecordKey, Resolution, resolve},
};

/// Applies the changes of a batch, in order, to the stored records.
#[derive(Debug, Default)]
pub(super) struct BatchMerge {
    current: HashMap<RecordKey, Record>,
    /// The stored revision of each written record; 0 if it is new.
    written: BTreeMap<RecordKey, u64>,
    /// The outcome of each change, in order.
    pub(super) outcomes: Vec<ChangeOutcome>,
    /// Refetches of records with ambiguous changes, and the `on_change` tasks of written records.
    pub(super) tasks: Vec<NewTask>,
}

impl BatchMerge {
    /// Starts from the stored records that the batch changes.
    pub(super) fn new(stored: impl IntoIterator<Item = Record>) -> Self {
        let current = stored.into_iter().map(|record| (record.key.clone(), record)).collect();
        Self { current, ..Self::default() }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        let outcome = match resolve(self.current.get(&change.key), change) {
            Resolution::Write(record, written) => {
                let previous_revision =
                    self.current.insert(change.key.clone(), *record).map_or(0, |record| record.revision);
                self.written.entry(change.key.clone()).or_insert(previous_revision);
                self.tasks.extend(change.on_change.clone().map(|kind| record_task(kind, "on_change", change)));
                written
            }
            Resolution::Keep(written) => written,
            Resolution::Refetch => {
                self.tasks.extend(change.refetch_task.clone().map(|kind| record_task(kind, "refetch", change)));
                ChangeOutcome::Ambiguous
            }
        };
        self.outcomes.push(outcome);
    }

    /// Returns the final state of every written record, ordered by key, with its stored revision (0 if it is new).
    pub(super) fn records(&self) -> impl Iterator<Item = (&Record, u64)> {
        self.written.iter().filter_map(|(key, previous_revision)| Some((self.current.get(key)?, *previous_revision)))
    }
}

/// Returns a coalescing task for the record of `change`.
fn record_task(kind: Cow<'static, str>, purpose: &str, change: &Change) -> NewTask {
    let key: Arc<str> = format!("{purpose}:{}:{}", change.key.kind, change.key.id).into();
    NewTask {
        organization: change.key.organization.clone(),
        kind,
        order_key: key.clone(),
        key,
        payload: json!({ "kind": change.key.kind, "id": change.key.id, "location": change.location }),
        not_before: Timestamp::EPOCH,
        dedup: Dedup::Coalesce,
    }
}

/// Merges tasks of the same organization and key, because a statement can write a row only once. The result equals writing
/// them one after another: the first task, with the payload of the last coalescing one.
pub(super) fn merge_tasks(tasks: Vec<NewTask>) -> Vec<NewTask> {
    let mut indexes: HashMap<(OrganizationId, Arc<str>), usize> = HashMap::new();
    let mut merged: Vec<NewTask> = Vec::with_capacity(tasks.len());
    for task in tasks {
        let index = *indexes.entry((task.organization.clone(), task.key.clone())).or_insert(merged.len());
        match merged.get_mut(index) {
            None => merged.push(task),
            Some(first) if task.dedup == Dedup::Coalesce => {
                first.payload = task.payload;
                first.not_before = first.not_before.min(task.not_before);
                first.dedup = Dedup::Coalesce;
            }
            Some(_) => {}
        }
    }
    merged
}
