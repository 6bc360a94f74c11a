//! Creates the appointment of a booking once: saves the intent, calls GHL, saves the link; adopts an appointment that an earlier attempt
//! created without receiving the response.

use std::time::Duration;

use ghl_client::model::{Appointment, ContactId};
use sidecar_core::{Error, commit::Batch, record::Change, secret};

use super::{
    bookings::text,
    contact,
    link::{CalendarRef, Link, LinkedAppointment, UNORDERED},
    reconcile::{Loaded, Reconciler, create_in_flight, link_conflict},
    resolve::{LastSynced, is_definitive_rejection},
    target,
};
use crate::tasks::{TaskError, Versioned};

/// A task that has run longer than this does not call GHL any more: its claim must outlast the call.
const MAX_TASK_AGE: Duration = Duration::from_secs(60);

impl Reconciler<'_> {
    /// Saves the appointment that an earlier request created, if a search finds it.
    pub(super) async fn adopt_created(&self, loaded: &Loaded, requested: &Link) -> Result<Option<Batch>, TaskError> {
        match target::check_connected(self.app, self.organization, &requested.target.location).await {
            // The location cannot be searched any more.
            Err(TaskError::Permanent(_)) => return Ok(None),
            connected => connected?,
        }
        let (sent_at, appointments) = (self.app.now(), self.appointments());
        let mut found = appointments.search(requested).await?.into_iter();
        let Some(first) = found.next() else {
            let may_be_in_flight = requested.may_be_in_flight(self.app.now());
            return if may_be_in_flight { Err(create_in_flight()) } else { Ok(None) };
        };
        for surplus in found {
            appointments.delete(requested, &surplus.id).await?;
        }
        let (change, _) = appointments.created(requested, &first, sent_at);
        // The base is the intent, and not what was found: a difference is a change that was made at GHL since.
        let last_synced = LastSynced { booking: requested.intent, appointment: requested.intent };
        let linked = LinkedAppointment { id: first.id, last_synced };
        self.save_created(loaded.link.clone(), requested.clone(), linked, change).await.map(Some)
    }

    /// Creates the appointment in `target`.
    pub(super) async fn create(&self, loaded: Loaded, target: CalendarRef) -> Result<Batch, TaskError> {
        target::check_connected(self.app, self.organization, &target.location).await?;
        let contact = contact::of_booking(&self.ghl, &target.location, &loaded.booking.doc).await?;
        let mut stored = loaded.link.clone();
        let mut link = self.save_intent(&mut stored, &loaded, &target, contact).await?;
        let mut sent_at = self.app.now();
        let mut created = self.send_create(&loaded, &link).await;
        if let Err(error) = &created
            && is_definitive_rejection(error)
            && let Some(attendee) = self.fallback_contact(&loaded, &link).await?
        {
            link = self.save_intent(&mut stored, &loaded, &target, attendee).await?;
            sent_at = self.app.now();
            created = self.send_create(&loaded, &link).await;
        }
        match created {
            Ok(appointment) => {
                let (change, observed) = self.appointments().created(&link, &appointment, sent_at);
                let last_synced = LastSynced { booking: link.intent, appointment: observed.state };
                let linked = LinkedAppointment { id: appointment.id, last_synced };
                self.save_created(stored, link, linked, change).await
            }
            Err(error) => {
                self.save_failure(stored, link, &error).await?;
                if !is_definitive_rejection(&error) {
                    return Err(error.into());
                }
                // A retry would be rejected again. The backfill after each full sync tries once more.
                let CalendarRef { location, calendar } = target;
                Err(TaskError::Permanent(format!(
                    "no appointment in calendar {calendar} of location {location}: {error}"
                )))
            }
        }
    }

    async fn send_create(&self, loaded: &Loaded, link: &Link) -> Result<Appointment, Error> {
        let title = text(&loaded.booking.doc, "title").unwrap_or("Booking");
        self.appointments().create(link, title).await
    }

    /// Saves the intent before calling GHL. A retried intent keeps the original start, end and status: the appointment adopts the
    /// booking's state after it was created.
    async fn save_intent(
        &self,
        stored: &mut Versioned<Link>,
        loaded: &Loaded,
        target: &CalendarRef,
        contact: ContactId,
    ) -> Result<Link, TaskError> {
        let (tag, intent) = match &stored.value {
            Some(before) => (before.tag.clone(), before.intent),
            None => (self.original.to_owned(), loaded.observed.state),
        };
        let nonce = secret::random::<8>().map_err(|error| TaskError::Contended(error.to_string()))?;
        let nonce = u64::from_le_bytes(nonce);
        let (target, requested_at) = (target.clone(), self.app.now());
        let link = Link { tag, target, contact, intent, requested_at, nonce, linked: None };
        stored.value = Some(link.clone());
        let is_late = self.app.clock.monotonic().saturating_sub(self.started_at) > MAX_TASK_AGE;
        if is_late || !stored.save(self.app, UNORDERED).await? {
            return Err(link_conflict());
        }
        Ok(link)
    }

    /// Returns the attendee's contact if GHL rejected the one that the booking names: it may have been deleted since it was read. It is
    /// tried in the same attempt, which may be the task's last.
    async fn fallback_contact(&self, loaded: &Loaded, link: &Link) -> Result<Option<ContactId>, TaskError> {
        let booking = &loaded.booking.doc;
        if contact::named_contact(booking) != Some(link.contact.as_str()) {
            return Ok(None);
        }
        let attendee = contact::of_attendee(&self.ghl, &link.target.location, booking).await?;
        Ok((attendee != link.contact).then_some(attendee))
    }

    /// Deletes the intent if GHL rejected it, so that the next attempt uses the settings of then; otherwise updates its time.
    async fn save_failure(&self, mut stored: Versioned<Link>, link: Link, error: &Error) -> Result<(), TaskError> {
        let now = self.app.now();
        stored.value = error.may_have_taken_effect().then_some(Link { requested_at: now, ..link });
        // Another process's intent stays.
        let _is_saved = stored.save(self.app, UNORDERED).await?;
        Ok(())
    }

    async fn save_created(
        &self,
        stored: Versioned<Link>,
        link: Link,
        linked: LinkedAppointment,
        change: Change,
    ) -> Result<Batch, TaskError> {
        let mut batch = self.save(stored, link, linked, vec![change]).await?;
        // Both sides may have changed. GHL's events from before the link was saved belonged to no booking.
        batch.outbox.push(self.requeue());
        Ok(batch)
    }
}
