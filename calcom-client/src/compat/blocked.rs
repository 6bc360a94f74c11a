use serde::{Deserialize, Serialize};
use sidecar_core::Timestamp;

use super::hours::Hours;
use crate::{
    bookings::NewAttendee,
    model::{BookingUid, EventTypeId, Minutes, OooId, ReservationUid, ScheduleId},
};

/// A time that is not to be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedSlot {
    /// From.
    pub start: Timestamp,
    /// To.
    pub end: Timestamp,
    /// Why. Written down where the strategy has a place for it: a held booking's metadata, an out-of-office entry's notes.
    pub reason: Option<String>,
}

impl BlockedSlot {
    /// From `start` to `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end, reason: None }
    }

    /// With a reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// How times are blocked. Cal.com has no call for it; these are the ways that come to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BlockStrategy {
    /// Takes the time out of a schedule by overrides of its dates: for every event type on that schedule, to the minute, without
    /// mails or events. All slots of a call are one change of the schedule.
    ScheduleOverride {
        /// The schedule; the user's default one unless set.
        schedule: Option<ScheduleId>,
    },
    /// Books the time on an event type made for it (hidden, with the lengths as options): for all of the host's event types. Mails
    /// and events go out as for any booking; its metadata has [`ORIGIN`](super::ORIGIN)` = block`.
    HoldBooking {
        /// The event type.
        event_type: EventTypeId,
        /// Whom it is booked for.
        attendee: NewAttendee,
    },
    /// Enters the user as out of office: whole days in UTC, on the cloud only.
    OutOfOffice {
        /// Blocks the whole days around a time that is not whole days; otherwise such a time is refused.
        widen: bool,
    },
    /// Reserves a slot of an event type for some minutes: for holding one while something else is asked, not for blocking.
    Reservation {
        /// The event type.
        event_type: EventTypeId,
        /// How long; 5 minutes unless set, and with credentials only.
        hold: Option<Minutes>,
    },
}

impl Default for BlockStrategy {
    fn default() -> Self {
        Self::ScheduleOverride { schedule: None }
    }
}

/// What undoes a block. Keep it, as JSON for example, and give it to [`CalcomClient::unblock`](crate::CalcomClient::unblock).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockHandle {
    /// Of [`BlockStrategy::ScheduleOverride`].
    ScheduleOverride {
        /// The schedule.
        schedule: ScheduleId,
        /// What was taken out of it; empty when the time was not available anyway.
        removed: Vec<RemovedDay>,
    },
    /// Of [`BlockStrategy::HoldBooking`].
    Booking {
        /// The booking.
        uid: BookingUid,
    },
    /// Of [`BlockStrategy::OutOfOffice`].
    OutOfOffice {
        /// The entry.
        id: OooId,
    },
    /// Of [`BlockStrategy::Reservation`].
    Reservation {
        /// The reservation.
        uid: ReservationUid,
    },
}

/// What was taken out of one date of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedDay {
    /// The date, `YYYY-MM-DD`, in the schedule's time zone.
    pub date: String,
    /// The hours that were available.
    pub hours: Hours,
    /// Whether the date had an override of its own before.
    pub overridden: bool,
}

impl BlockHandle {
    /// What it took out of this schedule; nothing for other kinds and schedules.
    pub(super) fn removed_from(&self, of: ScheduleId) -> &[RemovedDay] {
        match self {
            Self::ScheduleOverride { schedule, removed } if *schedule == of => removed,
            _ => &[],
        }
    }
}
