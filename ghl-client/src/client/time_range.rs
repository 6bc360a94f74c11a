use std::{iter, time::Duration};

use sidecar_core::{Error, ErrorKind, Result, Timestamp};

/// The longest range of one call (<https://marketplace.gohighlevel.com/docs/ghl/calendars/get-slots>: 31 days).
const MAX_RANGE: Duration = Duration::from_secs(31 * 86_400);

/// A time range that is requested in chunks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeRange {
    from: Timestamp,
    to: Timestamp,
}

impl TimeRange {
    /// Returns the given range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a range, and for an empty one.
    pub(crate) fn new(given: Option<(Timestamp, Timestamp)>, operation: &'static str) -> Result<Self> {
        let why = match given {
            Some((from, to)) if from < to => return Ok(Self { from, to }),
            Some(_) => "the time range is empty: its end must be after its start",
            None => "the time range is missing: give it with `between(start, end)`",
        };
        Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", operation))
    }

    /// Returns chunks of a length that the provider accepts, in order. Each starts where the previous one ends.
    pub(crate) fn chunks(self) -> impl Iterator<Item = (Timestamp, Timestamp)> + Send {
        let Self { from, to } = self;
        iter::successors(Some(from), |start| Some(*start + MAX_RANGE))
            .take_while(move |start| *start < to)
            .map(move |start| (start, (start + MAX_RANGE).min(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_secs(n * 86_400)
    }

    #[test]
    fn a_range_is_split_after_31_days() {
        let chunks = |from, to| TimeRange::new(Some((day(from), day(to))), "x").unwrap().chunks().collect::<Vec<_>>();
        assert_eq!(chunks(0, 31), [(day(0), day(31))]);
        assert_eq!(chunks(0, 63), [(day(0), day(31)), (day(31), day(62)), (day(62), day(63))]);
    }

    #[test]
    fn a_range_up_to_the_last_timestamp_ends() {
        let all = TimeRange::new(Some((Timestamp::EPOCH, Timestamp::from_micros(i64::MAX))), "x").unwrap();
        assert!(all.chunks().take(100).count() == 100, "chunk by chunk, not all at once");
        let last = TimeRange::new(Some((Timestamp::from_micros(i64::MAX - 1), Timestamp::from_micros(i64::MAX))), "x");
        assert_eq!(last.unwrap().chunks().count(), 1);
    }
}
