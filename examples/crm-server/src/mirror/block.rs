//! Appointments that came about at GHL take their time out of Cal.com's schedule, so that nobody books it there.
//!
//! Invariant: whoever changes an appointment after the note of its time was changed finds the note as it is; whoever did before is
//! seen, for what is wanted is read again after each change of the note.

use std::{borrow::Cow, sync::Arc, time::Duration};

use calcom_client::compat::{BlockHandle, BlockedSlot};
use ghl_client::sync::APPOINTMENT;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    OrganizationId, StoreError,
    commit::Batch,
    queue::outbox::{Dedup, NewTask, Task},
    record::RecordKey,
};

use super::{
    PORTION, by_hand,
    chain::text,
    held::{self, Account, HELD, Held, Wanted, kept},
    kept::Kept,
    link,
    meeting::{Stand, ghl_time, stand_of},
    tasks,
    turn::Turn,
};
use crate::{app::App, tasks::TaskError};

/// Blocks of this long ago may still share a day with new ones.
const PAST: Duration = Duration::from_secs(2 * 86_400);
/// Whoever is busy for longer than this is away, which is not said by an appointment.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
/// How long a task waits for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long whoever ends the connection waits for others.
const LEAVING: Duration = Duration::from_secs(5);

/// Which appointment's time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Blocked {
    appointment: String,
}

/// The task that blocks the appointment's time or gives it back; none when there is nothing to do. One at a time for each
/// organization: a schedule is read, changed and written.
pub(super) async fn wish(
    app: &App,
    organization: &OrganizationId,
    appointment: &str,
) -> Result<Option<NewTask>, TaskError> {
    let held = Kept::<Held>::read(app, organization, HELD, appointment).await?.note;
    let wanted = wanted(app, organization, appointment, held.as_ref()).await?;
    if !is_so(held.as_ref(), wanted) {
        return Ok(Some(task(app, organization, appointment)));
    }
    let Some(account) = held.and_then(|held| held.account) else { return Ok(None) };
    let is_elsewhere = account != app.calcom.account(organization).await?;
    Ok(is_elsewhere.then(|| task(app, organization, appointment)))
}

/// Whether what is blocked is what is wanted, in whichever account.
fn is_so(held: Option<&Held>, wanted: Option<Wanted>) -> bool {
    held.map(|held| held.wanted) == wanted && held.is_none_or(|held| held.done)
}

fn task(app: &App, organization: &OrganizationId, appointment: &str) -> NewTask {
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::BLOCK),
        key: format!("{}:{appointment}", tasks::BLOCK).into(),
        order_key: Arc::from("calcom:schedule"),
        payload: json!(Blocked { appointment: appointment.to_owned() }),
        not_before: app.now(),
        dedup: Dedup::Coalesce,
    }
}

/// The time that the appointment, as it is stored, is to block: of a calendar that bookings go to, and yet to come. Of what was
/// blocked by hand its note tells.
async fn wanted(
    app: &App,
    organization: &OrganizationId,
    id: &str,
    held: Option<&Held>,
) -> Result<Option<Wanted>, StoreError> {
    if by_hand::is_handle(id) {
        let stands = held.filter(|note| note.done && note.wanted.end > app.now());
        return Ok(stands.map(|note| note.wanted));
    }
    let key = RecordKey { organization: organization.clone(), kind: APPOINTMENT.into(), id: id.into() };
    let Some(record) = app.store.record(&key).await?.filter(|record| !record.deleted) else { return Ok(None) };
    if crate::calcom::booking_tag::tagged_booking(&record.doc).is_some()
        || link::of_appointment(app, organization, id).await?.note.is_some()
    {
        // Its booking takes the time at Cal.com.
        return Ok(None);
    }
    if stand_of(&record.doc).is_some_and(|stand| matches!(stand, Stand::Cancelled | Stand::NoShow)) {
        return Ok(None);
    }
    let (Some(start), Some(end)) = (ghl_time(&record.doc, "startTime"), ghl_time(&record.doc, "endTime")) else {
        return Ok(None);
    };
    let settled = app.calcom.settings(organization).await?;
    let calendar = text(&record.doc, "calendarId");
    let mut mapped = settled.settings.mapping.values().chain(&settled.settings.default_mapping);
    let concerns = mapped.any(|place| Some(place.calendar_id.as_str()) == calendar);
    let is_sane = start < end && end.distance(start) <= LONGEST;
    let schedule = settled.settings.block.map(|block| block.schedule_id);
    Ok((concerns && is_sane && end > app.now()).then_some(Wanted { start, end, schedule }))
}

/// Blocks the appointment's time, or gives back what it had blocked.
pub(super) async fn run(app: &App, task: &Task, blocked: &Blocked) -> Result<Batch, TaskError> {
    let Some(turn) = Turn::wait_behind_others(app, &task.organization, PATIENCE).await? else {
        return Err(TaskError::Contended("other times of this organization are being blocked or freed".to_owned()));
    };
    turn.during(agree(app, &task.organization, &blocked.appointment)).await?;
    Ok(Batch::default())
}

/// Changes the note step by step, until it says what is wanted by then.
async fn agree(app: &App, organization: &OrganizationId, id: &str) -> Result<(), TaskError> {
    if !app.calcom.is_connected(organization).await? {
        return Ok(());
    }
    let account = Account::of(app, organization).await?;
    loop {
        let held = Kept::<Held>::read(app, organization, HELD, id).await?;
        let wanted = wanted(app, organization, id, held.note.as_ref()).await?;
        match (held.note.clone(), wanted) {
            (Some(note), wanted) if !account.has(&note) || Some(note.wanted) != wanted => {
                account.give_back(held, note).await?;
            }
            (Some(note), _) if !note.done => account.take(held, note).await?,
            (None, Some(wanted)) => account.announce(held, wanted).await?,
            _ => return Ok(()),
        }
    }
}

impl Account<'_> {
    /// Gives back what was blocked. In another account nobody can.
    async fn give_back(&self, mut held: Kept<Held>, note: Held) -> Result<(), TaskError> {
        if self.has(&note) {
            let others = self.held(Some(&held.key)).await?;
            self.client.unblock_all(note.handles).beside(others).background().await?;
        } else {
            tracing::warn!(organization = %self.organization, "a time stays blocked in the account that was connected before");
        }
        held.note = None;
        kept(held.keep(self.app, note.wanted.start).await?)
    }

    /// Notes what blocking the time will take.
    async fn announce(&self, mut held: Kept<Held>, wanted: Wanted) -> Result<(), TaskError> {
        let slot = BlockedSlot::new(wanted.start, wanted.end);
        let blocking = self.blocking(vec![slot], wanted.schedule, self.held(None).await?).background();
        let handles = blocking.preview().await?;
        held.note = Some(Held { wanted, account: Some(self.name.clone()), handles, done: false });
        kept(held.keep(self.app, wanted.start).await?)
    }

    /// Blocks the time, as announced.
    async fn take(&self, mut held: Kept<Held>, note: Held) -> Result<(), TaskError> {
        let Wanted { start, end, schedule } = note.wanted;
        let blocking = self.blocking(vec![BlockedSlot::new(start, end)], schedule, self.held(None).await?);
        let handles = blocking.background().await?;
        held.note = Some(Held { handles: handles.clone(), done: true, ..note });
        if held.keep(self.app, start).await? {
            return Ok(());
        }
        if Kept::<Held>::read(self.app, self.organization, HELD, &held.key.id).await?.note.is_none() {
            // Nobody else would: whoever ended the connection waited no longer, and took it for given back.
            let others = self.held(Some(&held.key)).await?;
            self.client.unblock_all(handles).beside(others).background().await?;
        }
        kept(false)
    }
}

/// Carries out `then`, by which the connection ends, after everything that the times of appointments hold is given back: only the
/// connection can. Nothing is blocked until it has ended. What somebody blocked by hand is left alone.
///
/// Whoever wants to be rid of the connection is not kept by a Cal.com that does not answer, nor by those who wait for it.
pub(crate) async fn leaving<T>(
    app: &App,
    organization: &OrganizationId,
    then: impl Future<Output = T>,
) -> Result<T, StoreError> {
    let work = async {
        if let Err(trouble) = free_all(app, organization).await {
            tracing::warn!(%organization, ?trouble, "times stay blocked at Cal.com: connect it again, or free them there");
        }
        then.await
    };
    Ok(match Turn::wait(app, organization, LEAVING).await? {
        Some(turn) => turn.during(work).await,
        None => work.await,
    })
}

async fn free_all(app: &App, organization: &OrganizationId) -> Result<(), TaskError> {
    let all = held::all(app, organization).await?;
    let is_by_hand = |held: &Kept<Held>| by_hand::is_handle(&held.key.id);
    if all.iter().all(is_by_hand) || !app.calcom.is_connected(organization).await? {
        return Ok(());
    }
    let account = Account::of(app, organization).await?;
    let here = all.into_iter().filter(|held| held.note.as_ref().is_some_and(|note| account.has(note)));
    let (by_hand, of_appointments): (Vec<_>, Vec<_>) = here.partition(is_by_hand);
    account.client.unblock_all(handles(&of_appointments)).beside(handles(&by_hand)).await?;
    let gone = of_appointments.into_iter().filter_map(|mut held| {
        let note = held.note.take()?;
        Some(held.change(note.wanted.start))
    });
    let changes: Vec<_> = gone.collect();
    for changes in changes.chunks(PORTION as usize) {
        app.store.commit(Batch { changes: changes.to_vec(), ..Batch::default() }).await?;
    }
    Ok(())
}

fn handles(notes: &[Kept<Held>]) -> Vec<BlockHandle> {
    notes.iter().filter_map(|held| held.note.as_ref()).flat_map(|note| note.handles.clone()).collect()
}

/// The tasks that let go of times that are long over, and of what a process has announced by hand that ended then.
pub(super) async fn past(app: &App, organization: &OrganizationId) -> Result<Vec<NewTask>, StoreError> {
    let mut tasks = Vec::new();
    let is_over = |note: &Held| note.wanted.start < app.now() - PAST;
    for Kept { key, note, .. } in held::all(app, organization).await? {
        let Some(note) = note.filter(|note| is_over(note) || by_hand::is_handle(&key.id) && !note.done) else {
            continue;
        };
        if !is_so(Some(&note), wanted(app, organization, &key.id, Some(&note)).await?) {
            tasks.push(task(app, organization, &key.id));
        }
    }
    Ok(tasks)
}
