use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecar_core::model::Unknown;

use super::{BookingUid, EventTypeId, Minutes, ReservationUid, WireTime};

sidecar_core::model! {
    /// A time that can be booked.
    pub struct Slot {
        /// Start, in the requested time zone.
        "start" start: WireTime,
        /// End; in the format `range` only.
        "end" end: Option<WireTime>,
        /// Number of attendees, for an event type with seats.
        "attendeesCount" attendees_count: Option<i64>,
        /// The booking of the slot, for an event type with seats.
        "bookingUid" booking_uid: Option<BookingUid>,
    }
}

/// Free slots by date (`YYYY-MM-DD`, in the requested time zone). Dates without a slot are absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(pub BTreeMap<String, Vec<Slot>>);

impl Slots {
    /// Returns all slots, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.values().flatten()
    }

    /// Returns the slots of a date (`YYYY-MM-DD`).
    pub fn on(&self, date: &str) -> &[Slot] {
        self.0.get(date).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the number of slots.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Returns whether there are no slots.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Unknown for Slots {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.0.unknown(path, found);
    }
}

sidecar_core::model! {
    /// A slot that is reserved for some minutes.
    pub struct Reservation {
        /// Uid.
        "reservationUid" uid: ReservationUid,
        /// Event type id.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Start of the slot.
        "slotStart" slot_start: Option<WireTime>,
        /// End of the slot.
        "slotEnd" slot_end: Option<WireTime>,
        /// Duration of the slot.
        "slotDuration" slot_duration: Option<Minutes>,
        /// Duration of the reservation.
        "reservationDuration" reservation_duration: Option<Minutes>,
        /// End of the reservation.
        "reservationUntil" reservation_until: Option<WireTime>,
    }
}
