//! Creates, searches, fetches, updates and deletes appointments at GHL.
//!
//! Invariant: a create whose response was lost is not repeated before its appointment was searched for.

use std::time::Duration;

use ghl_client::{
    GhlClient,
    model::{Appointment, AppointmentId, WireTime},
    sync::{APPOINTMENT, EventsSource, written_appointment},
};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, StoreError, Timestamp,
    record::{Change, Record, RecordKey, Resolution, resolve},
    sync::Lookup as _,
};

use super::{
    link::Link,
    resolve::{AppointmentState, Observed, Status, is_definitive_rejection},
};
use crate::{app::App, calcom::booking_tag::booking_tag, tasks::TaskError};

/// How far around its start a lost appointment is searched for: GHL lists at most 31 days in one call.
const SEARCH_WINDOW: Duration = Duration::from_secs(15 * 86_400);

/// The appointments of one organization.
pub(super) struct Appointments<'a> {
    pub(super) app: &'a App,
    pub(super) client: &'a GhlClient,
    pub(super) organization: &'a OrganizationId,
}

impl Appointments<'_> {
    /// Creates the appointment of a link.
    pub(super) async fn create(&self, link: &Link, title: &str) -> Result<Appointment, Error> {
        let target = &link.target;
        let create = self.client.appointments().create(&target.location, &target.calendar, &link.contact);
        let create = create.start(link.intent.start).end(link.intent.end).status(link.intent.status.into());
        let create = create.title(title).description(booking_tag(&link.tag));
        create.ignore_free_slots().notify(false).background().await
    }

    /// Searches by tag for the appointments that a create without a response made: several if GHL executed late what was repeated.
    /// Returns none if GHL rejects the search, as it does for a calendar that does not exist.
    pub(super) async fn search(&self, link: &Link) -> Result<Vec<Appointment>, Error> {
        let tag = booking_tag(&link.tag);
        let (target, start) = (&link.target, link.intent.start);
        let events = self.client.calendars().events(&target.location).calendar(&target.calendar);
        let mut found = match events.between(start - SEARCH_WINDOW, start + SEARCH_WINDOW).background().await {
            Err(error) if is_definitive_rejection(&error) => return Ok(Vec::new()),
            found => found?,
        };
        found.retain(|appointment| {
            let texts = [&appointment.notes, &appointment.description].into_iter().flatten();
            texts.flat_map(|text| text.lines()).any(|line| line.trim() == tag)
        });
        Ok(found)
    }

    /// Fetches the appointment. Returns the change that this makes to the stored one, and the resulting state.
    pub(super) async fn fetch(
        &self,
        link: &Link,
        id: &AppointmentId,
        last: AppointmentState,
    ) -> Result<(Change, Observed), TaskError> {
        let stored = self.stored(id).await?;
        let revision = stored.as_ref().map_or(0, |record| record.revision);
        let location = link.target.location.clone();
        let source = EventsSource::new(self.client.clone(), self.organization.clone(), location);
        let change = source.lookup(id.as_str(), revision).await?;
        let current = match resolve(stored.as_ref(), &change) {
            Resolution::Write(record, _) => Some(*record),
            _ => stored,
        };
        let unknown = Observed { state: last, changed_at: change.version };
        Ok((change, current.map_or(unknown, |record| Observed::of_appointment(&record, last))))
    }

    /// Updates the appointment. Returns the change that GHL's response makes to the stored one, and the resulting state.
    pub(super) async fn update(
        &self,
        link: &Link,
        id: &AppointmentId,
        state: AppointmentState,
    ) -> Result<(Change, Observed), TaskError> {
        let (sent_at, revision) = (self.app.now(), self.stored(id).await?.map_or(0, |record| record.revision));
        let update = self.client.appointments().update(&link.target.location, id);
        let update = update.start(state.start).end(state.end).status(state.status.into());
        let response = update.ignore_free_slots().notify(false).background().await?;
        Ok(self.written(link, &response, sent_at, revision, state))
    }

    /// Deletes a surplus appointment. One that does not exist is not an error.
    pub(super) async fn delete(&self, link: &Link, id: &AppointmentId) -> Result<(), Error> {
        match self.client.appointments().delete(&link.target.location, id).background().await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the change that a new appointment makes, and its state.
    pub(super) fn created(&self, link: &Link, appointment: &Appointment, sent_at: Timestamp) -> (Change, Observed) {
        self.written(link, appointment, sent_at, 0, link.intent)
    }

    /// Returns the change that GHL's response makes to the appointment whose stored revision was `revision` before the request.
    fn written(
        &self,
        link: &Link,
        response: &Appointment,
        sent_at: Timestamp,
        revision: u64,
        requested: AppointmentState,
    ) -> (Change, Observed) {
        let change = written_appointment(self.organization, &link.target.location, response, sent_at, revision);
        let time = |time: &Option<WireTime>| time.as_ref().and_then(WireTime::timestamp);
        let start = time(&response.start_time).unwrap_or(requested.start);
        let end = time(&response.end_time).unwrap_or(requested.end);
        let status = response.status.as_ref().map_or(requested.status, Status::from);
        (change, Observed { state: AppointmentState { start, end, status }, changed_at: sent_at })
    }

    pub(super) async fn stored(&self, id: &AppointmentId) -> Result<Option<Record>, StoreError> {
        let key =
            RecordKey { organization: self.organization.clone(), kind: APPOINTMENT.into(), id: id.as_str().into() };
        self.app.records.record(&key).await
    }
}
