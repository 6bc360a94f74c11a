//! Reconciles one booking with its appointment: load, then resolve and act, then save.

use std::{sync::Arc, time::Duration};

use calcom_client::{
    CalcomClient,
    sync::{ABSENCES_CHANGED, HAS_SEATS},
};
use ghl_client::GhlClient;
use serde_json::Value;
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::{Batch, NewTask},
    record::{Change, Record},
};

use super::{
    act::{Outcome, Pair},
    appointments::Appointments,
    bookings::Bookings,
    link::{self, Link, LinkedAppointment, UNORDERED},
    resolve::{Observed, Status},
    target::{self, TargetResolution},
    tasks::reconcile_task,
};
use crate::{
    app::App,
    calcom::{
        booking_tag::{self, BookingRef},
        settings::VersionedSettings,
    },
    ghl::access,
    tasks::{TaskError, Versioned},
};

/// Bookings that ended or were cancelled longer ago than this are not synchronized unless they already have an appointment.
pub(super) const MAX_UNLINKED_AGE: Duration = Duration::from_secs(86_400);

/// The context of one task: the booking and the ports.
pub(super) struct Reconciler<'a> {
    pub(super) app: &'a App,
    pub(super) organization: &'a OrganizationId,
    /// The uid of the original booking.
    pub(super) original: &'a str,
    pub(super) calcom: CalcomClient,
    pub(super) ghl: GhlClient,
    /// When the task started, by the monotonic clock.
    pub(super) started_at: Duration,
}

/// What is known before anything is written.
pub(super) struct Loaded {
    pub(super) link: Versioned<Link>,
    pub(super) settings: Arc<VersionedSettings>,
    /// The latest version of the booking.
    pub(super) booking: Record,
    pub(super) observed: Observed,
}

impl<'a> Reconciler<'a> {
    /// Reconciles the booking. Returns the batch that ends the task.
    pub(super) async fn run(
        app: &'a App,
        organization: &'a OrganizationId,
        original: &'a str,
    ) -> Result<Batch, TaskError> {
        let started_at = app.clock.monotonic();
        if !app.calcom.is_connected(organization).await? || !app.ghl.is_on() {
            return Ok(Batch::default());
        }
        let calcom = app.calcom.client(organization).await?;
        let ghl = app.ghl.client(organization).ok_or_else(access::ghl_is_off)?;
        let reconciler = Self { app, organization, original, calcom, ghl, started_at };
        let current_original = reconciler.bookings().original(original).await?;
        if current_original != original {
            return reconciler.transfer_link(&current_original).await;
        }
        let Some(loaded) = reconciler.load().await? else { return Ok(Batch::default()) };
        let link = loaded.link.value.clone();
        match link.as_ref().map(|link| (link, &link.linked)) {
            Some((link, Some(linked))) => reconciler.synchronize(&loaded, link, linked).await,
            Some((requested, None)) => match reconciler.adopt_created(&loaded, requested).await? {
                Some(batch) => Ok(batch),
                None => reconciler.create_if_mapped(loaded).await,
            },
            None => reconciler.create_if_mapped(loaded).await,
        }
    }

    pub(super) fn bookings(&self) -> Bookings<'_> {
        Bookings { app: self.app, client: &self.calcom, organization: self.organization }
    }

    pub(super) fn appointments(&self) -> Appointments<'_> {
        Appointments { app: self.app, client: &self.ghl, organization: self.organization }
    }

    /// Returns the task that reconciles the booking again.
    pub(super) fn requeue(&self) -> NewTask {
        reconcile_task(self.organization, self.original, self.app.now())
    }

    /// Loads the link and the latest version of the booking; `None` if there is nothing to synchronize.
    async fn load(&self) -> Result<Option<Loaded>, TaskError> {
        let Self { app, organization, original, .. } = *self;
        let link = link::load(app, organization, original).await?;
        let settings = app.calcom.settings(organization).await?;
        let is_linked = link.value.as_ref().is_some_and(|link| link.linked.is_some());
        // Webhooks for seated bookings and no-shows cover only some attendees, so refetch the booking first.
        let needs_refetch = |booking: &Record| {
            let is_partial = has_seats(booking) || booking.doc.contains_key(ABSENCES_CHANGED);
            is_partial || (!is_linked && target::lacks_hosts(&settings.settings, booking))
        };
        let booking = self.bookings().latest_complete(original, needs_refetch).await?;
        let now = app.now();
        if booking.deleted || (link.value.is_none() && is_old(&booking, now)) {
            return Ok(None);
        }
        let observed = Observed::of_booking(&booking, now);
        Ok(observed.map(|observed| Loaded { link, settings, booking, observed }))
    }

    /// Synchronizes the booking with the appointment that it has.
    async fn synchronize(&self, loaded: &Loaded, link: &Link, linked: &LinkedAppointment) -> Result<Batch, TaskError> {
        target::check_connected(self.app, self.organization, &link.target.location).await?;
        let stored = self.appointments().stored(&linked.id).await?;
        let last = linked.last_synced.appointment;
        let unknown = Observed { state: last, changed_at: Timestamp::EPOCH };
        let appointment = stored.map_or(unknown, |record| Observed::of_appointment(&record, last));
        let mut pair = Pair {
            context: self,
            link,
            id: &linked.id,
            base: linked.last_synced,
            record: loaded.booking.clone(),
            booking: loaded.observed,
            appointment,
            change: None,
            is_booking_fetched: false,
        };
        let outcome = pair.synchronize().await?;
        let mut changes = Vec::from_iter(pair.change);
        match outcome {
            Outcome::Synced => {
                let linked = LinkedAppointment { id: linked.id.clone(), last_synced: pair.base };
                self.save(loaded.link.clone(), link.clone(), linked, changes).await
            }
            Outcome::AppointmentDeleted => {
                // The requeued task creates another one.
                let mut stored = loaded.link.clone();
                stored.value = None;
                changes.push(stored.change(UNORDERED));
                Ok(Batch { changes, outbox: vec![self.requeue()], ..Batch::default() })
            }
        }
    }

    async fn create_if_mapped(&self, loaded: Loaded) -> Result<Batch, TaskError> {
        let Self { app, organization, .. } = *self;
        match target::resolve_target(app, organization, &loaded.settings.settings, &loaded.booking).await? {
            TargetResolution::Calendar(calendar) => self.create(loaded, calendar).await,
            TargetResolution::Unmapped(event_type) => {
                let report = target::unmapped_task(organization, event_type, app.now());
                Ok(Batch { outbox: vec![report], ..Batch::default() })
            }
            TargetResolution::NotOurs => Ok(Batch::default()),
        }
    }

    /// Returns the batch that saves the link with the changes that were written at GHL.
    pub(super) async fn save(
        &self,
        mut stored: Versioned<Link>,
        link: Link,
        linked: LinkedAppointment,
        mut changes: Vec<Change>,
    ) -> Result<Batch, TaskError> {
        let mut booking_ref = booking_tag::booking_of(self.app, self.organization, linked.id.as_str()).await?;
        if booking_ref.value.is_none() {
            booking_ref.value = Some(BookingRef { booking: self.original.to_owned() });
            changes.push(booking_ref.change(UNORDERED));
        }
        let next = Some(Link { linked: Some(linked), ..link });
        if stored.value != next {
            stored.value = next;
            changes.push(stored.change(UNORDERED));
        }
        Ok(Batch { changes, ..Batch::default() })
    }

    /// Moves the link to the earlier booking when this one turns out not to be the original; deletes the surplus appointment if both
    /// have one.
    async fn transfer_link(&self, original: &str) -> Result<Batch, TaskError> {
        let Self { app, organization, .. } = *self;
        let outbox = vec![reconcile_task(organization, original, app.now())];
        let mut batch = Batch { outbox, ..Batch::default() };
        let mut own = link::load(app, organization, self.original).await?;
        let Some(link) = own.value.take() else { return Ok(batch) };
        let mut of_original = link::load(app, organization, original).await?;
        let mut appointment = link.linked.as_ref().map(|linked| linked.id.clone());
        if of_original.value.is_none() {
            of_original.value = Some(link);
            if !of_original.save(app, UNORDERED).await? {
                return Err(link_conflict());
            }
        } else if of_original.value.as_ref().is_some_and(|of_original| of_original.tag != link.tag) {
            // With equal tags it is this very link, which an interrupted attempt has moved.
            let appointments = self.appointments();
            let created = match appointment {
                None => appointments.search(&link).await?.into_iter().map(|found| found.id).collect(),
                Some(_) => Vec::new(),
            };
            if created.is_empty() && link.may_be_in_flight(app.now()) {
                return Err(create_in_flight());
            }
            for surplus in appointment.iter().chain(&created) {
                appointments.delete(&link, surplus).await?;
            }
            appointment = appointment.or_else(|| created.into_iter().next());
        }
        batch.changes.push(own.change(UNORDERED));
        if let Some(appointment) = appointment {
            let mut booking_ref = booking_tag::booking_of(app, organization, appointment.as_str()).await?;
            booking_ref.value = Some(BookingRef { booking: original.to_owned() });
            batch.changes.push(booking_ref.change(UNORDERED));
        }
        Ok(batch)
    }
}

/// Whether the booking ended or was cancelled before it could be synchronized, as the past bookings of a new account.
fn is_old(booking: &Record, now: Timestamp) -> bool {
    let is_unchanged = booking.version + MAX_UNLINKED_AGE < now;
    Observed::of_booking(booking, now).is_some_and(|Observed { state, .. }| {
        state.end + MAX_UNLINKED_AGE < now || (is_unchanged && state.status == Status::Cancelled)
    })
}

/// Whether several attendees share the booking.
pub(super) fn has_seats(booking: &Record) -> bool {
    booking.doc.get(HAS_SEATS) == Some(&Value::Bool(true))
}

pub(super) fn link_conflict() -> TaskError {
    TaskError::Contended("another process changed the link of this booking at the same time".to_owned())
}

pub(super) fn create_in_flight() -> TaskError {
    TaskError::Contended(
        "the response to the appointment's creation was lost: GHL may still create it, so it is not requested again yet"
            .to_owned(),
    )
}
