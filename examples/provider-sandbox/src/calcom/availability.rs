//! Availability: the schedule's hours without bookings and their buffers, out-of-office days and reservations.
//! Invariant: a listed slot can be booked until another booking takes it.

use super::account::Account;
use super::bookings::record::Booking;
use super::event_types::EventType;
use super::response::ApiError;
use crate::clock::DAY_MS;

/// Largest sum of a booking's length and its two buffers, each at most a day.
const MAX_BOOKING_REACH_MS: i64 = 3 * DAY_MS;

/// A half-open range of time in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl TimeRange {
    pub(crate) fn starting_at(start_ms: i64, length_ms: i64) -> Self {
        Self { start_ms, end_ms: start_ms.saturating_add(length_ms) }
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.start_ms < other.end_ms && other.start_ms < self.end_ms
    }

    fn contains(self, other: Self) -> bool {
        self.start_ms <= other.start_ms && other.end_ms <= self.end_ms
    }

    fn expanded(self, (before_ms, after_ms): (i64, i64)) -> Self {
        Self { start_ms: self.start_ms - before_ms, end_ms: self.end_ms + after_ms }
    }
}

/// A time that can be booked.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) range: TimeRange,
    /// The booking at this time that has free seats.
    pub(crate) shared_booking: Option<&'a Booking>,
}

/// The parameters of an availability check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotQuery<'a> {
    pub(crate) event_type: &'a EventType,
    pub(crate) length_ms: i64,
    pub(crate) now_ms: i64,
    /// The booking to be rescheduled; its own time counts as free.
    pub(crate) rescheduled_uid: Option<&'a str>,
}

impl Account {
    /// Returns the slots that start within `range`.
    pub(crate) fn slots<'a>(&'a self, query: SlotQuery<'a>, range: TimeRange) -> Vec<Slot<'a>> {
        let Some(schedule) = self.schedule_for(query.event_type) else { return Vec::new() };
        let step_ms = query.event_type.step_ms(query.length_ms).max(1);
        let earliest_ms = query.now_ms.saturating_add(query.event_type.notice_ms()).max(range.start_ms);
        let nearby = self.nearby_bookings(range);
        let mut slots = Vec::new();
        for window in schedule.windows(range.start_ms, range.end_ms) {
            let mut time = TimeRange::starting_at(window.start_ms, query.length_ms);
            while time.end_ms <= window.end_ms && time.start_ms < range.end_ms {
                if time.start_ms >= earliest_ms && !self.is_reserved(query.event_type.id, time, query.now_ms) {
                    slots.extend(self.free_slot(query, time, &nearby));
                }
                time = TimeRange::starting_at(time.start_ms + step_ms, query.length_ms);
            }
        }
        slots
    }

    /// Checks that a time can be booked. Returns the booking that it joins if the event type has seats.
    pub(crate) fn check_bookable<'a>(
        &'a self,
        query: SlotQuery<'a>,
        time: TimeRange,
    ) -> Result<Option<&'a Booking>, ApiError> {
        let is_open = self.schedule_for(query.event_type).is_some_and(|schedule| {
            schedule.windows(time.start_ms, time.end_ms).iter().any(|window| window.contains(time))
        });
        let has_notice = time.start_ms >= query.now_ms.saturating_add(query.event_type.notice_ms());
        match self.free_slot(query, time, &self.nearby_bookings(time)) {
            Some(slot) if is_open && has_notice => Ok(slot.shared_booking),
            _ => Err(ApiError::slot_unavailable()),
        }
    }

    /// Returns whether a reservation hides a slot of this event type.
    pub(crate) fn is_reserved(&self, event_type: i64, time: TimeRange, now_ms: i64) -> bool {
        self.reservations.values().any(|reservation| reservation.hides(event_type, time, now_ms))
    }

    /// Returns the bookings that could conflict with a slot that starts within `range`.
    fn nearby_bookings(&self, range: TimeRange) -> Vec<&Booking> {
        let around = range.expanded((MAX_BOOKING_REACH_MS, MAX_BOOKING_REACH_MS));
        self.bookings.values().filter(|booking| booking.is_active() && booking.range.overlaps(around)).collect()
    }

    /// Returns the slot at `time`, unless the host is out of office or has a conflicting booking.
    fn free_slot<'a>(&self, query: SlotQuery<'a>, time: TimeRange, nearby: &[&'a Booking]) -> Option<Slot<'a>> {
        if self.out_of_office.values().any(|entry| entry.range.overlaps(time)) {
            return None;
        }
        let time_with_buffers = time.expanded(query.event_type.buffers_ms());
        let mut shared_booking = None;
        for booking in nearby.iter().copied() {
            if query.rescheduled_uid == Some(booking.uid.as_str()) {
                continue;
            }
            let buffers = self.event_types.get(&booking.event_type_id).map_or((0, 0), EventType::buffers_ms);
            if !booking.range.expanded(buffers).overlaps(time) && !booking.range.overlaps(time_with_buffers) {
                continue;
            }
            let seats = query.event_type.seats().unwrap_or(1);
            let is_same_slot = booking.event_type_id == query.event_type.id && booking.range == time;
            if !is_same_slot || booking.attendees.len() >= seats {
                return None;
            }
            shared_booking = Some(booking);
        }
        Some(Slot { range: time, shared_booking })
    }
}
