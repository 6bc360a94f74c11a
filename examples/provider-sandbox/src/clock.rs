//! The sandbox's time: a start, the time elapsed on tokio's clock since then, and the advances made through the control API.
//! A paused tokio clock also pauses rate limit windows, token lifetimes, index lag and latency.
//! Invariant: this is the only file that reads time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// A clock that moves with tokio's time and by [`Clock::advance`]. Clones share the time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<State>);

#[derive(Debug)]
struct State {
    start_ms: i64,
    started: Instant,
    advanced_ms: AtomicI64,
    advanced: Notify,
}

impl Clock {
    /// Returns a clock that reads `start_ms` (epoch milliseconds) now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file wraps the runtime's clock")]
    pub fn starting_at(start_ms: i64) -> Self {
        Self(Arc::new(State {
            start_ms,
            started: Instant::now(),
            advanced_ms: AtomicI64::new(0),
            advanced: Notify::new(),
        }))
    }

    /// Returns a clock that starts at the machine's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file wraps the machine's clock")]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now().as_millisecond())
    }

    /// Returns the current time in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.0.start_ms.saturating_add(elapsed).saturating_add(self.0.advanced_ms.load(Ordering::Acquire))
    }

    /// Returns the time at which the clock was started, in epoch milliseconds.
    #[must_use]
    pub fn start_ms(&self) -> i64 {
        self.0.start_ms
    }

    /// Advances the clock by `by_ms`, which may be negative, and wakes every [`Clock::sleep_until`].
    pub fn advance(&self, by_ms: i64) {
        self.0.advanced_ms.fetch_add(by_ms, Ordering::AcqRel);
        self.0.advanced.notify_waiters();
    }

    /// Waits for `ms` milliseconds of tokio's time; [`Clock::advance`] does not shorten the wait.
    #[expect(clippy::disallowed_methods, reason = "this file wraps the runtime's timer")]
    pub async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Waits until the clock reads `at_ms`; [`Clock::advance`] can end the wait.
    pub async fn sleep_until(&self, at_ms: i64) {
        loop {
            let advanced = self.0.advanced.notified();
            let left = at_ms.saturating_sub(self.now_ms());
            let Ok(left @ 1..) = u64::try_from(left) else { return };
            tokio::select! {
                () = self.sleep(left) => {}
                () = advanced => {}
            }
        }
    }
}

/// Formats epoch milliseconds as the providers do: `2026-11-23T21:14:16.123Z`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter =
        jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
    PRINTER.timestamp_to_string(&timestamp(ms))
}

/// Formats epoch milliseconds at a fixed offset from UTC: `2026-11-24T09:00:00-07:00`.
#[must_use]
pub fn rfc3339_at(ms: i64, offset_hours: i8) -> String {
    const PRINTER: jiff::fmt::temporal::DateTimePrinter = jiff::fmt::temporal::DateTimePrinter::new();
    PRINTER.timestamp_with_offset_to_string(&timestamp(ms), jiff::tz::offset(offset_hours))
}

/// Parses an RFC 3339 timestamp, or a date as its midnight in UTC, into epoch milliseconds.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let date = text.parse::<jiff::civil::Date>().ok()?;
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    midnight.ok().map(Timestamp::as_millisecond)
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}
