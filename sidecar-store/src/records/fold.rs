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

/// A batch's changes, met one after another with what is stored and with each other.
#[derive(Debug, Default)]
pub(super) struct Fold {
    current: HashMap<RecordKey, Record>,
    /// The stored revision of each record that a change wrote; 0 where there was none.
    written: BTreeMap<RecordKey, u64>,
    /// What became of each change, in order.
    pub(super) outcomes: Vec<ChangeOutcome>,
    /// Reads by id that settle what could not be ordered, and what follows from what was written.
    pub(super) tasks: Vec<NewTask>,
}

impl Fold {
    /// Starts with what is stored of the records that will change.
    pub(super) fn new(stored: impl IntoIterator<Item = Record>) -> Self {
        let current = stored.into_iter().map(|record| (record.key.clone(), record)).collect();
        Self { current, ..Self::default() }
    }

    pub(super) fn apply(&mut self, change: &Change) {
        let outcome = match resolve(self.current.get(&change.key), change) {
            Resolution::Write(record, written) => {
                let former = self.current.insert(change.key.clone(), *record).map_or(0, |record| record.revision);
                self.written.entry(change.key.clone()).or_insert(former);
                self.tasks.extend(change.on_change.clone().map(|kind| wish(kind, "follow", change)));
                written
            }
            Resolution::Keep(written) => written,
            Resolution::Refetch => {
                self.tasks.extend(change.refetch_task.clone().map(|kind| wish(kind, "reread", change)));
                ChangeOutcome::Ambiguous
            }
        };
        self.outcomes.push(outcome);
    }

    /// The final state of every record that a change wrote, ordered by key, with the stored revision that it follows (0:
    /// none).
    pub(super) fn records(&self) -> impl Iterator<Item = (&Record, u64)> {
        self.written.iter().filter_map(|(key, former)| Some((self.current.get(key)?, *former)))
    }
}

/// A standing wish about the change's record.
fn wish(kind: Cow<'static, str>, purpose: &str, change: &Change) -> NewTask {
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

/// Tasks of one organization and key as one, since a statement writes a row once only. It is what writing them one
/// after another would leave: the first, with the payload of the latest wish.
pub(super) fn merged(tasks: Vec<NewTask>) -> Vec<NewTask> {
    let mut places: HashMap<(OrganizationId, Arc<str>), usize> = HashMap::new();
    let mut merged: Vec<NewTask> = Vec::with_capacity(tasks.len());
    for task in tasks {
        let place = *places.entry((task.organization.clone(), task.key.clone())).or_insert(merged.len());
        match merged.get_mut(place) {
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
