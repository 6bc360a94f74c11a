use std::{collections::HashMap, time::Duration};

use sidecar_core::{Error, ErrorKind, Result, Timestamp, secret};

use super::{
    blocked::{BlockHandle, BlockStrategy, BlockedSlot},
    booking::{ORIGIN, REASON},
    change::Draft,
    locks::alone,
};
use crate::{
    bookings::NewAttendee,
    client::{CalcomClient, RequestOptions, request},
    config::MAX_METADATA_VALUE_CHARS,
    error::{CalcomErrorExt, CalcomErrorReason},
    model::{DateOverride, EventTypeId, Minutes, Schedule, ScheduleId},
    ooo::is_midnight,
};

const DAY: Duration = Duration::from_secs(86_400);
/// The longest time that is blocked at once: it is gone through day by day.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
const MINUTE: i64 = 60_000_000;

/// Blocks times. From [`CalcomClient::create_blocked_slots`].
///
/// When one of several times fails and others hold already, or a schedule's change is not answered, the error's
/// [`CalcomErrorReason::PartlyBlocked`] has the handles.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct CreateBlockedSlots {
    client: CalcomClient,
    slots: Vec<BlockedSlot>,
    strategy: BlockStrategy,
    beside: Vec<BlockHandle>,
    options: RequestOptions,
}

impl CreateBlockedSlots {
    pub(super) fn new(client: CalcomClient, slots: Vec<BlockedSlot>) -> Self {
        let (strategy, options) = (BlockStrategy::default(), RequestOptions::default());
        Self { client, slots, strategy, beside: Vec::new(), options }
    }

    /// How.
    pub fn strategy(mut self, strategy: BlockStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The blocks of the schedule that hold already, where times may overlap. Without them, what two blocks share belongs to the
    /// first: it is free again as soon as that one is.
    pub fn beside(mut self, handles: impl IntoIterator<Item = BlockHandle>) -> Self {
        self.beside = handles.into_iter().collect();
        self
    }

    async fn send(self) -> Result<Vec<BlockHandle>> {
        self.check()?;
        match self.strategy.clone() {
            BlockStrategy::ScheduleOverride { schedule } => self.in_schedule(schedule).await,
            strategy => self.one_by_one(&strategy).await,
        }
    }

    /// Says what blocking would take, and changes nothing: what is noted before it is done can be undone whatever happens in
    /// between. Blocking [beside](Self::beside) these handles then gives the same ones, also when it was done before. Only schedules
    /// can tell; the other strategies answer with [`ErrorKind::InvalidInput`].
    ///
    /// # Errors
    /// As awaiting it.
    pub async fn preview(self) -> Result<Vec<BlockHandle>> {
        self.check()?;
        let BlockStrategy::ScheduleOverride { schedule } = self.strategy else {
            return Err(refused("only a schedule tells beforehand what is taken out of it"));
        };
        let id = self.schedule(schedule).await?;
        let read = self.client.schedules().get(id).with_options(self.options.clone()).await?;
        self.draft(&read).map(|(handles, _)| handles)
    }

    fn check(&self) -> Result<()> {
        if let Some(slot) = self.slots.iter().find(|slot| slot.end.distance(slot.start) > LONGEST) {
            let days = LONGEST.as_secs() / DAY.as_secs();
            return Err(refused(format!(
                "a blocked time is {days} days long at most, not from {} to {}",
                slot.start, slot.end
            )));
        }
        match self.slots.iter().find(|slot| slot.start >= slot.end) {
            None => Ok(()),
            Some(slot) => Err(refused(format!(
                "a blocked time ends after it begins, not at {} for one from {}",
                slot.end, slot.start
            ))),
        }
    }

    /// The schedule that is named, or else the user's default one.
    async fn schedule(&self, named: Option<ScheduleId>) -> Result<ScheduleId> {
        if let Some(id) = named {
            return Ok(id);
        }
        let found = self.client.schedules().default_schedule().with_options(self.options.clone()).await?;
        found.map(|schedule| schedule.id).ok_or_else(|| refused("the user has no default schedule: name one"))
    }

    /// What is taken out of the schedule, and its overrides then, if they change.
    fn draft(&self, schedule: &Schedule) -> Result<(Vec<BlockHandle>, Option<Vec<DateOverride>>)> {
        let (mut draft, mut holding) = (Draft::of(schedule), self.beside.clone());
        let before = holding.len();
        for slot in &self.slots {
            holding.push(draft.block(slot, &holding)?);
        }
        Ok((holding.split_off(before), draft.into_changed()))
    }

    async fn in_schedule(self, schedule: Option<ScheduleId>) -> Result<Vec<BlockHandle>> {
        if self.slots.is_empty() {
            return Ok(Vec::new());
        }
        let schedules = self.client.schedules();
        let id = self.schedule(schedule).await?;
        alone(&self.client, id, &self.options, async {
            let read = schedules.get(id).with_options(self.options.clone()).await?;
            let (handles, overrides) = self.draft(&read)?;
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
                BlockStrategy::HoldBooking { event_type, attendee } => self.hold(slot, *event_type, attendee).await,
                BlockStrategy::OutOfOffice { widen } => self.out_of_office(slot, *widen).await,
                BlockStrategy::Reservation { event_type, hold } => self.reserve(slot, *event_type, *hold).await,
                BlockStrategy::ScheduleOverride { .. } => Err(refused("a schedule is changed as a whole")),
            };
            match blocked {
                Ok(handle) => handles.push(handle),
                Err(error) if handles.is_empty() => return Err(error),
                Err(error) => return Err(error.with_detail(CalcomErrorReason::PartlyBlocked { handles })),
            }
        }
        Ok(handles)
    }

    async fn hold(&self, slot: &BlockedSlot, event_type: EventTypeId, attendee: &NewAttendee) -> Result<BlockHandle> {
        let create = self.client.bookings().create(event_type, slot.start, attendee).allow_conflicts(true);
        let mut create = create.length(whole_minutes(slot)?).metadata(ORIGIN, "block");
        if let Some(reason) = &slot.reason {
            create = create.metadata(REASON, reason.chars().take(MAX_METADATA_VALUE_CHARS).collect::<String>());
        }
        // A name of its own, so that one whose answer is lost is found and can be undone.
        let name = secret::random::<8>().map_err(|error| refused(error.to_string()))?;
        let create = create.reference(format!("block-{:016x}", u64::from_le_bytes(name)));
        let made = create.with_options(self.options.clone()).create_or_find().await?;
        let uid = made.booking().map(|booking| booking.uid.clone());
        uid.map(|uid| BlockHandle::Booking { uid })
            .ok_or_else(|| Error::new(ErrorKind::Decode, "the provider answered a booking with an empty series"))
    }

    async fn out_of_office(&self, slot: &BlockedSlot, widen: bool) -> Result<BlockHandle> {
        let whole = is_midnight(slot.start) && is_midnight(slot.end);
        if !whole && !widen {
            let why =
                "out of office is whole days in UTC: give two midnights, or set `widen` to block the whole days around";
            return Err(refused(why));
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
    beside: Vec<BlockHandle>,
    options: RequestOptions,
}

impl Unblock {
    pub(super) fn new(client: CalcomClient, handles: Vec<BlockHandle>) -> Self {
        Self { client, handles, beside: Vec::new(), options: RequestOptions::default() }
    }

    /// The other blocks of the schedule that hold on: what they share with these stays blocked. Leave out the ones that are freed:
    /// blocks of the same time have equal handles, so that an equal one is taken for another block, and the time stays blocked.
    pub fn beside(mut self, handles: impl IntoIterator<Item = BlockHandle>) -> Self {
        self.beside = handles.into_iter().collect();
        self
    }

    async fn send(self) -> Result<()> {
        let mut of_schedules: HashMap<ScheduleId, Vec<BlockHandle>> = HashMap::new();
        for handle in &self.handles {
            let (client, options) = (&self.client, self.options.clone());
            unless_free(match handle {
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
            unless_free(self.in_schedule(schedule, handles).await)?;
        }
        Ok(())
    }

    async fn in_schedule(&self, id: ScheduleId, handles: Vec<BlockHandle>) -> Result<()> {
        let schedules = self.client.schedules();
        alone(&self.client, id, &self.options, async {
            let read = schedules.get(id).with_options(self.options.clone()).await?;
            let mut draft = Draft::of(&read);
            let mut holding = [self.beside.clone(), handles].concat();
            while holding.len() > self.beside.len()
                && let Some(freed) = holding.pop()
            {
                draft.unblock(freed.removed_from(id), &holding)?;
            }
            if let Some(overrides) = draft.into_changed() {
                schedules.update(id).overrides(overrides).with_options(self.options.clone()).await?;
            }
            Ok(())
        })
        .await
    }
}

/// What is free already, or gone with all that was in it, is no error.
fn unless_free(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if matches!(error.problem(), Some(CalcomErrorReason::NotFound | CalcomErrorReason::AlreadyDone)) => {
            Ok(())
        }
        outcome => outcome,
    }
}

request!(Unblock => (), options);

fn refused(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidInput, why).at("calcom", "create_blocked_slots")
}

fn whole_minutes(slot: &BlockedSlot) -> Result<Minutes> {
    let length = slot.end.as_micros().saturating_sub(slot.start.as_micros());
    match length % MINUTE {
        0 => Ok(Minutes::from(length / MINUTE)),
        _ => Err(refused("this way of blocking takes whole minutes")),
    }
}

fn midnight_before(time: Timestamp) -> Timestamp {
    Timestamp::from_secs(time.as_secs().div_euclid(86_400) * 86_400)
}

fn midnight_after(time: Timestamp) -> Timestamp {
    if is_midnight(time) { time } else { midnight_before(time) + DAY }
}
