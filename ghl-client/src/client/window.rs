use std::{iter, time::Duration};

use sidecar_core::{Error, ErrorKind, Result, Timestamp};

/// The longest span that one call may ask for
/// (<https://marketplace.gohighlevel.com/docs/ghl/calendars/get-slots>: 31 days).
const LONGEST: Duration = Duration::from_secs(31 * 86_400);

/// A span of time that is asked for piece by piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    /// The span that was given, if it is one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when there is none, or when it is empty.
    pub(crate) fn new(given: Option<(Timestamp, Timestamp)>, operation: &'static str) -> Result<Self> {
        let why = match given {
            Some((from, to)) if from < to => return Ok(Self { from, to }),
            Some(_) => "the time span is empty: its end must be after its start",
            None => "it is asked for by time: give the span with `between(start, end)`",
        };
        Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", operation))
    }

    /// Pieces that the provider takes, one after another. Each begins where the one before it ends.
    pub(crate) fn pieces(self) -> impl Iterator<Item = (Timestamp, Timestamp)> + Send {
        let Self { from, to } = self;
        iter::successors(Some(from), |start| Some(*start + LONGEST))
            .take_while(move |start| *start < to)
            .map(move |start| (start, (start + LONGEST).min(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_secs(n * 86_400)
    }

    #[test]
    fn a_span_is_cut_at_31_days() {
        let pieces = |from, to| Span::new(Some((day(from), day(to))), "x").unwrap().pieces().collect::<Vec<_>>();
        assert_eq!(pieces(0, 31), [(day(0), day(31))]);
        assert_eq!(pieces(0, 63), [(day(0), day(31)), (day(31), day(62)), (day(62), day(63))]);
    }

    #[test]
    fn a_span_of_all_time_ends() {
        let all = Span::new(Some((Timestamp::EPOCH, Timestamp::from_micros(i64::MAX))), "x").unwrap();
        assert!(all.pieces().take(100).count() == 100, "piece by piece, not all at once");
        let last = Span::new(Some((Timestamp::from_micros(i64::MAX - 1), Timestamp::from_micros(i64::MAX))), "x");
        assert_eq!(last.unwrap().pieces().count(), 1);
    }
}
