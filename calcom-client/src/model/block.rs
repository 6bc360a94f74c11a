use serde::{Deserialize, Serialize};

use super::{BookingUid, Hours, OooId, ReservationUid, ScheduleId};

/// Undoes a block. Store it, for example as JSON, and pass it to [`CalcomClient::unblock`](crate::CalcomClient::unblock).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlockHandle {
    /// The block of a [`BlockStrategy::ScheduleOverride`](crate::blocking::BlockStrategy::ScheduleOverride).
    ScheduleOverride {
        /// The schedule.
        schedule: ScheduleId,
        /// The hours that were removed; empty if the time was not available before.
        removed: Vec<RemovedDay>,
    },
    /// The block of a [`BlockStrategy::HoldBooking`](crate::blocking::BlockStrategy::HoldBooking).
    Booking {
        /// The booking.
        uid: BookingUid,
    },
    /// The block of a [`BlockStrategy::OutOfOffice`](crate::blocking::BlockStrategy::OutOfOffice).
    OutOfOffice {
        /// The entry.
        id: OooId,
    },
    /// The block of a [`BlockStrategy::Reservation`](crate::blocking::BlockStrategy::Reservation).
    Reservation {
        /// The reservation.
        uid: ReservationUid,
    },
}

/// The hours that a block removed from one date of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedDay {
    /// The date, `YYYY-MM-DD`, in the schedule's time zone.
    pub date: String,
    /// The hours that were available.
    pub hours: Hours,
    /// Whether the date had an override before.
    pub overridden: bool,
}

impl BlockHandle {
    /// Returns the hours that it removed from this schedule; empty for other kinds and schedules.
    pub(crate) fn removed_from(&self, of: ScheduleId) -> &[RemovedDay] {
        match self {
            Self::ScheduleOverride { schedule, removed } if *schedule == of => removed,
            _ => &[],
        }
    }
}
