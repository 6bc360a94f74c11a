//! Times that somebody blocks in Cal.com's schedule, beside those that appointments block.
//!
//! Invariant: who has a handle can free the time by it once, whatever else is blocked then. A note that is not
//! [`done`](Held::done) in one's turn is of a process that ended: nobody has its handle, and it is given back (`block::past`).

use std::time::Duration;

use calcom_client::{
    CalcomErrorExt, CalcomErrorReason,
    compat::{BlockHandle, BlockedSlot},
};
use sidecar_core::{Error, OrganizationId, StoreError, http::DEFAULT_DEADLINE};
use uuid::Uuid;

use super::{
    held::{Account, HELD, Held, Wanted, kept},
    kept::Kept,
    turn::Turn,
};
use crate::{app::App, tasks::TaskError};

/// What the handles begin with. No id of GHL's does, and no JSON in base64.
const PREFIX: &str = "slot-";
/// How long somebody waits for others.
const PATIENCE: Duration = DEFAULT_DEADLINE;

/// Whether it is a handle, not the id of an appointment.
pub(crate) fn is_handle(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// The times are not blocked, or nobody knows.
#[derive(Debug)]
pub(crate) struct NotBlocked {
    pub(crate) why: TaskError,
    /// What frees them again if they are.
    pub(crate) handles: Vec<String>,
}

impl NotBlocked {
    fn at_all(why: impl Into<TaskError>) -> Self {
        Self { why: why.into(), handles: Vec::new() }
    }
}

/// Blocks times by one change of the schedule that the settings name; a handle for each.
pub(crate) async fn block(
    app: &App,
    organization: &OrganizationId,
    slots: Vec<BlockedSlot>,
) -> Result<Vec<String>, NotBlocked> {
    let turn = turn(app, organization).await.map_err(NotBlocked::at_all)?;
    turn.during(in_turn(app, organization, slots)).await
}

async fn in_turn(app: &App, organization: &OrganizationId, slots: Vec<BlockedSlot>) -> Result<Vec<String>, NotBlocked> {
    let account = Account::of(app, organization).await.map_err(NotBlocked::at_all)?;
    let mut notes = announce(&account, &slots).await.map_err(NotBlocked::at_all)?;
    let ids = notes.iter().map(|held| held.key.id.to_string()).collect();
    match take(&account, slots, &mut notes).await {
        Ok(None) => Ok(ids),
        Ok(Some(error)) if notes.iter().all(|held| held.note.is_none()) => Err(NotBlocked::at_all(error)),
        Ok(Some(error)) => Err(NotBlocked { why: error.into(), handles: ids }),
        Err(why) => Err(NotBlocked { why, handles: ids }),
    }
}

/// Notes what blocking the times will take.
async fn announce(account: &Account<'_>, slots: &[BlockedSlot]) -> Result<Vec<Kept<Held>>, TaskError> {
    let Account { app, organization, .. } = account;
    let schedule = app.calcom.settings(organization).await?.settings.block.map(|block| block.schedule_id);
    let handles = account.blocking(slots.to_vec(), schedule, account.held(None).await?).preview().await?;
    let mut notes = Vec::with_capacity(slots.len());
    for (slot, handle) in slots.iter().zip(handles) {
        let id = format!("{PREFIX}{}", Uuid::new_v4().simple());
        let mut held = Kept::read(app, organization, HELD, &id).await?;
        let wanted = Wanted { start: slot.start, end: slot.end, schedule };
        held.note = Some(Held { wanted, account: Some(account.name.clone()), handles: vec![handle], done: false });
        kept(held.keep(app, slot.start).await?)?;
        notes.push(held);
    }
    Ok(notes)
}

/// Blocks what was announced. The notes of what was certainly not taken are removed; why it was not, or may not have been, is answered.
async fn take(
    account: &Account<'_>,
    slots: Vec<BlockedSlot>,
    notes: &mut [Kept<Held>],
) -> Result<Option<Error>, TaskError> {
    let schedule = notes.iter().find_map(|held| held.note.as_ref()?.wanted.schedule);
    let blocking = account.blocking(slots, schedule, account.held(None).await?);
    let (taken, failed) = match blocking.await {
        Ok(handles) => (handles, None),
        Err(error) => match error.problem() {
            Some(CalcomErrorReason::PartlyBlocked { handles }) => (handles.clone(), Some(error)),
            _ => (Vec::new(), Some(error)),
        },
    };
    let mut taken = taken.into_iter();
    for held in notes {
        let Some(mut note) = held.note.take() else { continue };
        let start = note.wanted.start;
        held.note = taken.next().map(|handle| {
            (note.handles, note.done) = (vec![handle], true);
            note
        });
        kept(held.keep(account.app, start).await?)?;
    }
    Ok(failed)
}

/// Frees a time by its handle; `false`: it is blocked in an account that is not connected now. What is free already is left alone.
pub(crate) async fn free(app: &App, organization: &OrganizationId, handle: &str) -> Result<bool, TaskError> {
    let work = async {
        let mut held = Kept::<Held>::read(app, organization, HELD, handle).await?;
        let Some(note) = held.note.take() else { return Ok(true) };
        let account = Account::of(app, organization).await?;
        if !account.has(&note) {
            return Ok(false);
        }
        account.client.unblock_all(note.handles).beside(account.held(Some(&held.key)).await?).await?;
        kept(held.keep(app, note.wanted.start).await?)?;
        Ok(true)
    };
    turn(app, organization).await?.during(work).await
}

/// Frees a time whose handle is from before there were notes of them.
pub(crate) async fn free_unnoted(
    app: &App,
    organization: &OrganizationId,
    handle: BlockHandle,
) -> Result<(), TaskError> {
    let work = async {
        let account = Account::of(app, organization).await?;
        account.client.unblock(handle).beside(account.held(None).await?).await?;
        Ok(())
    };
    turn(app, organization).await?.during(work).await
}

async fn turn<'a>(app: &'a App, organization: &OrganizationId) -> Result<Turn<'a>, TaskError> {
    let turn: Result<_, StoreError> = Turn::wait(app, organization, PATIENCE).await;
    turn?.ok_or_else(|| {
        TaskError::Contended("other times of this organization are being blocked or freed: try again".to_owned())
    })
}
