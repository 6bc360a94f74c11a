//! A booking's appointment at GHL: made, found again, changed.
//!
//! Invariant: what may have made an appointment is not done again before it was looked for.

use std::time::Duration;

use ghl_client::{
    GhlClient,
    model::{Appointment, AppointmentId, WireTime},
    sync::{APPOINTMENT, EventsSource, written_appointment},
};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, StoreError, Timestamp,
    record::{Change, Record, RecordKey},
    sync::Lookup as _,
};

use super::{
    link::Link,
    meeting::{Meeting, Side, Stand},
};
use crate::{app::App, calcom::booking_tag::booking_tag, tasks::TaskError};

/// How far around its time a lost appointment is looked for: one call reaches 31 days.
const AROUND: Duration = Duration::from_secs(15 * 86_400);

/// The appointments of one organization.
pub(super) struct Appointments<'a> {
    pub(super) app: &'a App,
    pub(super) client: &'a GhlClient,
    pub(super) organization: &'a OrganizationId,
}

impl Appointments<'_> {
    /// Makes the appointment that the link announces.
    pub(super) async fn make(&self, link: &Link, title: &str) -> Result<Appointment, Error> {
        let place = &link.place;
        let create = self.client.appointments().create(&place.location, &place.calendar, &link.contact);
        let create = create.start(link.meant.start).end(link.meant.end).status(link.meant.stand.status());
        let create = create.title(title).description(booking_tag(&link.mark));
        create.ignore_free_slots().notify(false).background().await
    }

    /// Looks for the appointments that the creation came to that was announced and never told: more than one where GHL carried out late
    /// what had been given up. None where it refuses the look, as it does for a calendar that there is not.
    pub(super) async fn find(&self, link: &Link) -> Result<Vec<Appointment>, Error> {
        let tag = booking_tag(&link.mark);
        let (place, around) = (&link.place, (link.meant.start - AROUND, link.meant.start + AROUND));
        let events = self.client.calendars().events(&place.location).calendar(&place.calendar);
        let mut listed = match events.between(around.0, around.1).background().await {
            Err(error) if is_refused(&error) => return Ok(Vec::new()),
            listed => listed?,
        };
        listed.retain(|appointment| {
            let told = [&appointment.notes, &appointment.description].into_iter().flatten();
            told.flat_map(|text| text.lines()).any(|line| line.trim() == tag)
        });
        Ok(listed)
    }

    /// Reads the appointment as it is now: the change that this makes to the stored one, and what it says.
    pub(super) async fn look(
        &self,
        link: &Link,
        id: &AppointmentId,
        known: Meeting,
    ) -> Result<(Change, Side), TaskError> {
        let stored = self.stored(id).await?;
        let revision = stored.as_ref().map_or(0, |record| record.revision);
        let place = &link.place.location;
        let source = EventsSource::new(self.client.clone(), self.organization.clone(), place.clone());
        let change = source.lookup(id.as_str(), revision).await?;
        let now = sidecar_core::record::resolve(stored.as_ref(), &change);
        let side = match now {
            sidecar_core::record::Resolution::Write(record, _) => Side::of_appointment(&record, known),
            _ => stored
                .map_or(Side { meeting: known, at: change.version }, |record| Side::of_appointment(&record, known)),
        };
        Ok((change, side))
    }

    /// Lets the appointment say this: the change that GHL's answer makes to the stored one, and what it says.
    pub(super) async fn set(
        &self,
        link: &Link,
        id: &AppointmentId,
        meeting: Meeting,
    ) -> Result<(Change, Side), TaskError> {
        let (asked_at, revision) = (self.app.now(), self.stored(id).await?.map_or(0, |record| record.revision));
        let update = self.client.appointments().update(&link.place.location, id);
        let update = update.start(meeting.start).end(meeting.end).status(meeting.stand.status());
        let answer = update.ignore_free_slots().notify(false).background().await?;
        Ok(self.written(link, &answer, asked_at, revision, meeting))
    }

    /// Deletes an appointment that is one too many; one that is gone is no error.
    pub(super) async fn remove(&self, link: &Link, id: &AppointmentId) -> Result<(), Error> {
        match self.client.appointments().delete(&link.place.location, id).background().await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The change that a new appointment makes, and what it says. Nothing was stored of it when it was asked for.
    pub(super) fn created(&self, link: &Link, appointment: &Appointment, asked_at: Timestamp) -> (Change, Side) {
        self.written(link, appointment, asked_at, 0, link.meant)
    }

    /// The change that GHL's answer makes to the appointment of which this revision was stored before it was asked for.
    fn written(
        &self,
        link: &Link,
        answer: &Appointment,
        asked_at: Timestamp,
        revision: u64,
        meant: Meeting,
    ) -> (Change, Side) {
        let change = written_appointment(self.organization, &link.place.location, answer, asked_at, revision);
        let time = |time: &Option<WireTime>| time.as_ref().and_then(WireTime::timestamp);
        let start = time(&answer.start_time).unwrap_or(meant.start);
        let end = time(&answer.end_time).unwrap_or(meant.end);
        let stand = answer.status.as_ref().map_or(meant.stand, Stand::from);
        (change, Side { meeting: Meeting { start, end, stand }, at: asked_at })
    }

    pub(super) async fn stored(&self, id: &AppointmentId) -> Result<Option<Record>, StoreError> {
        let key =
            RecordKey { organization: self.organization.clone(), kind: APPOINTMENT.into(), id: id.as_str().into() };
        self.app.store.record(&key).await
    }
}

/// Whether GHL said no to what was sent.
pub(super) fn is_refused(error: &Error) -> bool {
    let refused = matches!(error.kind(), ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Forbidden);
    refused && !error.may_have_taken_effect()
}
