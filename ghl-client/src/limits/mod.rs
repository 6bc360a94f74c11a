//! Which limits a call counts against, and what an answer's headers say of them.
//!
//! Waiting lives in the pipeline, counting in [`sidecar_core::rate_limit`]; limits of one's own are in `policy`, what is used of
//! them in `budget`. Invariant: the quota is per app and resource, so one busy location never slows another, and an answer's
//! headers change the provider's limits only, never one's own.

mod budget;
mod policy;

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sidecar_core::rate_limit::{Feedback, Scope, headers};

pub use budget::{Allowance, Budget};
pub use policy::RateLimitPolicy;

use crate::{
    client::Resource,
    config::{BURST_LIMIT, BURST_SPAN, DAY, DAY_LIMIT, LONGEST_BURST_WAIT},
};

const DAY_LIMIT_HEADER: &str = "x-ratelimit-limit-daily";
const DAY_REMAINING: &str = "x-ratelimit-daily-remaining";
const DAY_RESET: &str = "x-ratelimit-daily-reset";
const BURST_INTERVAL: &str = "x-ratelimit-interval-milliseconds";
const BURST_LIMIT_HEADER: &str = "x-ratelimit-max";
const BURST_REMAINING: &str = "x-ratelimit-remaining";

/// A wait for a window is shorter, the policy's minute and its margin included; a longer one is for a day.
pub(crate) const LONGEST_WINDOW_WAIT: Duration = Duration::from_secs(61);

/// How the keys of the provider's own limits begin.
const BURST: &str = "ghl:burst:";
const DAILY: &str = "ghl:day:";

/// The provider's burst and day's budget of an app for one location or company.
pub(crate) fn scopes(app: &str, resource: &Resource) -> [Scope; 2] {
    let name = resource.key();
    [
        Scope::sliding_window(format!("{BURST}{app}:{name}"), BURST_LIMIT, BURST_SPAN),
        Scope::fixed_window(format!("{DAILY}{app}:{name}"), DAY_LIMIT, DAY),
    ]
}

/// Which limit a 429 speaks of, and how long it asks to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// The burst: wait this long.
    Burst(Duration),
    /// The day's budget; when it starts anew, if that was said.
    Day(Option<Duration>),
}

/// Both limits answer 429 alike; the day's counter tells them apart.
pub(crate) fn exhausted(headers: &HeaderMap) -> Exhausted {
    if headers::count(headers, DAY_REMAINING) == Some(0) {
        return Exhausted::Day(day_reset(headers));
    }
    let interval = headers::millis(headers, BURST_INTERVAL).unwrap_or(BURST_SPAN);
    Exhausted::Burst(headers::retry_after(headers).unwrap_or_else(|| interval.min(LONGEST_BURST_WAIT)))
}

/// Some say the header is a duration, some a point in time; only what can be a part of a day is believed.
fn day_reset(headers: &HeaderMap) -> Option<Duration> {
    headers::millis(headers, DAY_RESET).filter(|reset| *reset <= DAY)
}

/// What an answer says of each scope.
pub(crate) fn feedback(status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
    let refused = (status == StatusCode::TOO_MANY_REQUESTS).then(|| exhausted(headers));
    scopes.iter().map(|scope| one(scope, headers, refused)).collect()
}

fn one(scope: &Scope, headers: &HeaderMap, refused: Option<Exhausted>) -> Feedback {
    let mut feedback = Feedback::new(scope.clone());
    match scope.key() {
        key if key.starts_with(BURST) => {
            feedback.limit = headers::count(headers, BURST_LIMIT_HEADER).filter(|limit| *limit > 0);
            feedback.remaining = headers::count(headers, BURST_REMAINING);
            if let Some(Exhausted::Burst(wait)) = refused {
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
    fn a_spent_day_is_told_from_a_spent_burst() {
        let day = headers(&[(DAY_REMAINING, "0"), (DAY_RESET, "3600000")]);
        assert_eq!(exhausted(&day), Exhausted::Day(Some(Duration::from_secs(3_600))));
        let burst = headers(&[(DAY_REMAINING, "199000"), (BURST_INTERVAL, "10000")]);
        assert_eq!(exhausted(&burst), Exhausted::Burst(Duration::from_secs(10)));
    }

    #[test]
    fn a_burst_wait_is_bounded_and_retry_after_wins() {
        assert_eq!(exhausted(&headers(&[(BURST_INTERVAL, "900000")])), Exhausted::Burst(LONGEST_BURST_WAIT));
        assert_eq!(
            exhausted(&headers(&[(BURST_INTERVAL, "10000"), ("retry-after", "2")])),
            Exhausted::Burst(Duration::from_secs(2))
        );
        assert_eq!(exhausted(&HeaderMap::new()), Exhausted::Burst(BURST_SPAN));
    }

    #[test]
    fn a_reset_that_is_a_point_in_time_is_not_taken_for_a_duration() {
        assert_eq!(exhausted(&headers(&[(DAY_REMAINING, "-1"), (DAY_RESET, "1790000000000")])), Exhausted::Day(None));
    }

    #[test]
    fn no_header_reaches_a_policys_own_limits() {
        let own = [RateLimitPolicy::CAUTIOUS.minute_scope("app", "l"), RateLimitPolicy::CAUTIOUS.day_scope("app", "o")];
        let seen = headers(&[(DAY_LIMIT_HEADER, "200000"), (DAY_REMAINING, "0"), (BURST_LIMIT_HEADER, "100")]);
        for scope in own.into_iter().flatten() {
            let said = one(&scope, &seen, Some(Exhausted::Burst(BURST_SPAN)));
            assert_eq!(said, Feedback::new(scope));
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
        let said = feedback(StatusCode::OK, &seen, &scopes);
        assert_eq!((said[0].limit, said[0].remaining, said[0].retry_after), (Some(100), Some(42), None));
        assert_eq!((said[1].limit, said[1].remaining, said[1].reset_after), (Some(200_000), Some(150_000), None));
    }
}
