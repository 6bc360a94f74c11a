use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::{Batch, EventLogEntry, MAX_CHANGES, Outcome, ScannedRange},
    queue::outbox::{Dedup, NewTask},
    record::{Change, ChangeOrigin, Record, RecordKey},
    sync::{CheckpointWrite, Mode},
};

use super::{
    merge::{BatchMerge, merge_tasks},
    row::{KeyParam, RecordParam, Row, record_from_row},
};
use crate::{
    SqlStore,
    error::{Result, is_write_conflict},
    failpoint::crash_point,
    inbox::ClaimParam,
    json::{rows_to_json, to_json},
    sql::{self, Sql},
    tx::{Tx, exec, fetch},
};

/// Attempts of a commit that conflicts with other processes.
const MAX_ATTEMPTS: u32 = 10;

impl SqlStore {
    pub(super) async fn commit_batch(&self, batch: &Batch) -> Result<Outcome> {
        if batch.changes.len() > MAX_CHANGES {
            let count = batch.changes.len();
            return Err(StoreError::broken(format!("a batch has {count} changes, more than {MAX_CHANGES}: split it")));
        }
        for change in &batch.changes {
            change
                .key
                .check()
                .map_err(|error| StoreError::broken(format!("a change of a {}: {error}", change.key.kind)))?;
        }
        for _ in 1..MAX_ATTEMPTS {
            match self.try_commit(batch).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) if is_write_conflict(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let outcome = self.try_commit(batch).await?;
        outcome.ok_or_else(|| StoreError::unavailable("other processes keep changing the same records"))
    }

    /// Runs one transaction. `None`, with nothing written, if another process changed a record of the batch in between.
    async fn try_commit(&self, batch: &Batch) -> Result<Option<Outcome>> {
        let inbox_done = batch.inbox_done.iter().map(|claim| (claim.seq, claim.fence));
        let outbox_done = batch.outbox_done.iter().map(|claim| (claim.seq, claim.fence));
        let mut tx = self.pool.begin().await?;
        // Checks the claims first: if one is lost, nothing is written.
        if !finish_claims(&mut tx, sql::inbox::FINISH, inbox_done.collect()).await?
            || !finish_claims(&mut tx, sql::outbox::FINISH, outbox_done.collect()).await?
        {
            tx.rollback().await?;
            return Ok(Some(Outcome::default()));
        }
        let changed = changed_keys(&batch.changes)?;
        let merge = merge_changes(&mut tx, &batch.changes, &changed).await?;
        if !write_records(&mut tx, &merge).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        write_tasks(&mut tx, batch.outbox.iter().cloned().chain(merge.tasks).collect()).await?;
        write_event_log(&mut tx, &batch.event_log).await?;
        if let Some(checkpoint) = &batch.checkpoint {
            write_checkpoint(&mut tx, checkpoint).await?;
        }
        if !batch.changes.is_empty() {
            exec!(tx, sql::records::DELETE_MISSING, &changed)?;
        }
        let missing = match &batch.scanned {
            Some(scanned) => mark_missing(&mut tx, scanned, &batch.changes).await?,
            None => 0,
        };
        crash_point!("store.commit.before");
        tx.commit().await?;
        crash_point!("store.commit.after");
        Ok(Some(Outcome { committed: true, changes: merge.outcomes, missing }))
    }
}

/// Finishes claimed rows. Returns `false` if one of the claims is lost.
async fn finish_claims(tx: &mut Tx, statement: Sql, claims: Vec<(i64, i64)>) -> Result<bool> {
    if claims.is_empty() {
        return Ok(true);
    }
    let claims: BTreeSet<_> = claims.into_iter().collect();
    let rows = rows_to_json(&claims.iter().map(|&(seq, fence)| ClaimParam { seq, fence }).collect::<Vec<_>>())?;
    Ok(exec!(tx, statement, &rows)? == claims.len() as u64)
}

/// Returns the keys of the changed records, each once. If a record is only listed, and stored in the same version, `resolve`
/// does not need its document.
fn changed_keys(changes: &[Change]) -> Result<String> {
    let mut changed: BTreeMap<&RecordKey, Option<Timestamp>> = BTreeMap::new();
    for change in changes {
        let listed = (change.origin == ChangeOrigin::Listed).then_some(change.version);
        changed.entry(&change.key).and_modify(|listed| *listed = None).or_insert(listed);
    }
    rows_to_json(&changed.into_iter().map(|(key, listed)| KeyParam::new(key, listed)).collect::<Vec<_>>())
}

async fn merge_changes(tx: &mut Tx, changes: &[Change], changed: &str) -> Result<BatchMerge> {
    let mut merge = BatchMerge::default();
    if !changes.is_empty() {
        let rows: Vec<Row> = fetch!(fetch_all, tx, sql::records::LOAD_CURRENT, changed)?;
        merge = BatchMerge::new(rows.into_iter().map(record_from_row).collect::<Result<Vec<_>>>()?);
        changes.iter().for_each(|change| merge.apply(change));
    }
    Ok(merge)
}

/// Returns `false` if another process changed one of the records since they were read.
async fn write_records(tx: &mut Tx, merge: &BatchMerge) -> Result<bool> {
    let (new, known): (Vec<_>, Vec<_>) = merge.records().partition(|(_, previous_revision)| *previous_revision == 0);
    Ok(write_rows(tx, sql::records::INSERT, new).await? && write_rows(tx, sql::records::UPDATE, known).await?)
}

async fn write_rows(tx: &mut Tx, statement: Sql, records: Vec<(&Record, u64)>) -> Result<bool> {
    if records.is_empty() {
        return Ok(true);
    }
    let count = records.len() as u64;
    let rows = records
        .into_iter()
        .map(|(record, previous_revision)| RecordParam::new(record, previous_revision))
        .collect::<Result<Vec<_>>>()?;
    Ok(exec!(tx, statement, &rows_to_json(&rows)?)? == count)
}

#[derive(Serialize)]
struct TaskParam<'a> {
    organization: &'a str,
    key: &'a str,
    kind: &'a str,
    order_key: &'a str,
    payload: String,
    due_at: i64,
    coalesce: bool,
}

async fn write_tasks(tx: &mut Tx, tasks: Vec<NewTask>) -> Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let tasks = merge_tasks(tasks);
    let rows = tasks.iter().map(|task| {
        Ok(TaskParam {
            organization: task.organization.as_str(),
            key: &task.key,
            kind: &task.kind,
            order_key: &task.order_key,
            payload: to_json(&task.payload)?,
            due_at: task.not_before.as_micros(),
            coalesce: task.dedup == Dedup::Coalesce,
        })
    });
    let rows = rows_to_json(&rows.collect::<Result<Vec<_>>>()?)?;
    exec!(tx, sql::outbox::INSERT, &rows)?;
    Ok(())
}

#[derive(Serialize)]
struct EventLogParam<'a> {
    organization: Option<&'a str>,
    source: &'a str,
    delivery: &'a str,
    kind: &'a str,
    entity: Option<&'a str>,
    outcome: &'a str,
}

async fn write_event_log(tx: &mut Tx, event_log: &[EventLogEntry]) -> Result<()> {
    if event_log.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = event_log
        .iter()
        .map(|entry| EventLogParam {
            organization: entry.organization.as_ref().map(OrganizationId::as_str),
            source: &entry.source,
            delivery: &entry.delivery,
            kind: &entry.kind,
            entity: entry.entity.as_deref(),
            outcome: &entry.outcome,
        })
        .collect();
    exec!(tx, sql::records::APPEND_EVENT_LOG, &rows_to_json(&rows)?)?;
    Ok(())
}

async fn write_checkpoint(tx: &mut Tx, checkpoint: &CheckpointWrite) -> Result<()> {
    match checkpoint {
        CheckpointWrite::Progress(key, progress) => {
            let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
            let (text, started_at) = (to_json(progress)?, progress.started_at.as_micros());
            exec!(tx, sql::syncs::SAVE_PROGRESS, organization, source, location, &text, started_at)?;
        }
        CheckpointWrite::Finished { key, mode, at, watermark, next_run_at } => {
            let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
            let (watermark, full) = (watermark.map(Timestamp::as_micros), *mode == Mode::Full);
            let (at, next) = (at.as_micros(), next_run_at.as_micros());
            exec!(tx, sql::syncs::FINISH, organization, source, location, watermark, full, at, next)?;
            exec!(tx, sql::syncs::CLEAR_MISSING, organization, source, location)?;
        }
    }
    Ok(())
}

/// Marks the stored records of a scanned range that are not among the changes as missing. Returns their number.
async fn mark_missing(tx: &mut Tx, scanned: &ScannedRange, changes: &[Change]) -> Result<u64> {
    let ScannedRange { sync, range, older_than } = scanned;
    let listed = changes.iter().filter(|c| c.key.organization == sync.organization && c.key.kind == range.kind);
    let listed = rows_to_json(&listed.map(|change| &*change.key.id).collect::<Vec<_>>())?;
    let (organization, source, sync_location) = (sync.organization.as_str(), &*sync.source, &*sync.location);
    let (after_at, after_id) = range.after.as_ref().map_or((i64::MIN, ""), |(at, id)| (at.as_micros(), &**id));
    // U+10FFFF sorts after every id.
    let (end_at, end_id) = range.up_to.as_ref().map_or((i64::MAX, "\u{10FFFF}"), |(at, id)| (at.as_micros(), &**id));
    let location = range.location.as_deref();
    let statement =
        if location.is_some() { sql::records::INSERT_MISSING_IN_LOCATION } else { sql::records::INSERT_MISSING };
    exec!(
        tx,
        statement,
        organization,
        source,
        sync_location,
        range.kind,
        older_than.as_micros(),
        after_at,
        after_id,
        end_at,
        end_id,
        &listed,
        location
    )
}
