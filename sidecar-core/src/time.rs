//! Time is injected: everything that waits or asks the hour does so through a [`Clock`].
//!
//! This is the one file that touches the real clock; clippy bans it elsewhere. Under tokio's paused time
//! [`SystemClock`] moves with it, so that tests need no sleeps.

use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z, the resolution in which both databases keep it.
///
/// Serialises as that number; [`fmt::Display`] and [`FromStr`] speak RFC 3339.
///
/// ```
/// use sidecar_core::Timestamp;
/// let t: Timestamp = "2026-03-01T10:00:00.25+01:00".parse()?;
/// assert_eq!(t.to_string(), "2026-03-01T09:00:00.25Z");
/// assert_eq!(t.as_millis(), 1_772_355_600_250);
/// # Ok::<(), sidecar_core::time::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the epoch, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds since the epoch, saturating.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How much later `self` is than `earlier`; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The distance between the two, whichever comes first.
    pub const fn distance(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        if time.0 < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an RFC 3339 date and time with an offset, such as `2026-03-01T10:00:00Z`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 time such as 2026-03-01T10:00:00Z")]
pub struct ParseTimestampError {
    text: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_microsecond()))
            .map_err(|_| ParseTimestampError { text: text.chars().take(64).collect() })
    }
}

/// (De)serialises a [`Timestamp`] as RFC 3339 text, the form providers and HTTP APIs use:
/// `#[serde(with = "sidecar_core::time::rfc3339")]`.
pub mod rfc3339 {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes RFC 3339 in UTC.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads RFC 3339 with any offset.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Where the time comes from. Cloned as `Arc<dyn Clock>`.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day. May jump, in either direction: use it for what is written down or compared with others.
    fn now(&self) -> Timestamp;

    /// Time since some fixed start. Never goes back: use it for waits, deadlines and windows.
    fn monotonic(&self) -> Duration;

    /// Completes when [`Clock::monotonic`] has advanced by `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock. Its monotonic time and its sleeps are tokio's, so that under `tokio::time::pause` they stand still
/// and advance with the runtime; its time of day is the machine's, unless it was started at a time of its own.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: tokio::time::Instant,
    started_at: Option<Timestamp>,
}

impl SystemClock {
    /// The usual clock: time of day from the machine.
    #[expect(clippy::disallowed_methods, reason = "this is the place where real time enters")]
    pub fn new() -> Self {
        Self { started: tokio::time::Instant::now(), started_at: None }
    }

    /// A clock that says `time` now and goes on from there with tokio's time: for tests with paused time and for
    /// skewed processes.
    #[expect(clippy::disallowed_methods, reason = "this is the place where real time enters")]
    pub fn starting_at(time: Timestamp) -> Self {
        Self { started: tokio::time::Instant::now(), started_at: Some(time) }
    }

    /// [`SystemClock::new`], shared.
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place where real time enters")]
    fn now(&self) -> Timestamp {
        match self.started_at {
            Some(start) => start + self.started.elapsed(),
            None => SystemTime::now().into(),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place where real time enters")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The time given to [`timeout`] is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out after {0:?}")]
pub struct Elapsed(pub Duration);

/// Runs `future` for at most `limit` by `clock`; dropping it when the time is over.
///
/// # Errors
/// [`Elapsed`] when the future did not finish in time.
pub async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = clock.sleep(limit) => Err(Elapsed(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_say_the_same_instant() {
        for text in ["2026-03-01T09:00:00Z", "1969-12-31T23:59:59.999999Z", "2026-03-01T09:00:00.000001Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn text_without_an_offset_is_refused_and_named() {
        let error = "2026-03-01 10:00".parse::<Timestamp>().unwrap_err();
        assert!(error.to_string().contains("2026-03-01 10:00"), "{error}");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::from_micros(i64::MAX) + Duration::MAX, Timestamp::from_micros(i64::MAX));
        assert_eq!(Timestamp::EPOCH.since(Timestamp::from_secs(1)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_future_is_dropped() {
        let clock = SystemClock::new();
        let late = timeout(&clock, Duration::from_secs(1), clock.sleep(Duration::from_secs(2))).await;
        assert_eq!(late, Err(Elapsed(Duration::from_secs(1))));
    }
}
