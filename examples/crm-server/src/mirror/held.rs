//! The notes of what is taken out of Cal.com's schedules, by appointments and by hand.
//!
//! Invariants: what a block takes is noted before it is taken, so that it can be given back whatever happens in between; and the
//! note goes after that. Whoever takes or frees a time reads what the others hold in the same [`Turn`](super::turn::Turn).

use std::sync::Arc;

use calcom_client::{
    CalcomClient, ScheduleId,
    compat::{BlockHandle, BlockStrategy, BlockedSlot, CreateBlockedSlots},
};
use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, OrganizationId, StoreError, Timestamp,
    record::{Listing, RecordKey},
};

use super::{PORTION, kept::Kept};
use crate::{app::App, tasks::TaskError};

/// The kind of the notes. Their id is the appointment's or the handle that somebody has, their place in listings the start.
pub(super) const HELD: &str = "calcom_block";

/// A time that is to be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The schedule that the settings name; none: the user's default one.
    #[serde(default)]
    pub(super) schedule: Option<ScheduleId>,
}

/// A time that is blocked, or about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    #[serde(flatten)]
    pub(super) wanted: Wanted,
    /// Whose schedule: [`CalcomAccess::account`](crate::calcom::access::CalcomAccess::account). None of one from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) account: Option<String>,
    /// What gives it back.
    pub(super) handles: Vec<BlockHandle>,
    /// Whether Cal.com is known to have it, or somebody was told that it may.
    pub(super) done: bool,
}

/// All notes of the organization.
pub(super) async fn all(app: &App, organization: &OrganizationId) -> Result<Vec<Kept<Held>>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let listing = Listing { after, limit: PORTION, ..Listing::default() };
        let rows = app.store.list(organization, HELD, &listing).await?;
        after = rows.last().map(|row| (row.position, Arc::clone(&row.key.id)));
        let is_last = rows.len() < PORTION as usize;
        for row in rows {
            all.push(Kept::of(row)?);
        }
        if is_last {
            return Ok(all);
        }
    }
}

/// The account at Cal.com in whose schedules times are blocked.
pub(super) struct Account<'a> {
    pub(super) app: &'a App,
    pub(super) organization: &'a OrganizationId,
    pub(super) client: CalcomClient,
    pub(super) name: String,
}

impl<'a> Account<'a> {
    /// The one that is connected.
    pub(super) async fn of(app: &'a App, organization: &'a OrganizationId) -> Result<Self, Error> {
        let client = app.calcom.client(organization).await?;
        Ok(Self { app, organization, client, name: app.calcom.account(organization).await? })
    }

    /// Whether the block is this account's.
    pub(super) fn has(&self, held: &Held) -> bool {
        held.account.as_ref().is_none_or(|account| *account == self.name)
    }

    /// What is held in this account's schedules, but for one note.
    pub(super) async fn held(&self, but: Option<&RecordKey>) -> Result<Vec<BlockHandle>, StoreError> {
        let all = all(self.app, self.organization).await?;
        let others = all.into_iter().filter(|held| Some(&held.key) != but).filter_map(|held| held.note);
        Ok(others.filter(|note| self.has(note)).flat_map(|note| note.handles).collect())
    }

    /// The request that blocks these times, beside what is held.
    pub(super) fn blocking(
        &self,
        slots: Vec<BlockedSlot>,
        schedule: Option<ScheduleId>,
        held: Vec<BlockHandle>,
    ) -> CreateBlockedSlots {
        let strategy = BlockStrategy::ScheduleOverride { schedule };
        self.client.create_blocked_slots(slots).strategy(strategy).beside(held)
    }
}

/// For what [`Kept::keep`] answers.
pub(super) fn kept(kept: bool) -> Result<(), TaskError> {
    let raced = || TaskError::Contended("another process may be working on this block".to_owned());
    kept.then_some(()).ok_or_else(raced)
}
