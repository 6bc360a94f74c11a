//! Appointments that came about at GHL take their time out of Cal.com's schedule, so that nobody books it there.
//!
//! Invariant: what a block takes is noted before it is taken, so that it can be given back whatever happens in between.

use std::{borrow::Cow, sync::Arc, time::Duration};

use calcom_client::{
    CalcomClient, ScheduleId,
    compat::{BlockHandle, BlockStrategy, BlockedSlot},
};
use ghl_client::sync::APPOINTMENT;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    outbox::{NewTask, Task},
    record::{Batch, Listing, Record, RecordKey},
};

use super::{
    appointment,
    chain::text,
    kept::Kept,
    link,
    meeting::{Stand, ghl_time, stand_of},
    tasks,
};
use crate::{app::App, work::trouble::Trouble};

/// The kind of the records that hold blocks. Their id is the appointment's, their place its start.
const HELD: &str = "calcom_block";
/// Blocks of this long ago may still share a day with new ones.
const PAST: Duration = Duration::from_secs(2 * 86_400);
/// Whoever is busy for longer than this is away, which is not said by an appointment.
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
/// Rows that are read at once.
const PORTION: u32 = 500;
/// How often it is tried to give everything back.
const ROUNDS: usize = 12;
/// For how many of these rounds what is only announced is waited for.
const PATIENT: usize = 8;
/// How long it is waited for in a round.
const ROUND: Duration = Duration::from_millis(250);

/// A time that is to be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
    start: Timestamp,
    end: Timestamp,
    /// The schedule that the settings name; none: the user's default one.
    #[serde(default)]
    schedule: Option<ScheduleId>,
}

/// A time that is blocked, or about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    #[serde(flatten)]
    wanted: Wanted,
    /// Whose schedule: [`CalcomAccess::account`](crate::calcom::clients::CalcomAccess::account). None of one from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// What gives it back.
    handles: Vec<BlockHandle>,
    /// Whether Cal.com is known to have it.
    done: bool,
}

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
) -> Result<Option<NewTask>, Trouble> {
    let held = Kept::<Held>::read(app, organization, HELD, appointment).await?.note;
    let wanted = wanted(app, organization, appointment).await?;
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
        again: true,
    }
}

/// The time that the appointment, as it is stored, is to block: of a calendar that bookings go to, and yet to come.
async fn wanted(app: &App, organization: &OrganizationId, id: &str) -> Result<Option<Wanted>, StoreError> {
    let key = RecordKey { organization: organization.clone(), kind: APPOINTMENT.into(), id: id.into() };
    let Some(record) = app.store.record(&key).await?.filter(|record| !record.deleted) else { return Ok(None) };
    if appointment::marked(&record.doc).is_some() || link::of_appointment(app, organization, id).await?.note.is_some() {
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
pub(super) async fn run(app: &App, task: &Task, blocked: &Blocked) -> Result<Batch, Trouble> {
    let organization = &task.organization;
    if !app.calcom.is_connected(organization).await? {
        return Ok(Batch::default());
    }
    let mut held = Kept::<Held>::read(app, organization, HELD, &blocked.appointment).await?;
    let wanted = wanted(app, organization, &blocked.appointment).await?;
    let client = app.calcom.client(organization).await?;
    let account = Account { app, organization, client, name: app.calcom.account(organization).await? };
    if held.note.as_ref().is_some_and(|note| !account.has(note) || Some(note.wanted) != wanted) {
        account.give_back(&mut held).await?;
    }
    if let Some(wanted) = wanted
        && held.note.as_ref().is_none_or(|note| !note.done)
    {
        account.take(held, wanted).await?;
    }
    Ok(Batch::default())
}

/// The account at Cal.com in whose schedule times are blocked.
struct Account<'a> {
    app: &'a App,
    organization: &'a OrganizationId,
    client: CalcomClient,
    name: String,
}

impl Account<'_> {
    /// Whether the block is this account's.
    fn has(&self, held: &Held) -> bool {
        held.account.as_ref().is_none_or(|account| *account == self.name)
    }

    /// What the other appointments hold.
    async fn beside(&self, held: &Kept<Held>) -> Result<Vec<BlockHandle>, StoreError> {
        self::held(self.app, self.organization, Some(&held.key)).await
    }

    /// Gives back what the appointment had blocked. In another account nobody can.
    async fn give_back(&self, held: &mut Kept<Held>) -> Result<(), Trouble> {
        let Some(note) = held.note.clone() else { return Ok(()) };
        if self.has(&note) {
            self.client.unblock_all(note.handles).beside(self.beside(held).await?).background().await?;
        } else {
            tracing::warn!(organization = %self.organization, "a time stays blocked in the account that was connected before");
        }
        held.note = None;
        kept(held.keep(self.app, note.wanted.start).await?)
    }

    /// Blocks the time, after what that takes is noted.
    async fn take(&self, mut held: Kept<Held>, wanted: Wanted) -> Result<(), Trouble> {
        let Wanted { start, end, schedule } = wanted;
        let others = self.beside(&held).await?;
        let block = |beside: Vec<BlockHandle>| {
            let slots = self.client.create_blocked_slots([BlockedSlot::new(start, end)]).beside(beside);
            slots.strategy(BlockStrategy::ScheduleOverride { schedule }).background()
        };
        let mut note = match held.note.take() {
            Some(announced) => announced,
            None => {
                let handles = block(others.clone()).preview().await?;
                let announced = Held { wanted, account: Some(self.name.clone()), handles, done: false };
                held.note = Some(announced.clone());
                kept(held.keep(self.app, start).await?)?;
                announced
            }
        };
        let beside = others.iter().chain(&note.handles).cloned().collect();
        note.handles = block(beside).await?;
        note.done = true;
        let handles = note.handles.clone();
        held.note = Some(note);
        if held.keep(self.app, start).await? {
            return Ok(());
        }
        if Kept::<Held>::read(self.app, self.organization, HELD, &held.key.id).await?.note.is_none() {
            // Nobody else would: whoever ended the connection took it for given back.
            self.client.unblock_all(handles).beside(others).background().await?;
        }
        kept(false)
    }
}

fn kept(kept: bool) -> Result<(), Trouble> {
    let raced = || Trouble::Busy("another process may be working on this block".to_owned());
    kept.then_some(()).ok_or_else(raced)
}

/// Gives back everything that the times of appointments hold: the connection is about to end, and only it can. What a task has
/// announced is waited for, for a while: it may be taking it at this moment.
pub(crate) async fn free_all(app: &App, organization: &OrganizationId) -> Result<(), Trouble> {
    let client = app.calcom.client(organization).await?;
    for round in 0..ROUNDS {
        let rows = rows(app, organization, None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let (mut handles, mut changes) = (Vec::new(), Vec::new());
        for row in rows {
            let mut held = Kept::<Held>::read(app, organization, HELD, &row.key.id).await?;
            let Some(note) = held.note.take_if(|note| note.done || round >= PATIENT) else { continue };
            handles.extend(note.handles);
            changes.push(held.change(note.wanted.start));
        }
        if changes.is_empty() {
            app.clock.sleep(ROUND).await;
            continue;
        }
        client.unblock_all(handles).await?;
        // A note that somebody changed meanwhile stays, and is of the next round.
        for changes in changes.chunks(PORTION as usize) {
            app.store.commit(Batch { changes: changes.to_vec(), ..Batch::default() }).await?;
        }
    }
    Err(Trouble::Busy("appointments go on blocking their times".to_owned()))
}

/// The tasks that let go of the times of appointments that are long over.
pub(super) async fn past(app: &App, organization: &OrganizationId) -> Result<Vec<NewTask>, StoreError> {
    let mut tasks = Vec::new();
    for row in rows(app, organization, Some(app.now() - PAST)).await? {
        let held = Kept::<Held>::read(app, organization, HELD, &row.key.id).await?.note;
        if !is_so(held.as_ref(), wanted(app, organization, &row.key.id).await?) {
            tasks.push(task(app, organization, &row.key.id));
        }
    }
    Ok(tasks)
}

/// What the times of appointments hold in the organization's schedule, but for one.
pub(crate) async fn held(
    app: &App,
    organization: &OrganizationId,
    but: Option<&RecordKey>,
) -> Result<Vec<BlockHandle>, StoreError> {
    let rows = rows(app, organization, None).await?;
    let others = rows.into_iter().filter(|row| Some(&row.key) != but);
    let held = others.filter_map(|row| serde_json::from_value::<Held>(Value::Object((*row.doc).clone())).ok());
    Ok(held.flat_map(|held| held.handles).collect())
}

/// Those of times before `to`; none: all.
async fn rows(app: &App, organization: &OrganizationId, to: Option<Timestamp>) -> Result<Vec<Record>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let listing = Listing { to, after, limit: PORTION, ..Listing::default() };
        let rows = app.store.list(organization, HELD, &listing).await?;
        after = rows.last().map(|row| (row.position, Arc::clone(&row.key.id)));
        let is_last = (rows.len() as u32) < PORTION;
        all.extend(rows);
        if is_last {
            return Ok(all);
        }
    }
}
