//! Reading the numbers of limit headers. Which headers a provider sends is known in its crate.
//!
//! What cannot be read is as good as absent: a limit header is advice, never a reason to fail a call.

use std::time::Duration;

use http::HeaderMap;

/// Waits beyond this are taken as this: no limit runs longer, and no arithmetic overflows.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// A count; negative ones (a server that lets a few too many through) are 0.
pub fn count(headers: &HeaderMap, name: &str) -> Option<u32> {
    let number = number(headers, name)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what is meant"
    )]
    Some(number as u32)
}

/// A duration in seconds, fractions allowed.
pub fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    number(headers, name).map(duration)
}

/// A duration in milliseconds.
pub fn millis(headers: &HeaderMap, name: &str) -> Option<Duration> {
    number(headers, name).map(|millis| duration(millis / 1_000.0))
}

/// The standard `Retry-After` in seconds; its date form is not read.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers, "retry-after")
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).map_or(LONGEST, |duration| duration.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from_static(value))])
    }

    #[test]
    fn numbers_are_read_and_nonsense_is_absent() {
        for (text, expected) in [
            ("12", Some(12)),
            (" 7 ", Some(7)),
            ("-3", Some(0)),
            ("99999999999", Some(u32::MAX)),
            ("x", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(count(&with(text), "retry-after"), expected, "{text}");
        }
        assert_eq!(count(&HeaderMap::new(), "retry-after"), None);
    }

    #[test]
    fn durations_are_read_in_their_unit_and_bounded() {
        assert_eq!(retry_after(&with("1.5")), Some(Duration::from_millis(1_500)));
        assert_eq!(millis(&with("10000"), "retry-after"), Some(Duration::from_secs(10)));
        assert_eq!(seconds(&with("1e300"), "retry-after"), Some(LONGEST));
        assert_eq!(retry_after(&with("Wed, 21 Oct 2026 07:28:00 GMT")), None);
    }
}
