//! Blocks the times of appointments that were created at GHL, so that they cannot be booked at Cal.com.

use std::{borrow::Cow, sync::Arc, time::Duration};

use calcom_client::blocking::{BlockHandle, BlockedSlot};
use ghl_client::{model::AppointmentStatus, sync::APPOINTMENT};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError,
    commit::Batch,
    queue::outbox::{Dedup, NewTask, Task},
    record::RecordKey,
};

use super::{
    RECONCILE,
    ledger::{self, Account, BlockRecord, DesiredBlock, PAGE_SIZE},
    manual_blocks,
};
use crate::{
    app::App,
    calcom::booking_tag,
    ghl::appointment_fields,
    tasks::{TaskError, Versioned},
};

/// How long past blocks stay in the ledger: they may share a day of the schedule with new ones.
const RETENTION: Duration = Duration::from_secs(2 * 86_400);
/// Longer appointments are absences, which Cal.com's schedules do not express.
const MAX_BLOCK_DURATION: Duration = Duration::from_secs(31 * 86_400);
/// How long a task waits for the schedule lease.
const TASK_LEASE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long disconnecting waits for the schedule lease.
const DISCONNECT_LEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a task waits before it asks for the lease, so that requests of people go first: longer than their poll interval.
const LOW_PRIORITY_DELAY: Duration = Duration::from_millis(20);

/// The payload of a task.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    appointment: String,
}

/// Returns the task that reconciles the block of an appointment; `None` if the ledger agrees with the desired time.
pub(crate) async fn reconcile_task(
    app: &App,
    organization: &OrganizationId,
    appointment: &str,
) -> Result<Option<NewTask>, TaskError> {
    let record = ledger::load(app, organization, appointment).await?.value;
    let desired = desired_block(app, organization, appointment, record.as_ref()).await?;
    if !is_reconciled(record.as_ref(), desired) {
        return Ok(Some(new_task(app, organization, appointment)));
    }
    let Some(record) = record else { return Ok(None) };
    let is_in_other_account = record.account != app.calcom.account(organization).await?;
    Ok(is_in_other_account.then(|| new_task(app, organization, appointment)))
}

/// Returns whether the ledger holds the desired block, in any account.
fn is_reconciled(record: Option<&BlockRecord>, desired: Option<DesiredBlock>) -> bool {
    record.map(|record| record.block) == desired && record.is_none_or(|record| record.placed)
}

/// The tasks of an organization run one at a time: each reads, changes and writes the same schedule.
fn new_task(app: &App, organization: &OrganizationId, appointment: &str) -> NewTask {
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(RECONCILE),
        key: format!("{RECONCILE}:{appointment}").into(),
        order_key: Arc::from("calcom:schedule"),
        payload: json!(Payload { appointment: appointment.to_owned() }),
        not_before: app.now(),
        dedup: Dedup::Coalesce,
    }
}

/// Returns the time that an appointment should block: of a future appointment in a mapped calendar that belongs to no booking. A
/// manual block is desired as long as it is placed and not over.
async fn desired_block(
    app: &App,
    organization: &OrganizationId,
    id: &str,
    record: Option<&BlockRecord>,
) -> Result<Option<DesiredBlock>, StoreError> {
    if manual_blocks::is_handle(id) {
        let current = record.filter(|record| record.placed && record.block.end > app.now());
        return Ok(current.map(|record| record.block));
    }
    let key = RecordKey { organization: organization.clone(), kind: APPOINTMENT.into(), id: id.into() };
    let Some(appointment) = app.records.record(&key).await?.filter(|record| !record.deleted) else { return Ok(None) };
    let is_booking = booking_tag::tagged_booking(&appointment.doc).is_some()
        || booking_tag::booking_of(app, organization, id).await?.value.is_some();
    if is_booking {
        // The booking takes the time at Cal.com.
        return Ok(None);
    }
    let status = appointment_fields::status(&appointment.doc);
    if let Some(AppointmentStatus::Cancelled | AppointmentStatus::Invalid | AppointmentStatus::NoShow) = status {
        return Ok(None);
    }
    let time = |name| appointment_fields::time(&appointment.doc, name);
    let (Some(start), Some(end)) = (time("startTime"), time("endTime")) else { return Ok(None) };
    let settings = app.calcom.settings(organization).await?;
    let settings = &settings.settings;
    let calendar = appointment.doc.get("calendarId").and_then(Value::as_str);
    let mut mappings = settings.mapping.values().chain(&settings.default_mapping);
    let is_mapped = mappings.any(|mapping| Some(mapping.calendar_id.as_str()) == calendar);
    let is_blockable = start < end && end.distance(start) <= MAX_BLOCK_DURATION && end > app.now();
    let schedule = settings.block.map(|block| block.schedule_id);
    Ok((is_mapped && is_blockable).then_some(DesiredBlock { start, end, schedule }))
}

/// Reconciles the block of one appointment, under the schedule lease.
pub(super) async fn run(app: &App, task: &Task, payload: &Payload) -> Result<Batch, TaskError> {
    app.clock.sleep(LOW_PRIORITY_DELAY).await;
    let Some(lease) = ledger::acquire_schedule_lease(app, &task.organization, TASK_LEASE_TIMEOUT).await? else {
        return Err(TaskError::Contended("another process is changing this organization's schedule".to_owned()));
    };
    ledger::with_lease(lease, reconcile(app, &task.organization, &payload.appointment)).await?;
    Ok(Batch::default())
}

/// Takes one step at a time until the ledger agrees with the desired time, which is recomputed after every ledger write.
async fn reconcile(app: &App, organization: &OrganizationId, id: &str) -> Result<(), TaskError> {
    if !app.calcom.is_connected(organization).await? {
        return Ok(());
    }
    let account = Account::connected(app, organization).await?;
    loop {
        let stored = ledger::load(app, organization, id).await?;
        let desired = desired_block(app, organization, id, stored.value.as_ref()).await?;
        match (stored.value.clone(), desired) {
            (Some(record), desired) if !account.owns(&record) || Some(record.block) != desired => {
                account.remove_block(stored, record).await?;
            }
            (Some(record), _) if !record.placed => account.place_block(stored, record).await?,
            (None, Some(desired)) => account.plan_block(stored, desired).await?,
            _ => return Ok(()),
        }
    }
}

impl Account<'_> {
    /// Unblocks the time and removes its record. A block in another account stays: its credentials are gone.
    async fn remove_block(&self, mut stored: Versioned<BlockRecord>, record: BlockRecord) -> Result<(), TaskError> {
        if self.owns(&record) {
            let others = self.handles_except(Some(&stored.key)).await?;
            self.client.unblock_all(record.handles).with_existing_blocks(others).background().await?;
        } else {
            tracing::warn!(organization = %self.organization, "a time stays blocked in the previously connected account");
        }
        stored.value = None;
        ledger::save(self.app, &mut stored, record.block.start).await
    }

    /// Records what blocking the time will take.
    async fn plan_block(&self, mut stored: Versioned<BlockRecord>, block: DesiredBlock) -> Result<(), TaskError> {
        let slot = BlockedSlot::new(block.start, block.end);
        let handles = self.create_blocks(vec![slot], block.schedule).await?.background().preview().await?;
        stored.value = Some(BlockRecord { block, account: self.name.clone(), handles, placed: false });
        ledger::save(self.app, &mut stored, block.start).await
    }

    /// Blocks the time as planned.
    async fn place_block(&self, mut stored: Versioned<BlockRecord>, record: BlockRecord) -> Result<(), TaskError> {
        let DesiredBlock { start, end, schedule } = record.block;
        let request = self.create_blocks(vec![BlockedSlot::new(start, end)], schedule).await?;
        let handles = request.background().await?;
        stored.value = Some(BlockRecord { handles: handles.clone(), placed: true, ..record });
        if stored.save(self.app, start).await? {
            return Ok(());
        }
        if ledger::load(self.app, self.organization, &stored.key.id).await?.value.is_none() {
            // Disconnecting did not wait for the lease and took the block for removed: only this task can still remove it.
            let others = self.handles_except(Some(&stored.key)).await?;
            self.client.unblock_all(handles).with_existing_blocks(others).background().await?;
        }
        Err(ledger::save_conflict())
    }
}

/// Removes the blocks of all appointments, and then runs `change`, which ends the connection to the account. Manual blocks stay.
///
/// Disconnecting never waits indefinitely for Cal.com or for the lease; after 5 s it proceeds without removing the blocks.
pub(crate) async fn release_blocks_then<T>(
    app: &App,
    organization: &OrganizationId,
    change: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let work = async {
        if let Err(error) = remove_all(app, organization).await {
            tracing::warn!(%organization, ?error, "times stay blocked at Cal.com: connect it again, or unblock them there");
        }
        change.await
    };
    Ok(match ledger::acquire_schedule_lease(app, organization, DISCONNECT_LEASE_TIMEOUT).await? {
        Some(lease) => ledger::with_lease(lease, work).await,
        None => work.await,
    })
}

async fn remove_all(app: &App, organization: &OrganizationId) -> Result<(), TaskError> {
    let all = ledger::load_all(app, organization).await?;
    let is_manual = |stored: &Versioned<BlockRecord>| manual_blocks::is_handle(&stored.key.id);
    if all.iter().all(is_manual) || !app.calcom.is_connected(organization).await? {
        return Ok(());
    }
    let account = Account::connected(app, organization).await?;
    let own = all.into_iter().filter(|stored| stored.value.as_ref().is_some_and(|record| account.owns(record)));
    let (manual, of_appointments): (Vec<_>, Vec<_>) = own.partition(is_manual);
    account.client.unblock_all(handles(&of_appointments)).with_existing_blocks(handles(&manual)).await?;
    let removed = of_appointments.into_iter().filter_map(|mut stored| {
        let record = stored.value.take()?;
        Some(stored.change(record.block.start))
    });
    let changes: Vec<_> = removed.collect();
    for changes in changes.chunks(PAGE_SIZE as usize) {
        app.records.commit(Batch { changes: changes.to_vec(), ..Batch::default() }).await?;
    }
    Ok(())
}

fn handles(records: &[Versioned<BlockRecord>]) -> Vec<BlockHandle> {
    records.iter().filter_map(|stored| stored.value.as_ref()).flat_map(|record| record.handles.clone()).collect()
}

/// Returns the tasks that remove blocks past their retention, and manual blocks whose process ended before it placed them.
pub(crate) async fn expired_block_tasks(app: &App, organization: &OrganizationId) -> Result<Vec<NewTask>, StoreError> {
    let mut tasks = Vec::new();
    for Versioned { key, value, .. } in ledger::load_all(app, organization).await? {
        let Some(record) = value else { continue };
        let is_expired = record.block.start < app.now() - RETENTION;
        if !is_expired && (record.placed || !manual_blocks::is_handle(&key.id)) {
            continue;
        }
        if !is_reconciled(Some(&record), desired_block(app, organization, &key.id, Some(&record)).await?) {
            tasks.push(new_task(app, organization, &key.id));
        }
    }
    Ok(tasks)
}
