//! What is free: the schedule's windows, less bookings with their buffers, less days out of office, less what is held.
//! Invariant: a listed slot can be booked, as long as nobody is faster.

use super::account::Account;
use super::bookings::record::Booking;
use super::error::ApiError;
use super::event_types::EventType;
use crate::clock::DAY_MS;

/// What a slot's length and its buffers come to at most, each a day.
const REACH_MS: i64 = 3 * DAY_MS;

/// A time from a moment to another, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl Span {
    pub(crate) fn of(start_ms: i64, length_ms: i64) -> Self {
        Self { start_ms, end_ms: start_ms.saturating_add(length_ms) }
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.start_ms < other.end_ms && other.start_ms < self.end_ms
    }

    fn holds(self, other: Self) -> bool {
        self.start_ms <= other.start_ms && other.end_ms <= self.end_ms
    }

    fn widened(self, (before_ms, after_ms): (i64, i64)) -> Self {
        Self { start_ms: self.start_ms - before_ms, end_ms: self.end_ms + after_ms }
    }
}

/// A time that can be booked.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) span: Span,
    /// The booking that has some of its seats.
    pub(crate) shared: Option<&'a Booking>,
}

/// Which slots are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) event_type: &'a EventType,
    pub(crate) length_ms: i64,
    pub(crate) now_ms: i64,
    /// The booking that is to be moved: its own time counts as free.
    pub(crate) moving: Option<&'a str>,
}

impl Account {
    /// The slots that begin in a span of time.
    pub(crate) fn slots<'a>(&'a self, search: Search<'a>, within: Span) -> Vec<Slot<'a>> {
        let Some(schedule) = self.schedule_of(search.event_type) else { return Vec::new() };
        let step_ms = search.event_type.step_ms(search.length_ms).max(1);
        let earliest_ms = search.now_ms.saturating_add(search.event_type.notice_ms()).max(within.start_ms);
        let near = self.near(within);
        let mut slots = Vec::new();
        for window in schedule.windows(within.start_ms, within.end_ms) {
            let mut span = Span::of(window.start_ms, search.length_ms);
            while span.end_ms <= window.end_ms && span.start_ms < within.end_ms {
                if span.start_ms >= earliest_ms && !self.is_held(search.event_type.id, span, search.now_ms) {
                    slots.extend(self.vacancy(search, span, &near));
                }
                span = Span::of(span.start_ms + step_ms, search.length_ms);
            }
        }
        slots
    }

    /// Whether a time can be booked: `Ok` with the booking that it shares, where there are seats.
    pub(crate) fn bookable<'a>(&'a self, search: Search<'a>, span: Span) -> Result<Option<&'a Booking>, ApiError> {
        let open = self.schedule_of(search.event_type).is_some_and(|schedule| {
            schedule.windows(span.start_ms, span.end_ms).iter().any(|window| window.holds(span))
        });
        let in_time = span.start_ms >= search.now_ms.saturating_add(search.event_type.notice_ms());
        match self.vacancy(search, span, &self.near(span)) {
            Some(slot) if open && in_time => Ok(slot.shared),
            _ => Err(ApiError::slot_taken()),
        }
    }

    /// Whether a reservation keeps a slot of this event type from being offered.
    pub(crate) fn is_held(&self, event_type: i64, span: Span, now_ms: i64) -> bool {
        self.reservations.values().any(|held| held.holds(event_type, span, now_ms))
    }

    /// The bookings that can stand in the way of anything that begins in a span of time.
    fn near(&self, within: Span) -> Vec<&Booking> {
        let around = within.widened((REACH_MS, REACH_MS));
        self.bookings.values().filter(|booking| booking.takes_time() && booking.span.meets(around)).collect()
    }

    /// The slot at a time, unless the host has something else then.
    fn vacancy<'a>(&self, search: Search<'a>, span: Span, near: &[&'a Booking]) -> Option<Slot<'a>> {
        if self.absences.values().any(|absence| absence.span.meets(span)) {
            return None;
        }
        let wanted = span.widened(search.event_type.buffers_ms());
        let mut shared = None;
        for booking in near.iter().copied() {
            if search.moving == Some(booking.uid.as_str()) {
                continue;
            }
            let buffers = self.event_types.get(&booking.event_type_id).map_or((0, 0), EventType::buffers_ms);
            if !booking.span.widened(buffers).meets(span) && !booking.span.meets(wanted) {
                continue;
            }
            let seats = search.event_type.seats().unwrap_or(1);
            let same = booking.event_type_id == search.event_type.id && booking.span == span;
            if !same || booking.attendees.len() >= seats {
                return None;
            }
            shared = Some(booking);
        }
        Some(Slot { span, shared })
    }
}
