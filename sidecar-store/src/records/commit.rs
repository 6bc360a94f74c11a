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
    fold::{Fold, merged},
    row::{KeyOut, Row, RowOut, record},
};
use crate::{
    SqlStore,
    error::{self, Result, is_collision, json},
    failpoint::crash_point,
    sql::{self, Sql},
    tx::{Tx, exec, fetch},
};

/// How often a commit is tried when other processes write the same rows at the same time.
const ATTEMPTS: u32 = 10;

impl SqlStore {
    pub(super) async fn commit_batch(&self, batch: &Batch) -> Result<Outcome> {
        if batch.changes.len() > MAX_CHANGES {
            let held = batch.changes.len();
            return Err(StoreError::broken(format!(
                "a batch holds {held} changes, more than {MAX_CHANGES}: commit it in parts"
            )));
        }
        for _ in 1..ATTEMPTS {
            match self.try_commit(batch).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {}
                Err(error) if is_collision(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let outcome = self.try_commit(batch).await?;
        outcome.ok_or_else(|| StoreError::unavailable("other processes keep writing the same records"))
    }

    /// One transaction; `None` when another process wrote a record of the batch meanwhile, and nothing was written.
    async fn try_commit(&self, batch: &Batch) -> Result<Option<Outcome>> {
        let inbox_done = batch.inbox_done.iter().map(|claim| (claim.seq, claim.fence));
        let outbox_done = batch.outbox_done.iter().map(|claim| (claim.seq, claim.fence));
        let mut tx = self.pool.begin().await?;
        // The claims first: who lost one writes nothing.
        if !finish(&mut tx, sql::inbox::DONE, inbox_done.collect()).await?
            || !finish(&mut tx, sql::outbox::DONE, outbox_done.collect()).await?
        {
            tx.rollback().await?;
            return Ok(Some(Outcome::default()));
        }
        let changed = keys(&batch.changes)?;
        let fold = fold(&mut tx, &batch.changes, &changed).await?;
        if !write_records(&mut tx, &fold).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        write_tasks(&mut tx, batch.outbox.iter().cloned().chain(fold.tasks).collect()).await?;
        write_applied(&mut tx, &batch.event_log).await?;
        if let Some(checkpoint) = &batch.checkpoint {
            write_checkpoint(&mut tx, checkpoint).await?;
        }
        if !batch.changes.is_empty() {
            exec!(tx, sql::records::FOUND, &changed)?;
        }
        let missing = match &batch.scanned {
            Some(covered) => remember_missing(&mut tx, covered, &batch.changes).await?,
            None => 0,
        };
        crash_point!("store.commit.before");
        tx.commit().await?;
        crash_point!("store.commit.after");
        Ok(Some(Outcome { committed: true, changes: fold.outcomes, missing }))
    }
}

#[derive(Serialize)]
struct ClaimOut {
    seq: i64,
    fence: i64,
}

/// Finishes claimed rows; `false` when one of them is no longer held under its fence.
async fn finish(tx: &mut Tx, statement: Sql, claims: Vec<(i64, i64)>) -> Result<bool> {
    if claims.is_empty() {
        return Ok(true);
    }
    let claims: BTreeSet<_> = claims.into_iter().collect();
    let rows = error::rows(&claims.iter().map(|&(seq, fence)| ClaimOut { seq, fence }).collect::<Vec<_>>())?;
    Ok(exec!(tx, statement, &rows)? == claims.len() as u64)
}

/// The records that change, each once. Of one that is only listed, and stored as of the same version, the rule asks
/// nothing more: its document need not be read.
fn keys(changes: &[Change]) -> Result<String> {
    let mut changed: BTreeMap<&RecordKey, Option<Timestamp>> = BTreeMap::new();
    for change in changes {
        let listed = (change.origin == ChangeOrigin::Listed).then_some(change.version);
        changed.entry(&change.key).and_modify(|listed| *listed = None).or_insert(listed);
    }
    error::rows(&changed.into_iter().map(|(key, listed)| KeyOut::new(key, listed)).collect::<Vec<_>>())
}

async fn fold(tx: &mut Tx, changes: &[Change], changed: &str) -> Result<Fold> {
    let mut fold = Fold::default();
    if !changes.is_empty() {
        let rows: Vec<Row> = fetch!(fetch_all, tx, sql::records::CURRENT, changed)?;
        fold = Fold::new(rows.into_iter().map(record).collect::<Result<Vec<_>>>()?);
        changes.iter().for_each(|change| fold.apply(change));
    }
    Ok(fold)
}

/// `false` when another process wrote one of them since they were read.
async fn write_records(tx: &mut Tx, fold: &Fold) -> Result<bool> {
    let (new, known): (Vec<_>, Vec<_>) = fold.records().partition(|(_, former)| *former == 0);
    Ok(write_rows(tx, sql::records::INSERT, new).await? && write_rows(tx, sql::records::UPDATE, known).await?)
}

async fn write_rows(tx: &mut Tx, statement: Sql, records: Vec<(&Record, u64)>) -> Result<bool> {
    if records.is_empty() {
        return Ok(true);
    }
    let count = records.len() as u64;
    let rows = records.into_iter().map(|(record, former)| RowOut::new(record, former)).collect::<Result<Vec<_>>>()?;
    Ok(exec!(tx, statement, &error::rows(&rows)?)? == count)
}

#[derive(Serialize)]
struct TaskOut<'a> {
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
    let tasks = merged(tasks);
    let rows = tasks.iter().map(|task| {
        Ok(TaskOut {
            organization: task.organization.as_str(),
            key: &task.key,
            kind: &task.kind,
            order_key: &task.order_key,
            payload: json(&task.payload)?,
            due_at: task.not_before.as_micros(),
            coalesce: task.dedup == Dedup::Coalesce,
        })
    });
    let rows = error::rows(&rows.collect::<Result<Vec<_>>>()?)?;
    exec!(tx, sql::outbox::PUT, &rows)?;
    Ok(())
}

#[derive(Serialize)]
struct AppliedOut<'a> {
    organization: Option<&'a str>,
    source: &'a str,
    delivery: &'a str,
    kind: &'a str,
    entity: Option<&'a str>,
    outcome: &'a str,
}

async fn write_applied(tx: &mut Tx, applied: &[EventLogEntry]) -> Result<()> {
    if applied.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = applied
        .iter()
        .map(|line| AppliedOut {
            organization: line.organization.as_ref().map(OrganizationId::as_str),
            source: &line.source,
            delivery: &line.delivery,
            kind: &line.kind,
            entity: line.entity.as_deref(),
            outcome: &line.outcome,
        })
        .collect();
    exec!(tx, sql::records::APPLIED, &error::rows(&rows)?)?;
    Ok(())
}

async fn write_checkpoint(tx: &mut Tx, checkpoint: &CheckpointWrite) -> Result<()> {
    match checkpoint {
        CheckpointWrite::Progress(key, progress) => {
            let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
            let (text, begun) = (json(progress)?, progress.started_at.as_micros());
            exec!(tx, sql::syncs::PROGRESS, organization, source, location, &text, begun)?;
        }
        CheckpointWrite::Finished { key, mode, at, watermark, next_run_at } => {
            let (organization, source, location) = (key.organization.as_str(), &*key.source, &*key.location);
            let (watermark, full) = (watermark.map(Timestamp::as_micros), *mode == Mode::Full);
            let (at, next) = (at.as_micros(), next_run_at.as_micros());
            exec!(tx, sql::syncs::FINISHED, organization, source, location, watermark, full, at, next)?;
            exec!(tx, sql::syncs::CLEAR_MISSING, organization, source, location)?;
        }
    }
    Ok(())
}

/// Remembers the stored records of a covered stretch that are not among the changes; answers how many there are.
async fn remember_missing(tx: &mut Tx, covered: &ScannedRange, changes: &[Change]) -> Result<u64> {
    let ScannedRange { sync, range, older_than } = covered;
    let there = changes.iter().filter(|c| c.key.organization == sync.organization && c.key.kind == range.kind);
    let there = error::rows(&there.map(|change| &*change.key.id).collect::<Vec<_>>())?;
    let (organization, source, place) = (sync.organization.as_str(), &*sync.source, &*sync.location);
    let (after_at, after_id) = range.after.as_ref().map_or((i64::MIN, ""), |(at, id)| (at.as_micros(), &**id));
    // No id is greater than the last character there is.
    let (end_at, end_id) = range.up_to.as_ref().map_or((i64::MAX, "\u{10FFFF}"), |(at, id)| (at.as_micros(), &**id));
    let location = range.location.as_deref();
    let statement = if location.is_some() { sql::records::MISSING_IN_LOCATION } else { sql::records::MISSING };
    exec!(
        tx,
        statement,
        organization,
        source,
        place,
        range.kind,
        older_than.as_micros(),
        after_at,
        after_id,
        end_at,
        end_id,
        &there,
        location
    )
}
