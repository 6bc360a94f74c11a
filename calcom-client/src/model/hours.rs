//! Hours of a day as sets of minutes, and the hours of each date that a range of time covers in a time zone.

use jiff::{ToSpan, civil, tz::TimeZone};
use serde::{Deserialize, Serialize, de::Error as _};
use sidecar_core::Timestamp;

const DAY: u16 = 24 * 60;

/// Hours of one day: ordered ranges of minutes that neither touch nor overlap. Serialized as a list of `HH:MM-HH:MM`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(Vec<(u16, u16)>);

impl Hours {
    /// Returns the ranges in minutes since midnight; the end of the day is 1,440.
    pub fn spans(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Returns whether there are no hours.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the minutes from `start` to `end`; empty if the end is not after the start.
    pub(crate) fn span(start: u16, end: u16) -> Self {
        let end = end.min(DAY);
        Self(if start < end { vec![(start, end)] } else { Vec::new() })
    }

    /// Parses two times of day of Cal.com. `00:00` as the end is midnight, unless it is also the start: then the range is empty.
    pub(crate) fn between(start: &str, end: &str) -> Option<Self> {
        let (start, end) = (minutes(start)?, minutes(end)?);
        Some(Self::span(start, if end == 0 && start != 0 { DAY } else { end }))
    }

    /// Returns the ranges in Cal.com's format; a pair of `00:00` if there are none.
    pub(crate) fn to_wire(&self) -> Vec<(String, String)> {
        if self.is_empty() {
            return vec![(clock(0), clock(0))];
        }
        self.0.iter().map(|(start, end)| (clock(*start), end_clock(*start, *end))).collect()
    }

    pub(crate) fn or(&self, other: &Self) -> Self {
        let mut spans: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        spans.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for (from, to) in &other.0 {
            left = left
                .into_iter()
                .flat_map(|(start, end)| [(start, end.min(*from)), (start.max(*to), end)])
                .filter(|(start, end)| start < end)
                .collect();
        }
        Self(left)
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }
}

/// Parses `HH:MM` to minutes since midnight. Ignores seconds.
fn minutes(text: &str) -> Option<u16> {
    let mut parts = text.split(':');
    let (hours, minutes): (u16, u16) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
}

fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Writes midnight as `00:00`, except for a whole day, which would then be empty.
fn end_clock(start: u16, end: u16) -> String {
    match (start, end) {
        (0, DAY) => clock(DAY - 1),
        (_, DAY) => clock(0),
        _ => clock(end),
    }
}

impl Serialize for Hours {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(start, end)| format!("{}-{}", clock(*start), clock(*end))))
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hours = Self::default();
        for text in Vec::<String>::deserialize(deserializer)? {
            let span = text.split_once('-').and_then(|(start, end)| Some(Self::span(minutes(start)?, minutes(end)?)));
            let span = span.ok_or_else(|| D::Error::custom(format!("`{text}` is not `HH:MM-HH:MM`")))?;
            hours = hours.or(&span);
        }
        Ok(hours)
    }
}

/// Returns the dates and hours that a range of time covers in a time zone, rounded outward to minutes. When daylight saving time
/// starts or ends, the hours are those of the local clock.
pub(crate) fn covered(start: Timestamp, end: Timestamp, zone: &TimeZone) -> Option<Vec<(civil::Date, Hours)>> {
    let mut days: Vec<(civil::Date, Hours)> = Vec::new();
    let (mut from, end) = (instant(start)?, instant(end)?);
    while from < end {
        // The offset does not change until then.
        let until = zone.following(from).next().map_or(end, |change| change.timestamp().min(end));
        let offset = zone.to_offset(from);
        let (mut first, last) = (offset.to_datetime(from), offset.to_datetime(until));
        while first < last {
            let next_day = first.date().checked_add(1.day()).ok()?.at(0, 0, 0, 0);
            let to = if last < next_day { minute_up(last) } else { DAY };
            let hours = Hours::span(minute_down(first), to);
            match days.last_mut().filter(|(date, _)| *date == first.date()) {
                Some((_, known)) => *known = known.or(&hours),
                None => days.push((first.date(), hours)),
            }
            first = next_day;
        }
        from = until;
    }
    Some(days)
}

fn instant(time: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(time.as_micros()).ok()
}

fn minute_down(time: civil::DateTime) -> u16 {
    u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or(0)
}

fn minute_up(time: civil::DateTime) -> u16 {
    minute_down(time) + u16::from(time.second() > 0 || time.subsec_nanosecond() > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hours(spans: &[(u16, u16)]) -> Hours {
        spans.iter().fold(Hours::default(), |hours, (start, end)| hours.or(&Hours::span(*start, *end)))
    }

    fn any_hours() -> impl Strategy<Value = Hours> {
        prop::collection::vec((0..=DAY, 0..=DAY), 0..6).prop_map(|spans| hours(&spans))
    }

    fn has(hours: &Hours, minute: u16) -> bool {
        hours.0.iter().any(|(start, end)| (*start..*end).contains(&minute))
    }

    proptest! {
        #[test]
        fn sets_of_hours_are_sets_of_minutes(a in any_hours(), b in any_hours()) {
            let (or, minus, and) = (a.or(&b), a.minus(&b), a.and(&b));
            for minute in 0..DAY {
                let (in_a, in_b) = (has(&a, minute), has(&b, minute));
                prop_assert_eq!(has(&or, minute), in_a || in_b);
                prop_assert_eq!(has(&minus, minute), in_a && !in_b);
                prop_assert_eq!(has(&and, minute), in_a && in_b);
            }
        }

        #[test]
        fn what_is_written_is_read_again(a in any_hours()) {
            let text = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Hours>(&text).unwrap(), a.clone());
            let wire = a.to_wire().iter().fold(Hours::default(), |all, (start, end)| {
                all.or(&Hours::between(start, end).unwrap())
            });
            // A whole day cannot be written; its last minute is left out.
            let whole = a == Hours::span(0, DAY);
            prop_assert_eq!(wire, if whole { Hours::span(0, DAY - 1) } else { a });
        }

        #[test]
        fn a_span_covers_the_minutes_that_the_clocks_show(start in 1_700_000_000_i64..1_900_000_000, length in 1_i64..200_000) {
            let zone = TimeZone::get("America/New_York").unwrap();
            let (start, end) = (Timestamp::from_secs(start), Timestamp::from_secs(start + length));
            let days = covered(start, end, &zone).unwrap();
            for second in (start.as_secs()..end.as_secs()).step_by(997) {
                let shown = zone.to_datetime(jiff::Timestamp::from_second(second).unwrap());
                let hours = days.iter().find(|(date, _)| *date == shown.date());
                prop_assert!(hours.is_some_and(|(_, hours)| has(hours, minute_down(shown))), "{}", shown);
            }
        }
    }

    #[test]
    fn a_span_over_midnight_and_over_the_end_of_summer_time() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let days = covered(at("2026-12-01T22:30:20Z"), at("2026-12-02T00:15:20Z"), &zone).unwrap();
        assert_eq!(
            days,
            [(civil::date(2026, 12, 1), hours(&[(23 * 60 + 30, DAY)])), (civil::date(2026, 12, 2), hours(&[(0, 76)]))]
        );
        // 02:30 to 02:30: the hour between comes twice.
        let days = covered(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"), &zone).unwrap();
        assert_eq!(days, [(civil::date(2026, 10, 25), hours(&[(2 * 60, 3 * 60)]))]);
    }

    #[test]
    fn times_of_day_are_read_as_the_provider_means_them() {
        assert_eq!(Hours::between("09:00", "17:00"), Some(Hours::span(540, 1_020)));
        assert_eq!(Hours::between("00:00", "00:00"), Some(Hours::default()));
        assert_eq!(Hours::between("22:00", "00:00"), Some(Hours::span(1_320, DAY)));
        assert_eq!(Hours::between("09:00:00", "24:00"), Some(Hours::span(540, DAY)));
        for (start, end) in [("9", "10:00"), ("25:00", "26:00"), ("09:61", "10:00"), ("", "")] {
            assert_eq!(Hours::between(start, end), None, "{start} {end}");
        }
    }
}
