//! One step of the mirror: looks at a booking and its appointment and makes them agree.

use calcom_client::{
    CalcomClient,
    sync::{ABSENCES_CHANGED, HAS_SEATS},
};
use ghl_client::GhlClient;
use serde_json::Value;
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::Batch,
    queue::outbox::Task,
    record::{Change, Record},
};

use super::{
    agree::{Agreement, End},
    appointment::Appointments,
    chain::Bookings,
    kept::Kept,
    link::{self, Link, Made, NOWHERE, WayBack},
    making::Making,
    meeting::{Side, Stand},
    place::{self, Mapped},
    tasks::mirror,
    unmapped,
};
use crate::{app::App, ghl::access, tasks::TaskError};

/// What has been over or called off for so long is none of the mirror's business, unless it had an appointment before.
pub(super) const HISTORY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Makes a booking and its appointment agree.
pub(super) async fn run(app: &App, task: &Task, root: &str) -> Result<Batch, TaskError> {
    let began = app.clock.monotonic();
    let organization = &task.organization;
    if !app.calcom.is_connected(organization).await? || !app.ghl.is_on() {
        // Nobody has both sides any more.
        return Ok(Batch::default());
    }
    let calcom = app.calcom.client(organization).await?;
    let ghl = app.ghl.client(organization).ok_or_else(access::ghl_is_off)?;
    let step = Step { app, organization, root, calcom: &calcom, ghl: &ghl };
    let bookings = step.bookings();
    let first = bookings.root(root).await?;
    if first != root {
        return step.hand_over(&first).await;
    }
    let link = link::of_booking(app, organization, root).await?;
    let settled = app.calcom.settings(organization).await?;
    let made = link.note.as_ref().and_then(|link| link.made.clone());
    // Of one with seats, and of who did not come, the events told of some attendees only.
    let is_untold = |head: &Record| {
        let is_partly_told = has_seats(head) || head.doc.contains_key(ABSENCES_CHANGED);
        is_partly_told || (made.is_none() && place::depends_on_hosts(&settled.settings, head))
    };
    let head = bookings.told(root, is_untold).await?;
    if link.note.is_none() && is_history(&head, app.now()) {
        return Ok(Batch::default());
    }
    let Some(now) = Side::of_booking(&head, app.now()).filter(|_| !head.deleted) else {
        return Ok(Batch::default());
    };
    if let (Some(before), Some(made)) = (link.note.clone(), made) {
        place::check_connected(app, organization, &before.place.location).await?;
        return step.agree(link, before, made, head, now).await;
    }
    let making = Making { step: &step, began, head: &head, booking: now.meeting };
    if let Some(announced) = &link.note
        && let Some(found) = making.found(&link, announced).await?
    {
        return Ok(found);
    }
    match place::mapped(&bookings, &settled.settings, &head).await? {
        Mapped::To(place) => making.make(link, place).await,
        Mapped::Nowhere(event_type) => {
            let report = unmapped::report(organization, event_type, app.now());
            Ok(Batch { outbox: vec![report], ..Batch::default() })
        }
        Mapped::OfOthers => Ok(Batch::default()),
    }
}

/// Whether it was over or called off long before anybody could have mirrored it: what a new account brings with it.
fn is_history(booking: &Record, now: Timestamp) -> bool {
    let is_old = booking.version + HISTORY < now;
    let side = Side::of_booking(booking, now).map(|side| side.meeting);
    side.is_some_and(|meeting| meeting.end + HISTORY < now || (is_old && meeting.stand == Stand::Cancelled))
}

fn has_seats(booking: &Record) -> bool {
    booking.doc.get(HAS_SEATS) == Some(&Value::Bool(true))
}

pub(super) fn busy() -> TaskError {
    TaskError::Contended("another process may be working on this booking".to_owned())
}

pub(super) fn on_its_way() -> TaskError {
    TaskError::Contended("the appointment was asked for without an answer, and may be on its way".to_owned())
}

/// A booking that is looked at, and with what.
pub(super) struct Step<'a> {
    pub(super) app: &'a App,
    pub(super) organization: &'a OrganizationId,
    pub(super) root: &'a str,
    pub(super) calcom: &'a CalcomClient,
    pub(super) ghl: &'a GhlClient,
}

impl Step<'_> {
    pub(super) fn bookings(&self) -> Bookings<'_> {
        Bookings { app: self.app, client: self.calcom, organization: self.organization }
    }

    pub(super) fn appointments(&self) -> Appointments<'_> {
        Appointments { app: self.app, client: self.ghl, organization: self.organization }
    }

    /// What was the first form of its booking until an earlier one came to be known leaves its appointment to that one; one that has an
    /// appointment already needs no second.
    async fn hand_over(&self, first: &str) -> Result<Batch, TaskError> {
        let Self { app, organization, root, .. } = *self;
        let mut batch = Batch { outbox: vec![mirror(organization, first, app.now())], ..Batch::default() };
        let mut own = link::of_booking(app, organization, root).await?;
        let Some(link) = own.note.take() else { return Ok(batch) };
        let mut of_first = link::of_booking(app, organization, first).await?;
        let mut made = link.made.as_ref().map(|made| made.appointment.clone());
        if of_first.note.is_none() {
            of_first.note = Some(link);
            if !of_first.keep(app, NOWHERE).await? {
                return Err(busy());
            }
        } else if of_first.note.as_ref().is_some_and(|of_first| of_first.mark != link.mark) {
            // Not what was handed over before, by an attempt that came no further.
            let appointments = self.appointments();
            let announced = match made {
                None => appointments.find(&link).await?.into_iter().map(|one| one.id).collect(),
                Some(_) => Vec::new(),
            };
            if announced.is_empty() && link.is_on_its_way(app.now()) {
                return Err(on_its_way());
            }
            for surplus in made.iter().chain(&announced) {
                appointments.remove(&link, surplus).await?;
            }
            made = made.or_else(|| announced.into_iter().next());
        }
        batch.changes.push(own.change(NOWHERE));
        if let Some(appointment) = made {
            let mut back = link::of_appointment(app, organization, appointment.as_str()).await?;
            back.note = Some(WayBack { root: first.to_owned() });
            batch.changes.push(back.change(NOWHERE));
        }
        Ok(batch)
    }

    /// Makes the booking and the appointment that it has agree.
    async fn agree(
        &self,
        mut kept: Kept<Link>,
        link: Link,
        made: Made,
        head: Record,
        booking: Side,
    ) -> Result<Batch, TaskError> {
        let stored = self.appointments().stored(&made.appointment).await?;
        let appointment = match &stored {
            Some(record) => Side::of_appointment(record, made.agreed.appointment),
            None => Side { meeting: made.agreed.appointment, at: Timestamp::EPOCH },
        };
        let mut agreement =
            Agreement { step: self, link: &link, made, head, booking, appointment, change: None, is_fresh: false };
        let end = agreement.run().await?;
        let (made, mut changes) = (agreement.made, Vec::from_iter(agreement.change));
        match end {
            End::Agreed => self.keep(kept, link, made, changes).await,
            End::Gone => {
                // It gets another one.
                kept.note = None;
                changes.push(kept.change(NOWHERE));
                let again = mirror(self.organization, self.root, self.app.now());
                Ok(Batch { changes, outbox: vec![again], ..Batch::default() })
            }
        }
    }

    /// The batch that keeps the link with what was written at GHL.
    pub(super) async fn keep(
        &self,
        mut kept: Kept<Link>,
        link: Link,
        made: Made,
        mut changes: Vec<Change>,
    ) -> Result<Batch, TaskError> {
        let mut back = link::of_appointment(self.app, self.organization, made.appointment.as_str()).await?;
        if back.note.is_none() {
            back.note = Some(WayBack { root: self.root.to_owned() });
            changes.push(back.change(NOWHERE));
        }
        let now = Some(Link { made: Some(made), ..link });
        if kept.note != now {
            kept.note = now;
            changes.push(kept.change(NOWHERE));
        }
        Ok(Batch { changes, ..Batch::default() })
    }
}
