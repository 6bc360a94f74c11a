//! Times that a person blocks in Cal.com's schedule.
//!
//! Invariant: a handle unblocks its time once, whatever else is blocked at that time. A record that is not
//! [`placed`](BlockRecord::placed) outside of the lease belongs to a process that ended: its handle was never returned, and
//! [`expired_block_tasks`](super::expired_block_tasks) removes it.

use std::time::Duration;

use calcom_client::{CalcomErrorExt, CalcomErrorReason, blocking::BlockedSlot};
use sidecar_core::{Error, OrganizationId, http::DEFAULT_DEADLINE, lease::LeaseGuard};
use uuid::Uuid;

use super::ledger::{self, Account, BlockRecord, DesiredBlock};
use crate::{
    app::App,
    tasks::{TaskError, Versioned},
};

/// Begins every handle. GHL's ids do not begin with it.
const HANDLE_PREFIX: &str = "slot-";
/// How long a request waits for the schedule lease.
const LEASE_TIMEOUT: Duration = DEFAULT_DEADLINE;

/// Returns whether the id of a record is a handle, and not the id of an appointment.
pub(super) fn is_handle(id: &str) -> bool {
    id.starts_with(HANDLE_PREFIX)
}

/// The times are not blocked, or may be.
#[derive(Debug)]
pub(super) struct BlockError {
    pub(super) error: TaskError,
    /// The handles of the times that may be blocked.
    pub(super) handles: Vec<String>,
}

impl From<TaskError> for BlockError {
    /// An error after which nothing is blocked.
    fn from(error: TaskError) -> Self {
        Self { error, handles: Vec::new() }
    }
}

/// Blocks times by one change of the schedule that the settings name. Returns a handle for each.
pub(super) async fn block(
    app: &App,
    organization: &OrganizationId,
    slots: Vec<BlockedSlot>,
) -> Result<Vec<String>, BlockError> {
    let lease = acquire_lease(app, organization).await?;
    ledger::with_lease(lease, block_under_lease(app, organization, slots)).await
}

async fn block_under_lease(
    app: &App,
    organization: &OrganizationId,
    slots: Vec<BlockedSlot>,
) -> Result<Vec<String>, BlockError> {
    let account = Account::connected(app, organization).await.map_err(TaskError::from)?;
    let mut records = plan(&account, &slots).await?;
    let handles = records.iter().map(|stored| stored.key.id.to_string()).collect();
    match place(&account, slots, &mut records).await {
        Ok(None) => Ok(handles),
        Ok(Some(error)) if records.iter().all(|stored| stored.value.is_none()) => Err(TaskError::from(error).into()),
        Ok(Some(error)) => Err(BlockError { error: error.into(), handles }),
        Err(error) => Err(BlockError { error, handles }),
    }
}

/// Records what blocking the times will take.
async fn plan(account: &Account<'_>, slots: &[BlockedSlot]) -> Result<Vec<Versioned<BlockRecord>>, TaskError> {
    let Account { app, organization, .. } = account;
    let schedule = app.calcom.settings(organization).await?.settings.block.map(|block| block.schedule_id);
    let planned = account.create_blocks(slots.to_vec(), schedule).await?.preview().await?;
    let mut records = Vec::with_capacity(slots.len());
    for (slot, handle) in slots.iter().zip(planned) {
        let id = format!("{HANDLE_PREFIX}{}", Uuid::new_v4().simple());
        let mut stored = ledger::load(app, organization, &id).await?;
        let block = DesiredBlock { start: slot.start, end: slot.end, schedule };
        let account = account.name.clone();
        stored.value = Some(BlockRecord { block, account, handles: vec![handle], placed: false });
        ledger::save(app, &mut stored, slot.start).await?;
        records.push(stored);
    }
    Ok(records)
}

/// Blocks the planned times. Removes the records of those that were certainly not blocked, and returns the error that stopped it.
async fn place(
    account: &Account<'_>,
    slots: Vec<BlockedSlot>,
    records: &mut [Versioned<BlockRecord>],
) -> Result<Option<Error>, TaskError> {
    let schedule = records.iter().find_map(|stored| stored.value.as_ref()?.block.schedule);
    let (placed, failed) = match account.create_blocks(slots, schedule).await?.await {
        Ok(handles) => (handles, None),
        Err(error) => match error.problem() {
            Some(CalcomErrorReason::PartlyBlocked { handles }) => (handles.clone(), Some(error)),
            _ => (Vec::new(), Some(error)),
        },
    };
    let mut placed = placed.into_iter();
    for stored in records {
        let Some(mut record) = stored.value.take() else { continue };
        let start = record.block.start;
        stored.value = placed.next().map(|handle| {
            (record.handles, record.placed) = (vec![handle], true);
            record
        });
        ledger::save(account.app, stored, start).await?;
    }
    Ok(failed)
}

/// Unblocks a time by its handle, if it is still blocked. Returns `false` if it is blocked in an account that is not connected now.
pub(super) async fn unblock(app: &App, organization: &OrganizationId, handle: &str) -> Result<bool, TaskError> {
    let work = async {
        let mut stored = ledger::load(app, organization, handle).await?;
        let Some(record) = stored.value.take() else { return Ok(true) };
        let account = Account::connected(app, organization).await?;
        if !account.owns(&record) {
            return Ok(false);
        }
        let others = account.handles_except(Some(&stored.key)).await?;
        account.client.unblock_all(record.handles).with_existing_blocks(others).await?;
        ledger::save(app, &mut stored, record.block.start).await?;
        Ok(true)
    };
    ledger::with_lease(acquire_lease(app, organization).await?, work).await
}

async fn acquire_lease(app: &App, organization: &OrganizationId) -> Result<LeaseGuard, TaskError> {
    ledger::acquire_schedule_lease(app, organization, LEASE_TIMEOUT).await?.ok_or_else(|| {
        TaskError::Contended("another process is changing this organization's schedule: try again".to_owned())
    })
}
