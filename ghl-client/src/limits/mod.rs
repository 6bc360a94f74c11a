//! The rate limits of a call, and what response headers report of them.
//!
//! The pipeline waits and [`sidecar_core::rate_limit`] counts. Invariant: the quota is per app and resource, so that a busy location
//! never slows another, and response headers change the provider's limits only, never those of the client's policy.

mod policy;

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sidecar_core::rate_limit::{Feedback, Scope, headers};

pub use policy::RateLimitPolicy;

use crate::{
    config::{BURST_LIMIT, BURST_SPAN, DAY, DAY_LIMIT, MAX_BURST_WAIT},
    model::Resource,
};

const DAY_LIMIT_HEADER: &str = "x-ratelimit-limit-daily";
const DAY_REMAINING: &str = "x-ratelimit-daily-remaining";
const DAY_RESET: &str = "x-ratelimit-daily-reset";
const BURST_INTERVAL: &str = "x-ratelimit-interval-milliseconds";
const BURST_LIMIT_HEADER: &str = "x-ratelimit-max";
const BURST_REMAINING: &str = "x-ratelimit-remaining";

/// The longest wait for a window: the policy's minute and a margin. A longer wait is for a day.
pub(crate) const MAX_WINDOW_WAIT: Duration = Duration::from_secs(61);

/// Key prefixes of the provider's limits.
const BURST: &str = "ghl:burst:";
const DAILY: &str = "ghl:day:";

/// Returns the provider's burst and daily limit of an app for one location or company.
pub(crate) fn scopes(app: &str, resource: &Resource) -> [Scope; 2] {
    let name = resource.key();
    [
        Scope::sliding_window(format!("{BURST}{app}:{name}"), BURST_LIMIT, BURST_SPAN),
        Scope::fixed_window(format!("{DAILY}{app}:{name}"), DAY_LIMIT, DAY),
    ]
}

/// The limit that a 429 reports, and the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// The burst limit: wait this long.
    Burst(Duration),
    /// The daily limit; the time until its reset, if reported.
    Day(Option<Duration>),
}

/// Returns the exhausted limit of a 429: the day's counter distinguishes the two.
pub(crate) fn exhausted(headers: &HeaderMap) -> Exhausted {
    if headers::count(headers, DAY_REMAINING) == Some(0) {
        return Exhausted::Day(day_reset(headers));
    }
    let interval = headers::millis(headers, BURST_INTERVAL).unwrap_or(BURST_SPAN);
    Exhausted::Burst(headers::retry_after(headers).unwrap_or_else(|| interval.min(MAX_BURST_WAIT)))
}

/// Sources disagree whether the header is a duration or a point in time: ignores values above a day.
fn day_reset(headers: &HeaderMap) -> Option<Duration> {
    headers::millis(headers, DAY_RESET).filter(|reset| *reset <= DAY)
}

/// Returns what a response reports of each scope.
pub(crate) fn feedback(status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
    let exhausted = (status == StatusCode::TOO_MANY_REQUESTS).then(|| self::exhausted(headers));
    scopes.iter().map(|scope| feedback_of(scope, headers, exhausted)).collect()
}

fn feedback_of(scope: &Scope, headers: &HeaderMap, exhausted: Option<Exhausted>) -> Feedback {
    let mut feedback = Feedback::new(scope.clone());
    match scope.key() {
        key if key.starts_with(BURST) => {
            feedback.limit = headers::count(headers, BURST_LIMIT_HEADER).filter(|limit| *limit > 0);
            feedback.remaining = headers::count(headers, BURST_REMAINING);
            if let Some(Exhausted::Burst(wait)) = exhausted {
                feedback.retry_after = Some(wait);
            }
        }
        key if key.starts_with(DAILY) => {
            feedback.limit = headers::count(headers, DAY_LIMIT_HEADER).filter(|limit| *limit > 0);
            feedback.remaining = headers::count(headers, DAY_REMAINING);
            feedback.reset_after = day_reset(headers);
        }
        _ => {}
    }
    feedback
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_spent_day_is_distinguished_from_a_spent_burst() {
        let day = headers(&[(DAY_REMAINING, "0"), (DAY_RESET, "3600000")]);
        assert_eq!(exhausted(&day), Exhausted::Day(Some(Duration::from_secs(3_600))));
        let burst = headers(&[(DAY_REMAINING, "199000"), (BURST_INTERVAL, "10000")]);
        assert_eq!(exhausted(&burst), Exhausted::Burst(Duration::from_secs(10)));
    }

    #[test]
    fn a_burst_wait_is_bounded_and_retry_after_takes_precedence() {
        assert_eq!(exhausted(&headers(&[(BURST_INTERVAL, "900000")])), Exhausted::Burst(MAX_BURST_WAIT));
        assert_eq!(
            exhausted(&headers(&[(BURST_INTERVAL, "10000"), ("retry-after", "2")])),
            Exhausted::Burst(Duration::from_secs(2))
        );
        assert_eq!(exhausted(&HeaderMap::new()), Exhausted::Burst(BURST_SPAN));
    }

    #[test]
    fn a_reset_that_is_a_point_in_time_is_ignored() {
        assert_eq!(exhausted(&headers(&[(DAY_REMAINING, "-1"), (DAY_RESET, "1790000000000")])), Exhausted::Day(None));
    }

    #[test]
    fn headers_do_not_change_the_limits_of_a_policy() {
        let own = [RateLimitPolicy::CAUTIOUS.minute_scope("app", "l"), RateLimitPolicy::CAUTIOUS.day_scope("app", "o")];
        let seen = headers(&[(DAY_LIMIT_HEADER, "200000"), (DAY_REMAINING, "0"), (BURST_LIMIT_HEADER, "100")]);
        for scope in own.into_iter().flatten() {
            let reported = feedback_of(&scope, &seen, Some(Exhausted::Burst(BURST_SPAN)));
            assert_eq!(reported, Feedback::new(scope));
        }
    }

    #[test]
    fn the_five_headers_reach_their_scopes() {
        let scopes = scopes("app", &Resource::Location("loc".into()));
        let seen = headers(&[
            (DAY_LIMIT_HEADER, "200000"),
            (DAY_REMAINING, "150000"),
            (BURST_INTERVAL, "10000"),
            (BURST_LIMIT_HEADER, "100"),
            (BURST_REMAINING, "42"),
        ]);
        let reported = feedback(StatusCode::OK, &seen, &scopes);
        assert_eq!((reported[0].limit, reported[0].remaining, reported[0].retry_after), (Some(100), Some(42), None));
        assert_eq!(
            (reported[1].limit, reported[1].remaining, reported[1].reset_after),
            (Some(200_000), Some(150_000), None)
        );
    }
}
