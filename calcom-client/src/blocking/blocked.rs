use sidecar_core::Timestamp;

use crate::{
    bookings::NewAttendee,
    model::{EventTypeId, Minutes, ScheduleId},
};

/// A time to block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedSlot {
    /// The start.
    pub start: Timestamp,
    /// The end.
    pub end: Timestamp,
    /// The reason. Stored if the strategy has a place for it: the metadata of a booking, the notes of an out-of-office entry.
    pub reason: Option<String>,
}

impl BlockedSlot {
    /// Returns the time from `start` to `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end, reason: None }
    }

    /// Sets the reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// How times are blocked. Cal.com has no operation for it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BlockStrategy {
    /// Removes the time from a schedule by overrides of its dates. Applies to every event type of that schedule, to the minute,
    /// without mails or webhooks. All times of a request are one change of the schedule.
    ScheduleOverride {
        /// The schedule; `None` for the user's default one.
        schedule: Option<ScheduleId>,
    },
    /// Books the time on an event type made for it (hidden, with the lengths as options). Applies to all event types of the host.
    /// Cal.com sends the usual mails and webhooks. The metadata has [`ORIGIN`](crate::convenience::ORIGIN)` = block`.
    HoldBooking {
        /// The event type.
        event_type: EventTypeId,
        /// The attendee.
        attendee: NewAttendee,
    },
    /// Creates an out-of-office entry of the user: whole days in UTC, on the cloud only.
    OutOfOffice {
        /// Blocks every day that the time touches. If `false`, a time that does not consist of whole days is rejected.
        widen: bool,
    },
    /// Reserves a slot of an event type for some minutes, such as during a checkout.
    Reservation {
        /// The event type.
        event_type: EventTypeId,
        /// The duration; 5 minutes if `None`. Only with credentials.
        hold: Option<Minutes>,
    },
}

impl Default for BlockStrategy {
    fn default() -> Self {
        Self::ScheduleOverride { schedule: None }
    }
}
