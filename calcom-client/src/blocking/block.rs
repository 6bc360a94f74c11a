use std::{collections::HashMap, time::Duration};

use sidecar_core::{Error, ErrorKind, Result, Timestamp, secret};

use super::{
    blocked::{BlockStrategy, BlockedSlot},
    schedule_editor::ScheduleEditor,
};
use crate::{
    bookings::NewAttendee,
    client::{CalcomClient, RequestOptions, request},
    config::MAX_METADATA_VALUE_CHARS,
    convenience::{ORIGIN, REASON},
    error::{CalcomErrorExt, CalcomErrorReason},
    model::{BlockHandle, DateOverride, EventTypeId, Minutes, Schedule, ScheduleId},
    out_of_office::is_midnight,
};

const DAY: Duration = Duration::from_secs(86_400);
/// The maximum length of a blocked time, because its days are processed one by one.
const MAX_LENGTH: Duration = Duration::from_secs(366 * 86_400);
const MINUTE: i64 = 60_000_000;

/// Blocks times. From [`CalcomClient::create_blocked_slots`].
///
/// If one of several times fails after others were blocked, or if the response to the change of a schedule is lost, the error has
/// the handles in [`CalcomErrorReason::PartlyBlocked`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateBlockedSlots {
    client: CalcomClient,
    slots: Vec<BlockedSlot>,
    strategy: BlockStrategy,
    existing: Vec<BlockHandle>,
    options: RequestOptions,
}

impl CreateBlockedSlots {
    pub(super) fn new(client: CalcomClient, slots: Vec<BlockedSlot>) -> Self {
        let (strategy, options) = (BlockStrategy::default(), RequestOptions::default());
        Self { client, slots, strategy, existing: Vec::new(), options }
    }

    /// Sets how the times are blocked.
    pub fn strategy(mut self, strategy: BlockStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the existing blocks of the schedule. Needed if times may overlap: without them, the overlap of two blocks belongs to the
    /// first and becomes free together with it.
    pub fn with_existing_blocks(mut self, handles: impl IntoIterator<Item = BlockHandle>) -> Self {
        self.existing = handles.into_iter().collect();
        self
    }

    async fn send(self) -> Result<Vec<BlockHandle>> {
        self.check()?;
        match self.strategy.clone() {
            BlockStrategy::ScheduleOverride { schedule } => self.in_schedule(schedule).await,
            strategy => self.one_by_one(&strategy).await,
        }
    }

    /// Returns the handles that blocking would return, and changes nothing. A caller that stores them first can undo the block
    /// after any crash. Blocking [with these as existing blocks](Self::with_existing_blocks) returns the same handles, even if the
    /// times are already blocked.
    ///
    /// # Errors
    /// Those of the request, and [`ErrorKind::InvalidInput`] for a strategy other than [`BlockStrategy::ScheduleOverride`].
    pub async fn preview(self) -> Result<Vec<BlockHandle>> {
        self.check()?;
        let BlockStrategy::ScheduleOverride { schedule } = self.strategy else {
            return Err(invalid("only `BlockStrategy::ScheduleOverride` has a preview"));
        };
        let id = self.schedule(schedule).await?;
        let read = self.client.schedules().get(id).with_options(self.options.clone()).await?;
        self.edit(&read).map(|(handles, _)| handles)
    }

    fn check(&self) -> Result<()> {
        if let Some(slot) = self.slots.iter().find(|slot| slot.end.distance(slot.start) > MAX_LENGTH) {
            let days = MAX_LENGTH.as_secs() / DAY.as_secs();
            return Err(invalid(format!(
                "a blocked time can have at most {days} days, but this one lasts from {} to {}",
                slot.start, slot.end
            )));
        }
        match self.slots.iter().find(|slot| slot.start >= slot.end) {
            None => Ok(()),
            Some(slot) => Err(invalid(format!(
                "a blocked time must end after it starts, but this one ends at {} and starts at {}",
                slot.end, slot.start
            ))),
        }
    }

    /// Returns the given schedule, or else the user's default one.
    async fn schedule(&self, named: Option<ScheduleId>) -> Result<ScheduleId> {
        if let Some(id) = named {
            return Ok(id);
        }
        let found = self.client.schedules().default_schedule().with_options(self.options.clone()).await?;
        found.map(|schedule| schedule.id).ok_or_else(|| invalid("the user has no default schedule; set `schedule`"))
    }

    /// Returns the handles of the blocks, and the new overrides of the schedule if they change.
    fn edit(&self, schedule: &Schedule) -> Result<(Vec<BlockHandle>, Option<Vec<DateOverride>>)> {
        let (mut editor, mut existing) = (ScheduleEditor::new(schedule), self.existing.clone());
        for slot in &self.slots {
            existing.push(editor.block(slot, &existing)?);
        }
        Ok((existing.split_off(self.existing.len()), editor.into_changed()))
    }

    async fn in_schedule(self, schedule: Option<ScheduleId>) -> Result<Vec<BlockHandle>> {
        if self.slots.is_empty() {
            return Ok(Vec::new());
        }
        let schedules = self.client.schedules();
        let id = self.schedule(schedule).await?;
        self.client
            .with_schedule_lock(id, &self.options, async {
                let read = schedules.get(id).with_options(self.options.clone()).await?;
                let (handles, overrides) = self.edit(&read)?;
                let Some(overrides) = overrides else { return Ok(handles) };
                match schedules.update(id).overrides(overrides).with_options(self.options.clone()).await {
                    Ok(_) => Ok(handles),
                    Err(error) if error.may_have_taken_effect() => {
                        Err(error.with_detail(CalcomErrorReason::PartlyBlocked { handles }))
                    }
                    Err(error) => Err(error),
                }
            })
            .await
    }

    async fn one_by_one(self, strategy: &BlockStrategy) -> Result<Vec<BlockHandle>> {
        let mut handles = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let blocked = match strategy {
                BlockStrategy::HoldBooking { event_type, attendee } => self.book(slot, *event_type, attendee).await,
                BlockStrategy::OutOfOffice { widen } => self.out_of_office(slot, *widen).await,
                BlockStrategy::Reservation { event_type, hold } => self.reserve(slot, *event_type, *hold).await,
                BlockStrategy::ScheduleOverride { .. } => Err(invalid("a schedule is changed by one request")),
            };
            match blocked {
                Ok(handle) => handles.push(handle),
                Err(error) if handles.is_empty() => return Err(error),
                Err(error) => return Err(error.with_detail(CalcomErrorReason::PartlyBlocked { handles })),
            }
        }
        Ok(handles)
    }

    async fn book(&self, slot: &BlockedSlot, event_type: EventTypeId, attendee: &NewAttendee) -> Result<BlockHandle> {
        let create = self.client.bookings().create(event_type, slot.start, attendee).allow_conflicts(true);
        let mut create = create.length(whole_minutes(slot)?).metadata(ORIGIN, "block");
        if let Some(reason) = &slot.reason {
            create = create.metadata(REASON, reason.chars().take(MAX_METADATA_VALUE_CHARS).collect::<String>());
        }
        // A unique reference, so that the booking can be found after a lost response.
        let reference = secret::random::<8>().map_err(|error| invalid(error.to_string()))?;
        let create = create.reference(format!("block-{:016x}", u64::from_le_bytes(reference)));
        let created = create.with_options(self.options.clone()).create_or_find().await?;
        let uid = created.booking().map(|booking| booking.uid.clone());
        uid.map(|uid| BlockHandle::Booking { uid })
            .ok_or_else(|| Error::new(ErrorKind::Decode, "Cal.com returned an empty series for the booking"))
    }

    async fn out_of_office(&self, slot: &BlockedSlot, widen: bool) -> Result<BlockHandle> {
        let whole = is_midnight(slot.start) && is_midnight(slot.end);
        if !whole && !widen {
            let why = "an out-of-office entry covers whole days in UTC; pass two midnights, or set `widen` to block all touched days";
            return Err(invalid(why));
        }
        let (start, end) = (midnight_before(slot.start), midnight_after(slot.end));
        let mut create = self.client.out_of_office().create(start, end);
        if let Some(reason) = &slot.reason {
            create = create.notes(reason.as_str());
        }
        Ok(BlockHandle::OutOfOffice { id: create.with_options(self.options.clone()).await?.id })
    }

    async fn reserve(&self, slot: &BlockedSlot, event_type: EventTypeId, hold: Option<Minutes>) -> Result<BlockHandle> {
        let mut reserve = self.client.slots().reserve(event_type, slot.start).slot_duration(whole_minutes(slot)?);
        if let Some(minutes) = hold {
            reserve = reserve.reservation_duration(minutes);
        }
        Ok(BlockHandle::Reservation { uid: reserve.with_options(self.options.clone()).await?.uid })
    }
}

request!(CreateBlockedSlots => Vec<BlockHandle>, options);

/// Frees blocked times. From [`CalcomClient::unblock`] and [`CalcomClient::unblock_all`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct Unblock {
    client: CalcomClient,
    handles: Vec<BlockHandle>,
    existing: Vec<BlockHandle>,
    options: RequestOptions,
}

impl Unblock {
    pub(super) fn new(client: CalcomClient, handles: Vec<BlockHandle>) -> Self {
        Self { client, handles, existing: Vec::new(), options: RequestOptions::default() }
    }

    /// Sets the other blocks of the schedule, which stay: their times stay blocked. Do not include the blocks to free: blocks of the
    /// same time have equal handles, so an equal handle counts as another block and keeps the time blocked.
    pub fn with_existing_blocks(mut self, handles: impl IntoIterator<Item = BlockHandle>) -> Self {
        self.existing = handles.into_iter().collect();
        self
    }

    async fn send(self) -> Result<()> {
        let mut of_schedules: HashMap<ScheduleId, Vec<BlockHandle>> = HashMap::new();
        for handle in &self.handles {
            let (client, options) = (&self.client, self.options.clone());
            ignore_freed(match handle {
                BlockHandle::ScheduleOverride { schedule, removed } => {
                    if !removed.is_empty() {
                        of_schedules.entry(*schedule).or_default().push(handle.clone());
                    }
                    Ok(())
                }
                BlockHandle::Booking { uid } => client.bookings().cancel(uid).with_options(options).await.map(drop),
                BlockHandle::OutOfOffice { id } => {
                    client.out_of_office().delete(*id).with_options(options).await.map(drop)
                }
                BlockHandle::Reservation { uid } => client.slots().delete_reservation(uid).with_options(options).await,
            })?;
        }
        for (schedule, handles) in of_schedules {
            ignore_freed(self.in_schedule(schedule, handles).await)?;
        }
        Ok(())
    }

    async fn in_schedule(&self, id: ScheduleId, handles: Vec<BlockHandle>) -> Result<()> {
        let schedules = self.client.schedules();
        self.client
            .with_schedule_lock(id, &self.options, async {
                let read = schedules.get(id).with_options(self.options.clone()).await?;
                let mut editor = ScheduleEditor::new(&read);
                let mut blocks = [self.existing.clone(), handles].concat();
                while blocks.len() > self.existing.len()
                    && let Some(freed) = blocks.pop()
                {
                    editor.unblock(freed.removed_from(id), &blocks)?;
                }
                if let Some(overrides) = editor.into_changed() {
                    schedules.update(id).overrides(overrides).with_options(self.options.clone()).await?;
                }
                Ok(())
            })
            .await
    }
}

/// Ignores the error of a time that is free already, or whose schedule, booking or entry is deleted.
fn ignore_freed(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if matches!(error.problem(), Some(CalcomErrorReason::NotFound | CalcomErrorReason::AlreadyDone)) => {
            Ok(())
        }
        outcome => outcome,
    }
}

request!(Unblock => (), options);

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, why).at("calcom", "create_blocked_slots")
}

fn whole_minutes(slot: &BlockedSlot) -> Result<Minutes> {
    let length = slot.end.as_micros().saturating_sub(slot.start.as_micros());
    match length % MINUTE {
        0 => Ok(Minutes::from(length / MINUTE)),
        _ => Err(invalid("this strategy blocks only whole minutes")),
    }
}

fn midnight_before(time: Timestamp) -> Timestamp {
    Timestamp::from_secs(time.as_secs().div_euclid(86_400) * 86_400)
}

fn midnight_after(time: Timestamp) -> Timestamp {
    if is_midnight(time) { time } else { midnight_before(time) + DAY }
}
