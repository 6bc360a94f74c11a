use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidecar_core::model::Unknown;

use super::{BookingUid, EventTypeId, Minutes, ReservationUid, WireTime};

sidecar_core::model! {
    /// A time that can be booked.
    pub struct Slot {
        /// When it begins, in the time zone asked for.
        "start" start: WireTime,
        /// When it ends; in the format `range` only.
        "end" end: Option<WireTime>,
        /// How many have booked it, of an event type with seats.
        "attendeesCount" attendees_count: Option<i64>,
        /// The booking that has it, of an event type with seats.
        "bookingUid" booking_uid: Option<BookingUid>,
    }
}

/// Free slots by date (`YYYY-MM-DD`, in the time zone asked for). Dates without a slot are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(pub BTreeMap<String, Vec<Slot>>);

impl Slots {
    /// Every slot, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.0.values().flatten()
    }

    /// The slots of a date (`YYYY-MM-DD`).
    pub fn on(&self, date: &str) -> &[Slot] {
        self.0.get(date).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether nothing is free.
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
    /// A slot that is held for some minutes.
    pub struct Reservation {
        /// Its uid.
        "reservationUid" uid: ReservationUid,
        /// The event type.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// When the slot begins.
        "slotStart" slot_start: Option<WireTime>,
        /// When it ends.
        "slotEnd" slot_end: Option<WireTime>,
        /// How long it is.
        "slotDuration" slot_duration: Option<Minutes>,
        /// How long it is held.
        "reservationDuration" reservation_duration: Option<Minutes>,
        /// Until when it is held.
        "reservationUntil" reservation_until: Option<WireTime>,
    }
}
