//! The ledger of the times that are blocked in Cal.com's schedules, and the lease under which schedule and ledger change.
//!
//! Invariant: a time is blocked or unblocked beside everything else that the ledger holds in the same account, under one lease.

use std::{sync::Arc, time::Duration};

use calcom_client::{
    CalcomClient, ScheduleId,
    blocking::{BlockHandle, BlockStrategy, BlockedSlot, CreateBlockedSlots},
};
use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, OrganizationId, StoreError, Timestamp,
    lease::LeaseGuard,
    record::{Listing, RecordKey},
};

use crate::{
    app::App,
    tasks::{TaskError, Versioned},
};

/// The kind of the [`BlockRecord`]s. Their id is the appointment's or the handle of a manual block, their position the start.
pub(super) const BUSY_BLOCK: &str = "busy_block";
/// Rows that are read or written at once.
pub(super) const PAGE_SIZE: u32 = 500;
/// How long other processes wait for one that crashed.
const LEASE_TTL: Duration = Duration::from_secs(30);
const LEASE_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A time to block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredBlock {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The schedule that the settings name; `None` for the user's default schedule.
    #[serde(default)]
    pub(super) schedule: Option<ScheduleId>,
}

/// A time that is blocked, or about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlockRecord {
    #[serde(flatten)]
    pub(super) block: DesiredBlock,
    /// The account that owns the schedule: [`CalcomAccess::account`](crate::calcom::access::CalcomAccess::account).
    pub(super) account: String,
    /// Unblock the time.
    pub(super) handles: Vec<BlockHandle>,
    /// `false` while it is planned; `true` when Cal.com confirmed it, or a caller received the handle because it may hold.
    pub(super) placed: bool,
}

/// Loads all records of the organization.
pub(super) async fn load_all(
    app: &App,
    organization: &OrganizationId,
) -> Result<Vec<Versioned<BlockRecord>>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let listing = Listing { after, limit: PAGE_SIZE, ..Listing::default() };
        let rows = app.records.list(organization, BUSY_BLOCK, &listing).await?;
        after = rows.last().map(|row| (row.position, Arc::clone(&row.key.id)));
        let is_last = rows.len() < PAGE_SIZE as usize;
        for row in rows {
            all.push(Versioned::from_record(row)?);
        }
        if is_last {
            return Ok(all);
        }
    }
}

/// Loads the record of an appointment or a manual block.
pub(super) async fn load(
    app: &App,
    organization: &OrganizationId,
    id: &str,
) -> Result<Versioned<BlockRecord>, StoreError> {
    Versioned::load(app, organization, BUSY_BLOCK, id).await
}

/// Saves a record; its place in listings is the start of the block.
pub(super) async fn save(app: &App, record: &mut Versioned<BlockRecord>, start: Timestamp) -> Result<(), TaskError> {
    match record.save(app, start).await? {
        true => Ok(()),
        false => Err(save_conflict()),
    }
}

pub(super) fn save_conflict() -> TaskError {
    TaskError::Contended("another process changed this block at the same time".to_owned())
}

/// The connected account, in whose schedules times are blocked.
pub(super) struct Account<'a> {
    pub(super) app: &'a App,
    pub(super) organization: &'a OrganizationId,
    pub(super) client: CalcomClient,
    pub(super) name: String,
}

impl<'a> Account<'a> {
    /// Returns the account that is connected now.
    pub(super) async fn connected(app: &'a App, organization: &'a OrganizationId) -> Result<Self, Error> {
        let client = app.calcom.client(organization).await?;
        Ok(Self { app, organization, client, name: app.calcom.account(organization).await? })
    }

    /// Returns whether the block is in this account.
    pub(super) fn owns(&self, record: &BlockRecord) -> bool {
        record.account == self.name
    }

    /// Returns the handles of all blocks in this account, except those of one record.
    pub(super) async fn handles_except(&self, except: Option<&RecordKey>) -> Result<Vec<BlockHandle>, StoreError> {
        let all = load_all(self.app, self.organization).await?;
        let others = all.into_iter().filter(|record| Some(&record.key) != except).filter_map(|record| record.value);
        Ok(others.filter(|record| self.owns(record)).flat_map(|record| record.handles).collect())
    }

    /// Returns the request that blocks these times beside all others.
    pub(super) async fn create_blocks(
        &self,
        slots: Vec<BlockedSlot>,
        schedule: Option<ScheduleId>,
    ) -> Result<CreateBlockedSlots, StoreError> {
        let strategy = BlockStrategy::ScheduleOverride { schedule };
        let existing = self.handles_except(None).await?;
        Ok(self.client.create_blocked_slots(slots).strategy(strategy).with_existing_blocks(existing))
    }
}

/// Acquires the lease that serializes schedule changes of an organization across processes; `None` after `timeout`.
pub(super) async fn acquire_schedule_lease(
    app: &App,
    organization: &OrganizationId,
    timeout: Duration,
) -> Result<Option<LeaseGuard>, StoreError> {
    let (leases, key) = (Arc::clone(&app.store) as _, format!("calcom:blocks:{organization}"));
    LeaseGuard::acquire(leases, Arc::clone(&app.clock), &key, LEASE_TTL, timeout, LEASE_POLL_INTERVAL).await
}

/// Runs `work` under the lease and releases it. A lost lease does not cancel `work`: a request to Cal.com cannot be undone.
pub(super) async fn with_lease<T>(lease: LeaseGuard, work: impl Future<Output = T>) -> T {
    let result = lease.run_to_completion(work).await;
    lease.release().await;
    result
}
