//! Writes the losing side of a booking and its appointment.
//!
//! Invariant: before one side is written, the other one is fetched.

use calcom_client::model::Booking;
use ghl_client::model::AppointmentId;
use sidecar_core::{
    ErrorKind, Timestamp,
    record::{Change, Mutation, Record},
};

use super::{
    link::Link,
    reconcile::{Reconciler, has_seats},
    resolve::{
        AppointmentState, BookingAction, LastSynced, Observed, Status, Winner, is_definitive_rejection,
        plan_booking_action, resolve_conflict,
    },
};
use crate::tasks::TaskError;

/// Applying one side may change it in a way that the other one has to adopt in turn.
const MAX_ROUNDS: usize = 5;

/// A booking and its appointment while they are synchronized.
pub(super) struct Pair<'a> {
    pub(super) context: &'a Reconciler<'a>,
    pub(super) link: &'a Link,
    pub(super) id: &'a AppointmentId,
    /// The base of the merge, replaced after each write.
    pub(super) base: LastSynced,
    /// The latest version of the booking.
    pub(super) record: Record,
    pub(super) booking: Observed,
    pub(super) appointment: Observed,
    /// The change of the stored appointment by the last fetch or update; `None` before both.
    pub(super) change: Option<Change>,
    pub(super) is_booking_fetched: bool,
}

/// The result of a synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Synced,
    /// GHL does not have the appointment any more, and the booking takes place.
    AppointmentDeleted,
}

impl Pair<'_> {
    /// Resolves and acts until neither side has to adopt the other's state.
    pub(super) async fn synchronize(&mut self) -> Result<Outcome, TaskError> {
        for _ in 0..MAX_ROUNDS {
            let winner = resolve_conflict(&self.base, &self.booking, &self.appointment, self.context.app.now());
            let action = match winner {
                Winner::Neither => {
                    if self.booking.state == self.appointment.state {
                        self.set_base();
                    }
                    return Ok(Outcome::Synced);
                }
                // The store may not have the latest change yet.
                _ if self.change.is_none() => {
                    self.fetch_appointment().await?;
                    continue;
                }
                Winner::Booking => return self.update_appointment().await,
                Winner::Appointment => self.plan_action(),
            };
            match action {
                BookingAction::None => {
                    self.set_base();
                    return Ok(Outcome::Synced);
                }
                BookingAction::Unsupported => return self.update_appointment().await,
                _ if !self.is_booking_fetched => {
                    let fetched = self.context.bookings().refetch(&self.record.key.id).await?;
                    self.is_booking_fetched = true;
                    self.set_booking(&fetched.key.id).await?;
                }
                action => {
                    let sent_at = self.context.app.now();
                    match self.context.bookings().apply(&self.record, action).await {
                        Ok(response) => self.adopt_response(response, sent_at).await?,
                        // The appointment goes back to the booking's state.
                        Err(error) if is_definitive_rejection(&error) => return self.update_appointment().await,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Err(TaskError::Contended("booking and appointment keep changing".to_owned()))
    }

    fn set_base(&mut self) {
        self.base = LastSynced { booking: self.booking.state, appointment: self.appointment.state };
    }

    async fn fetch_appointment(&mut self) -> Result<(), TaskError> {
        let fetched = self.context.appointments().fetch(self.link, self.id, self.base.appointment).await?;
        (self.change, self.appointment) = (Some(fetched.0), fetched.1);
        Ok(())
    }

    /// Plans the request to Cal.com. A past booking stays as it is, and the appointment of a seated booking is only one attendee's.
    fn plan_action(&self) -> BookingAction {
        let is_past = self.booking.state.end <= self.context.app.now();
        let has_seats = has_seats(&self.record);
        match plan_booking_action(&self.booking.state, &self.appointment.state) {
            BookingAction::Cancel | BookingAction::Reschedule(_) if is_past => BookingAction::None,
            BookingAction::Cancel | BookingAction::Reschedule(_) if has_seats => BookingAction::Unsupported,
            BookingAction::MarkAbsent | BookingAction::Confirm if has_seats => BookingAction::None,
            action => action,
        }
    }

    /// Makes the appointment adopt the booking's state.
    async fn update_appointment(&mut self) -> Result<Outcome, TaskError> {
        let state = self.booking.state;
        match self.context.appointments().update(self.link, self.id, state).await {
            Ok((change, appointment)) => {
                (self.change, self.appointment) = (Some(change), appointment);
            }
            Err(TaskError::Provider(error)) if error.kind() == ErrorKind::NotFound => {
                // GHL may also mean something that the appointment refers to.
                self.fetch_appointment().await?;
                if !self.change.as_ref().is_some_and(|change| change.mutation == Mutation::Delete) {
                    return Err(error.into());
                }
                if state.status != Status::Cancelled && state.end > self.context.app.now() {
                    return Ok(Outcome::AppointmentDeleted);
                }
            }
            Err(error) => return Err(error),
        }
        self.set_base();
        Ok(Outcome::Synced)
    }

    /// Stores Cal.com's response. Where the booking still differs, the appointment has to adopt its state.
    async fn adopt_response(&mut self, response: Option<Booking>, sent_at: Timestamp) -> Result<(), TaskError> {
        let bookings = self.context.bookings();
        if let Some(response) = response {
            bookings.store_response(&response, &self.record, sent_at).await?;
            // Completes the reschedule chain.
            bookings.original(response.uid.as_str()).await?;
        } else {
            bookings.refetch(&self.record.key.id).await?;
        }
        self.set_booking(self.context.original).await?;
        self.set_base();
        if self.booking.state != self.appointment.state {
            self.base.booking = AppointmentState { start: Timestamp::EPOCH, ..self.booking.state };
        }
        Ok(())
    }

    /// Takes the latest version of a booking that may have been rescheduled.
    async fn set_booking(&mut self, uid: &str) -> Result<(), TaskError> {
        let latest = self.context.bookings().latest(uid).await?;
        let incomplete = || TaskError::Contended(format!("booking {} is being changed", latest.key.id));
        self.booking = Observed::of_booking(&latest, self.context.app.now()).ok_or_else(incomplete)?;
        self.record = latest;
        Ok(())
    }
}
