//! One step of the mirror: looks at a booking and its appointment and makes them agree.

use calcom_client::{CalcomClient, compat::ORIGIN, sync::HAS_SEATS};
use ghl_client::{GhlClient, GhlErrorExt, model::Appointment};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Timestamp,
    outbox::Task,
    record::{Batch, Change, Record},
    secret,
};

use super::{
    agree::{Agreement, End},
    appointment::Appointments,
    chain::{Bookings, text},
    contact,
    kept::Kept,
    link::{self, Link, Made, NOWHERE, Place, WayBack},
    meeting::{Agreed, Meeting, Side, Stand},
    place::{self, Mapped},
    tasks::mirror,
    unmapped,
};
use crate::{
    app::App,
    work::{self, trouble::Trouble},
};

/// What has been over or called off for so long is none of the mirror's business, unless it had an appointment before.
pub(super) const HISTORY: std::time::Duration = std::time::Duration::from_secs(86_400);
/// A task that took so long is begun anew before it makes an appointment: its claim must outlast the call.
const STALE: std::time::Duration = std::time::Duration::from_secs(60);

/// Makes a booking and its appointment agree.
pub(super) async fn run(app: &App, task: &Task, root: &str) -> Result<Batch, Trouble> {
    let began = app.clock.monotonic();
    let organization = &task.organization;
    if !app.calcom.is_connected(organization).await? || !app.ghl.is_on() {
        // Nobody has both sides any more.
        return Ok(Batch::default());
    }
    let calcom = app.calcom.client(organization).await?;
    let bookings = Bookings { app, client: &calcom, organization };
    let first = bookings.root(root).await?;
    if first != root {
        return hand_over(app, organization, root, &first).await;
    }
    let link = link::of_booking(app, organization, root).await?;
    let settled = app.calcom.settings(organization).await?;
    let is_placed = link.note.is_some();
    // Of one with seats the events told of one attendee only.
    let is_untold = |head: &Record| {
        has_seats(head) || (!is_placed && !is_ours(head) && place::depends_on_hosts(&settled.settings, head))
    };
    let head = bookings.told(root, is_untold).await?;
    if link.note.is_none() && is_history(&head, app.now()) {
        return Ok(Batch::default());
    }
    let Some(now) = Side::of_booking(&head, app.now()) else { return Ok(Batch::default()) };
    if head.deleted || is_ours(&head) {
        return Ok(Batch::default());
    }
    let place = match &link.note {
        Some(link) => link.place.clone(),
        None => match place::mapped(&bookings, &settled.settings, &head).await? {
            Mapped::To(place) => place,
            Mapped::Nowhere(event_type) => {
                let report = unmapped::report(organization, event_type, app.now());
                return Ok(Batch { outbox: vec![report], ..Batch::default() });
            }
            Mapped::OfOthers => return Ok(Batch::default()),
        },
    };
    place::check_connected(app, organization, &place.location).await?;
    let ghl = app.ghl.client(organization).ok_or_else(work::ghl_is_off)?;
    let step = Step { app, organization, root, calcom: &calcom, ghl: &ghl, began };
    match link.note.as_ref().and_then(|link| link.made.clone()) {
        Some(made) => step.agree(link, made, head, now).await,
        None => step.make(link, place, &head, now.meeting).await,
    }
}

/// What was the first form of its booking until an earlier one came to be known leaves its appointment to that one; one that has an
/// appointment already needs no second.
async fn hand_over(app: &App, organization: &OrganizationId, root: &str, first: &str) -> Result<Batch, Trouble> {
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
        let ghl = app.ghl.client(organization).ok_or_else(work::ghl_is_off)?;
        let appointments = Appointments { app, client: &ghl, organization };
        if made.is_none() {
            made = appointments.find(&link).await?.map(|appointment| appointment.id);
        }
        if let Some(surplus) = &made {
            appointments.remove(&link, surplus).await?;
        }
    }
    batch.changes.push(own.change(NOWHERE));
    if let Some(appointment) = made {
        let mut back = link::of_appointment(app, organization, appointment.as_str()).await?;
        back.note = Some(WayBack { root: first.to_owned() });
        batch.changes.push(back.change(NOWHERE));
    }
    Ok(batch)
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

fn busy() -> Trouble {
    Trouble::Busy("another process may be working on this booking".to_owned())
}

/// Whether the provider said no to what was sent.
fn is_refused(error: &Error) -> bool {
    let refused = matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Forbidden);
    refused && !error.may_have_happened()
}

/// A booking that only holds a time that is taken elsewhere.
fn is_ours(booking: &Record) -> bool {
    booking.doc.get("metadata").and_then(|metadata| metadata.get(ORIGIN)).and_then(Value::as_str).is_some()
}

struct Step<'a> {
    app: &'a App,
    organization: &'a OrganizationId,
    root: &'a str,
    calcom: &'a CalcomClient,
    ghl: &'a GhlClient,
    /// By the monotonic clock.
    began: std::time::Duration,
}

impl Step<'_> {
    fn appointments(&self) -> Appointments<'_> {
        Appointments { app: self.app, client: self.ghl, organization: self.organization }
    }

    /// Makes the booking's appointment; finds it, when an attempt before may have made it.
    async fn make(
        &self,
        mut link: Kept<Link>,
        place: Place,
        head: &Record,
        booking: Meeting,
    ) -> Result<Batch, Trouble> {
        let asked_at = self.app.now();
        if let Some(announced) = link.note.clone()
            && let Some(found) = self.appointments().find(&announced).await?
        {
            return self.adopt(link, announced, found, asked_at).await;
        }
        let announced = self.announce(&mut link, place, head, booking).await?;
        let asked_at = self.app.now();
        let (announced, made) = self.create(&mut link, announced, head).await?;
        let (change, side) = self.appointments().created(&announced, &made, asked_at);
        let agreed = Agreed { booking, appointment: side.meeting };
        let mut batch = self.keep(link, announced, Made { appointment: made.id, agreed }, vec![change]).await?;
        // It may have been deleted already: what GHL told of it before this is kept belonged to no booking.
        batch.outbox.push(mirror(self.organization, self.root, self.app.now()));
        Ok(batch)
    }

    /// Keeps the appointment that an attempt before had made. What it was then is what was meant: somebody may have changed it since.
    async fn adopt(
        &self,
        link: Kept<Link>,
        announced: Link,
        found: Appointment,
        asked_at: Timestamp,
    ) -> Result<Batch, Trouble> {
        let (change, _) = self.appointments().created(&announced, &found, asked_at);
        let agreed = Agreed { booking: announced.meant, appointment: announced.meant };
        let mut batch = self.keep(link, announced, Made { appointment: found.id, agreed }, vec![change]).await?;
        // Both may have.
        batch.outbox.push(mirror(self.organization, self.root, self.app.now()));
        Ok(batch)
    }

    /// Keeps, before the appointment is made, that it is about to be.
    async fn announce(
        &self,
        link: &mut Kept<Link>,
        place: Place,
        head: &Record,
        booking: Meeting,
    ) -> Result<Link, Trouble> {
        let (mark, contact) = match &link.note {
            Some(before) => (before.mark.clone(), before.contact.clone()),
            None => (self.root.to_owned(), contact::of_booking(self.ghl, &place.location, &head.doc).await?),
        };
        let turn = secret::random::<8>().map_err(|error| Trouble::Busy(error.to_string()))?;
        let turn = u64::from_le_bytes(turn);
        let announced = Link { mark, place, contact, meant: booking, turn, made: None };
        link.note = Some(announced.clone());
        let late = self.app.clock.monotonic().saturating_sub(self.began) > STALE;
        if late || !link.keep(self.app, NOWHERE).await? {
            return Err(busy());
        }
        Ok(announced)
    }

    /// Makes the announced appointment. Where its contact is refused that the booking names, the attendee's is announced instead, and
    /// tried at once: the task may have no attempt left.
    async fn create(
        &self,
        link: &mut Kept<Link>,
        announced: Link,
        head: &Record,
    ) -> Result<(Link, Appointment), Trouble> {
        let title = text(&head.doc, "title").unwrap_or("Booking");
        let error = match self.appointments().make(&announced, title).await {
            Ok(made) => return Ok((announced, made)),
            Err(error) => error,
        };
        // It may be gone since it was looked at.
        if !is_refused(&error) || contact::named(&head.doc) != Some(announced.contact.as_str()) {
            return Err(error.into());
        }
        let (place, meant) = (announced.place.clone(), announced.meant);
        let attendee = contact::of_attendee(self.ghl, &place.location, &head.doc).await?;
        if attendee == announced.contact {
            return Err(error.into());
        }
        link.note = Some(Link { contact: attendee, ..announced });
        let announced = self.announce(link, place, head, meant).await?;
        let made = self.appointments().make(&announced, title).await?;
        Ok((announced, made))
    }

    /// Makes the booking and the appointment that it has agree.
    async fn agree(&self, mut kept: Kept<Link>, made: Made, head: Record, booking: Side) -> Result<Batch, Trouble> {
        let Some(link) = kept.note.clone() else { return Ok(Batch::default()) };
        let stored = self.appointments().stored(&made.appointment).await?;
        let appointment = match &stored {
            Some(record) => Side::of_appointment(record, made.agreed.appointment),
            None => Side { meeting: made.agreed.appointment, at: Timestamp::EPOCH },
        };
        let mut agreement = Agreement {
            app: self.app,
            organization: self.organization,
            calcom: self.calcom,
            ghl: self.ghl,
            root: self.root,
            link: &link,
            made,
            head,
            booking,
            appointment,
            change: None,
            is_fresh: false,
        };
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
    async fn keep(
        &self,
        mut kept: Kept<Link>,
        link: Link,
        made: Made,
        mut changes: Vec<Change>,
    ) -> Result<Batch, Trouble> {
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
