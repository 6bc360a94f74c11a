//! The sandbox's own time: a start on the wall, what tokio's clock elapsed since, and jumps made to order.
//! Under a paused tokio clock everything here (windows, lifetimes, lag, latency) moves with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// A clock that only moves with tokio's time and by [`Clock::jump`]. Clones share it.
#[derive(Debug, Clone)]
pub struct Clock(Arc<State>);

#[derive(Debug)]
struct State {
    start_ms: i64,
    began: Instant,
    jumped_ms: AtomicI64,
    jumped: Notify,
}

impl Clock {
    /// A clock that reads `start_ms` (epoch milliseconds) now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file wraps the runtime's clock")]
    pub fn starting_at(start_ms: i64) -> Self {
        Self(Arc::new(State { start_ms, began: Instant::now(), jumped_ms: AtomicI64::new(0), jumped: Notify::new() }))
    }

    /// A clock that starts at the machine's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file wraps the machine's clock")]
    pub fn of_the_machine() -> Self {
        Self::starting_at(Timestamp::now().as_millisecond())
    }

    /// Now, in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.0.start_ms.saturating_add(elapsed).saturating_add(self.0.jumped_ms.load(Ordering::Acquire))
    }

    /// What the clock read at its start, in epoch milliseconds.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.0.start_ms
    }

    /// Moves the clock by `by_ms` (may be negative) and wakes whoever waits for a moment.
    pub fn jump(&self, by_ms: i64) {
        self.0.jumped_ms.fetch_add(by_ms, Ordering::AcqRel);
        self.0.jumped.notify_waiters();
    }

    /// Waits for a length of time; a jump does not shorten it.
    #[expect(clippy::disallowed_methods, reason = "this file wraps the runtime's timer")]
    pub async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Waits for a moment; a jump past it ends the wait.
    pub async fn sleep_until(&self, at_ms: i64) {
        loop {
            let jumped = self.0.jumped.notified();
            let left = at_ms.saturating_sub(self.now_ms());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::select! {
                () = self.sleep(left) => {}
                () = jumped => {}
            }
        }
    }
}

/// Epoch milliseconds as the provider writes them: `2026-11-23T21:14:16.123Z`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&timestamp(ms))
}

/// A moment at a fixed offset from UTC: `2026-11-24T09:00:00-07:00`.
#[must_use]
pub fn rfc3339_at(ms: i64, offset_hours: i8) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter = jiff::fmt::temporal::DateTimePrinter::new();
    PRINTER.timestamp_with_offset_to_string(&timestamp(ms), jiff::tz::offset(offset_hours))
}

/// Reads an RFC 3339 moment, or a bare date as its midnight in UTC, into epoch milliseconds.
#[must_use]
pub fn parse_moment(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let date = text.parse::<jiff::civil::Date>().ok()?;
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    midnight.ok().map(|moment| moment.as_millisecond())
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}
