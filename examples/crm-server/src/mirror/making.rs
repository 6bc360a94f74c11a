//! A booking's appointment comes to be: announced in the store, made at GHL, kept; or found, when an attempt before may have made it.

use std::time::Duration;

use ghl_client::model::{Appointment, ContactId};
use sidecar_core::{
    Error, Timestamp,
    commit::Batch,
    record::{Change, Record},
    secret,
};

use super::{
    appointment::is_refused,
    chain::text,
    contact,
    kept::Kept,
    link::{Link, Made, NOWHERE, Place},
    meeting::{Agreed, Meeting},
    place,
    step::{Step, busy, on_its_way},
    tasks::mirror,
};
use crate::tasks::TaskError;

/// A task that took so long is begun anew before it makes an appointment: its claim must outlast the call.
const STALE: Duration = Duration::from_secs(60);

/// A booking that has no appointment that is known.
pub(super) struct Making<'a> {
    pub(super) step: &'a Step<'a>,
    /// When the task began, by the monotonic clock.
    pub(super) began: Duration,
    /// The booking's present form.
    pub(super) head: &'a Record,
    pub(super) booking: Meeting,
}

impl Making<'_> {
    /// Keeps the appointment that was announced, if there is one by now.
    pub(super) async fn found(&self, link: &Kept<Link>, announced: &Link) -> Result<Option<Batch>, TaskError> {
        let step = self.step;
        match place::check_connected(step.app, step.organization, &announced.place.location).await {
            // Nobody can look there any more.
            Err(TaskError::Permanent(_)) => return Ok(None),
            connected => connected?,
        }
        let asked_at = step.app.now();
        let mut found = step.appointments().find(announced).await?.into_iter();
        let Some(first) = found.next() else {
            return if announced.is_on_its_way(step.app.now()) { Err(on_its_way()) } else { Ok(None) };
        };
        for surplus in found {
            step.appointments().remove(announced, &surplus.id).await?;
        }
        self.adopt(link.clone(), announced.clone(), first, asked_at).await.map(Some)
    }

    /// Keeps the appointment that an attempt before had made. What it was then is what was meant: somebody may have changed it since.
    async fn adopt(
        &self,
        link: Kept<Link>,
        announced: Link,
        found: Appointment,
        asked_at: Timestamp,
    ) -> Result<Batch, TaskError> {
        let (change, _) = self.step.appointments().created(&announced, &found, asked_at);
        let agreed = Agreed { booking: announced.meant, appointment: announced.meant };
        self.keep(link, announced, Made { appointment: found.id, agreed }, change).await
    }

    /// Makes the booking's appointment there.
    pub(super) async fn make(&self, mut link: Kept<Link>, place: Place) -> Result<Batch, TaskError> {
        let step = self.step;
        place::check_connected(step.app, step.organization, &place.location).await?;
        let contact = contact::of_booking(step.ghl, &place.location, &self.head.doc).await?;
        let mut announced = self.announce(&mut link, &place, contact).await?;
        let mut asked_at = step.app.now();
        let mut made = self.create(&announced).await;
        if let Err(error) = &made
            && is_refused(error)
            && let Some(attendee) = self.other_contact(&announced).await?
        {
            announced = self.announce(&mut link, &place, attendee).await?;
            asked_at = step.app.now();
            made = self.create(&announced).await;
        }
        match made {
            Ok(made) => {
                let (change, side) = step.appointments().created(&announced, &made, asked_at);
                let agreed = Agreed { booking: announced.meant, appointment: side.meeting };
                self.keep(link, announced, Made { appointment: made.id, agreed }, change).await
            }
            Err(error) => {
                self.not_made(link, announced, &error).await?;
                // Sent again it would be refused again; every whole copy tries once more.
                let refused =
                    || format!("no appointment in calendar {} of location {}: {error}", place.calendar, place.location);
                Err(if is_refused(&error) { TaskError::Permanent(refused()) } else { error.into() })
            }
        }
    }

    async fn create(&self, announced: &Link) -> Result<Appointment, Error> {
        let title = text(&self.head.doc, "title").unwrap_or("Booking");
        self.step.appointments().make(announced, title).await
    }

    /// Keeps, before the appointment is made, that it is about to be. What may be on its way says what was meant at first: the
    /// appointment follows the booking when it is there.
    async fn announce(&self, link: &mut Kept<Link>, place: &Place, contact: ContactId) -> Result<Link, TaskError> {
        let app = self.step.app;
        let (mark, meant) = match &link.note {
            Some(before) => (before.mark.clone(), before.meant),
            None => (self.step.root.to_owned(), self.booking),
        };
        let turn = secret::random::<8>().map_err(|error| TaskError::Contended(error.to_string()))?;
        let turn = u64::from_le_bytes(turn);
        let place = place.clone();
        let announced = Link { mark, place, contact, meant, announced_at: app.now(), turn, made: None };
        link.note = Some(announced.clone());
        let late = app.clock.monotonic().saturating_sub(self.began) > STALE;
        if late || !link.keep(app, NOWHERE).await? {
            return Err(busy());
        }
        Ok(announced)
    }

    /// The attendee's contact, where the one that the booking names was refused: it may be gone since it was looked at. It is tried at
    /// once, for the task may have no attempt left.
    async fn other_contact(&self, announced: &Link) -> Result<Option<ContactId>, TaskError> {
        if contact::named(&self.head.doc) != Some(announced.contact.as_str()) {
            return Ok(None);
        }
        let attendee = contact::of_attendee(self.step.ghl, &announced.place.location, &self.head.doc).await?;
        Ok((attendee != announced.contact).then_some(attendee))
    }

    /// Takes the announcement back where GHL said no, so that the next attempt goes by the settings of then; where it said nothing,
    /// keeps when that was.
    async fn not_made(&self, mut link: Kept<Link>, announced: Link, error: &Error) -> Result<(), TaskError> {
        let app = self.step.app;
        link.note = error.may_have_taken_effect().then(|| Link { announced_at: app.now(), ..announced });
        // Somebody else's announcement stands.
        let _is_kept = link.keep(app, NOWHERE).await?;
        Ok(())
    }

    async fn keep(&self, link: Kept<Link>, announced: Link, made: Made, change: Change) -> Result<Batch, TaskError> {
        let step = self.step;
        let mut batch = step.keep(link, announced, made, vec![change]).await?;
        // Both sides may have changed; what GHL told of the appointment before this is kept belonged to no booking.
        batch.outbox.push(mirror(step.organization, step.root, step.app.now()));
        Ok(batch)
    }
}
