//! A booking and the appointment that it has are made to agree.
//!
//! Invariant: before anything is changed on one side, the other is looked at as it is now.

use calcom_client::{CalcomErrorExt, CalcomErrorReason, model::Booking, sync::HAS_SEATS};
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, Timestamp,
    commit::Batch,
    record::{Change, Mutation, Record},
};

use super::{
    booking,
    link::{Link, Made},
    meeting::{Agreed, AtCalcom, Followed, Meeting, Side, Stand, at_calcom, followed},
    step::Step,
};
use crate::tasks::TaskError;

/// Following one side may change it in a way that the other has to follow; more than this is no agreement.
const ROUNDS: usize = 5;

/// A booking, its appointment, and what was done about them so far.
pub(super) struct Agreement<'a> {
    pub(super) step: &'a Step<'a>,
    pub(super) link: &'a Link,
    pub(super) made: Made,
    /// The booking's present form.
    pub(super) head: Record,
    pub(super) booking: Side,
    pub(super) appointment: Side,
    /// What the appointment's last look or write changes in the store.
    pub(super) change: Option<Change>,
    /// Whether the booking was looked at.
    pub(super) is_fresh: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// They agree.
    Agreed,
    /// The booking takes place, and GHL has its appointment no longer.
    Gone,
}

impl Agreement<'_> {
    /// Lets the side that did not change follow the one that did.
    pub(super) async fn run(&mut self) -> Result<End, TaskError> {
        for _ in 0..ROUNDS {
            match followed(&self.made.agreed, &self.booking, &self.appointment, self.step.app.now()) {
                Followed::Neither => {
                    if self.booking.meeting == self.appointment.meeting {
                        self.agree();
                    }
                    return Ok(End::Agreed);
                }
                // The store may not have heard of the latest change.
                _ if self.change.is_none() => self.look().await?,
                Followed::Booking => return self.write_appointment().await,
                Followed::Appointment => match self.at_calcom() {
                    AtCalcom::Nothing => {
                        self.agree();
                        return Ok(End::Agreed);
                    }
                    AtCalcom::Impossible => return self.write_appointment().await,
                    _ if !self.is_fresh => {
                        let head = self.step.bookings().refresh(&self.head.key.id).await?;
                        self.is_fresh = true;
                        self.stands(head).await?;
                    }
                    what => {
                        let asked_at = self.step.app.now();
                        match booking::follow(self.step.calcom, &self.head, what).await {
                            Ok(answer) => self.followed(answer, asked_at).await?,
                            // Cal.com will not have it: the appointment goes back to what the booking says.
                            Err(error) if is_refused(&error) => return self.write_appointment().await,
                            Err(error) => return Err(error.into()),
                        }
                    }
                },
            }
        }
        Err(TaskError::Contended("booking and appointment keep changing".to_owned()))
    }

    fn agree(&mut self) {
        self.made.agreed = Agreed { booking: self.booking.meeting, appointment: self.appointment.meeting };
    }

    async fn look(&mut self) -> Result<(), TaskError> {
        let known = self.made.agreed.appointment;
        let (change, side) = self.step.appointments().look(self.link, &self.made.appointment, known).await?;
        (self.change, self.appointment) = (Some(change), side);
        Ok(())
    }

    /// What following the appointment means. What is over stays at Cal.com as it was, and of a booking with seats the appointment is
    /// only one attendee's.
    fn at_calcom(&self) -> AtCalcom {
        let what = at_calcom(&self.booking.meeting, &self.appointment.meeting);
        let has_seats = self.head.doc.get(HAS_SEATS) == Some(&Value::Bool(true));
        match what {
            AtCalcom::Cancel | AtCalcom::Move(_) if self.booking.meeting.end <= self.step.app.now() => {
                AtCalcom::Nothing
            }
            AtCalcom::Cancel | AtCalcom::Move(_) if has_seats => AtCalcom::Impossible,
            AtCalcom::MarkAbsent | AtCalcom::Confirm if has_seats => AtCalcom::Nothing,
            what => what,
        }
    }

    /// Lets the appointment say what the booking says.
    async fn write_appointment(&mut self) -> Result<End, TaskError> {
        let meeting = self.booking.meeting;
        match self.step.appointments().set(self.link, &self.made.appointment, meeting).await {
            Ok((change, side)) => {
                (self.change, self.appointment) = (Some(change), side);
                self.agree();
                Ok(End::Agreed)
            }
            Err(TaskError::Provider(error)) if error.kind() == ErrorKind::NotFound => {
                // What was not found may be something that it names.
                self.look().await?;
                if !self.change.as_ref().is_some_and(|change| change.mutation == Mutation::Delete) {
                    return Err(error.into());
                }
                if meeting.stand != Stand::Cancelled && meeting.end > self.step.app.now() {
                    return Ok(End::Gone);
                }
                self.made.agreed = Agreed { booking: meeting, appointment: self.appointment.meeting };
                Ok(End::Agreed)
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Takes in what Cal.com answered. Where that is not what the appointment says, the appointment follows in turn.
    async fn followed(&mut self, answer: Option<Booking>, asked_at: Timestamp) -> Result<(), TaskError> {
        let bookings = self.step.bookings();
        if let Some(answer) = answer {
            let change = booking::written(self.step.organization, &answer, &self.head, asked_at);
            self.step.app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
            bookings.root(answer.uid.as_str()).await?;
        } else {
            bookings.refresh(&self.head.key.id).await?;
        }
        let head = bookings.head(self.step.root).await?;
        self.stands(head).await?;
        self.agree();
        if self.booking.meeting != self.appointment.meeting {
            self.made.agreed.booking = Meeting { start: Timestamp::EPOCH, ..self.booking.meeting };
        }
        Ok(())
    }

    /// The booking stands like this now; it may have been moved meanwhile.
    async fn stands(&mut self, record: Record) -> Result<(), TaskError> {
        let head = self.step.bookings().head(&record.key.id).await?;
        let incomplete = || TaskError::Contended(format!("booking {} is being changed", head.key.id));
        self.booking = Side::of_booking(&head, self.step.app.now()).ok_or_else(incomplete)?;
        self.head = head;
        Ok(())
    }
}

/// Whether Cal.com said no to what was sent, for good: also when it is another host's to do.
fn is_refused(error: &Error) -> bool {
    let is_no = match error.kind() {
        ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Conflict => true,
        ErrorKind::Forbidden => matches!(error.problem(), Some(CalcomErrorReason::Forbidden)),
        _ => false,
    };
    is_no && !error.may_have_taken_effect()
}
