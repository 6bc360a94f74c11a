//! The rate limits of a call, and what response headers report of them.
//!
//! The pipeline waits and [`sidecar_core::rate_limit`] counts. Invariant: no response changes the client's own pace; the provider's
//! minute follows its headers, and a 429 or an exhausted counter of any name closes it until the reported reset.

mod policy;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidecar_core::rate_limit::{Feedback, Scope, headers};

pub use policy::RateLimitPolicy;

use crate::config::{DEFAULT_RATE_LIMIT_WAIT, KEY_LIMIT, LIMIT_SPAN};

/// Prefixes of the three headers of a limit; the limit's name follows, such as `Default`.
const LIMIT_HEADER: &str = "x-ratelimit-limit-";
const REMAINING_HEADER: &str = "x-ratelimit-remaining-";
const RESET_HEADER: &str = "x-ratelimit-reset-";

/// The limit of every caller. A key with custom limits has others in addition or instead.
const DEFAULT_LIMIT: &str = "default";

/// Key prefixes of the two scopes.
const PACE_KEY: &str = "calcom:pace:";
const MINUTE_KEY: &str = "calcom:minute:";

/// A reset from this value on is a point in time, in seconds since 1970; below it is a wait.
const MIN_EPOCH_SECONDS: f64 = 1e9;

/// The longest plausible wait: limits run for a minute, and a lock-out is not announced.
const MAX_WAIT: Duration = Duration::from_secs(3_600);

/// The longest plausible wait until a reported point in time.
const MAX_WAIT_UNTIL: Duration = Duration::from_secs(120);

/// Returns a short name of an API key for rate limit keys: the first 8 bytes of its SHA-256 in hex.
pub(crate) fn fingerprint(key: &SecretString) -> String {
    Sha256::digest(key.expose_secret().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The rate limits of an account.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    account: Arc<str>,
    scopes: [Scope; 2],
}

impl Limits {
    pub(crate) fn new(account: &str, policy: RateLimitPolicy) -> Self {
        let pace = Scope::token_bucket(format!("{PACE_KEY}{account}"), policy.per_second(), policy.max_burst());
        let minute =
            Scope::sliding_window(format!("{MINUTE_KEY}{account}"), KEY_LIMIT.max(policy.max_per_minute()), LIMIT_SPAN);
        Self { account: account.into(), scopes: [pace, minute] }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Returns the client's own pace and the provider's minute.
    pub(crate) fn scopes(&self) -> [Scope; 2] {
        self.scopes.clone()
    }
}

/// A limit that a response reports.
#[derive(Debug, PartialEq)]
struct ReportedLimit<'a> {
    name: &'a str,
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Duration>,
}

fn reported_limits(headers: &HeaderMap) -> Vec<ReportedLimit<'_>> {
    let names = headers.keys().filter_map(|name| name.as_str().strip_prefix(REMAINING_HEADER));
    names
        .map(|name| ReportedLimit {
            name,
            limit: headers::count(headers, &format!("{LIMIT_HEADER}{name}")).filter(|limit| *limit > 0),
            remaining: headers::count(headers, &format!("{REMAINING_HEADER}{name}")),
            reset: reset(headers, &format!("{RESET_HEADER}{name}")),
        })
        .collect()
}

/// Returns the wait until a reset. The header has seconds; or a point in time, according to one page, which is compared with the
/// response's `Date`.
fn reset(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    match number {
        _ if !(0.0..f64::MAX).contains(&number) => None,
        _ if number < MIN_EPOCH_SECONDS => Some(Duration::from_secs_f64(number).min(MAX_WAIT)),
        _ => {
            let wait = (number - responded_at(headers)?).clamp(0.0, MAX_WAIT_UNTIL.as_secs_f64());
            Some(Duration::from_secs_f64(wait))
        }
    }
}

/// Returns the `Date` of the response, in seconds since 1970.
fn responded_at(headers: &HeaderMap) -> Option<f64> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()?;
    Some(date.as_millisecond() as f64 / 1_000.0)
}

/// Returns the wait after a 429: `Retry-After` (of some endpoints), else the longest reset of an exhausted limit, else any reset, else
/// a minute.
pub(crate) fn wait(headers: &HeaderMap) -> Duration {
    let limits = reported_limits(headers);
    let exhausted = limits.iter().filter(|limit| limit.remaining == Some(0)).filter_map(|limit| limit.reset).max();
    headers::retry_after(headers)
        .or(exhausted)
        .or_else(|| limits.iter().filter_map(|limit| limit.reset).max())
        .or_else(|| reset(headers, &format!("{RESET_HEADER}{DEFAULT_LIMIT}")))
        .unwrap_or(DEFAULT_RATE_LIMIT_WAIT)
        .min(MAX_WAIT)
}

/// Returns what a response reports of the provider's minute.
pub(crate) fn feedback(status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
    let Some(minute) = scopes.iter().find(|scope| scope.key().starts_with(MINUTE_KEY)) else {
        return Vec::new();
    };
    let limits = reported_limits(headers);
    let mut feedback = Feedback::new(minute.clone());
    // No header reports the windows of limits with other names, so their counts cannot be compared with a minute's.
    if let Some(default) = limits.iter().find(|limit| limit.name == DEFAULT_LIMIT) {
        (feedback.limit, feedback.remaining) = (default.limit, default.remaining);
    }
    let exhausted = limits.iter().filter(|limit| limit.remaining == Some(0));
    feedback.retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(wait(headers)),
        _ => exhausted.filter_map(|limit| limit.reset).max(),
    };
    vec![feedback]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), http::HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    fn reported(status: u16, pairs: &[(&str, &str)]) -> Feedback {
        let scopes = Limits::new("a", RateLimitPolicy::API_KEY).scopes();
        feedback(StatusCode::from_u16(status).unwrap(), &headers(pairs), &scopes).remove(0)
    }

    #[test]
    fn the_default_limit_corrects_the_minute() {
        let feedback = reported(
            200,
            &[
                ("X-RateLimit-Limit-Default", "500"),
                ("X-RateLimit-Remaining-Default", "42"),
                ("X-RateLimit-Reset-Default", "17"),
            ],
        );
        assert_eq!((feedback.limit, feedback.remaining, feedback.retry_after), (Some(500), Some(42), None));
        assert!(feedback.scope.key().starts_with(MINUTE_KEY));
    }

    #[test]
    fn an_exhausted_limit_of_any_name_closes_the_minute_until_its_reset() {
        let feedback = reported(
            200,
            &[
                ("X-RateLimit-Remaining-Default", "80"),
                ("X-RateLimit-Remaining-Short", "0"),
                ("X-RateLimit-Limit-Short", "5"),
                ("X-RateLimit-Reset-Short", "3"),
            ],
        );
        assert_eq!(
            (feedback.remaining, feedback.limit, feedback.retry_after),
            (Some(80), None, Some(Duration::from_secs(3)))
        );
    }

    #[test]
    fn a_429_waits_as_long_as_reported_or_else_a_minute() {
        let wait_of = |pairs: &[(&str, &str)]| reported(429, pairs).retry_after.map(|wait| wait.as_secs());
        assert_eq!(wait_of(&[]), Some(60));
        assert_eq!(wait_of(&[("X-RateLimit-Reset-Default", "31")]), Some(31));
        assert_eq!(wait_of(&[("X-RateLimit-Remaining-Default", "0"), ("X-RateLimit-Reset-Default", "31")]), Some(31));
        assert_eq!(wait_of(&[("Retry-After", "7"), ("X-RateLimit-Reset-Default", "31")]), Some(7));
        assert_eq!(wait_of(&[("X-RateLimit-Reset-Default", "1790000000")]), Some(60), "a point in time is not a wait");
        let until = |reset: &str, date: &str| wait_of(&[("X-RateLimit-Reset-Default", reset), ("Date", date)]);
        // 1796148300 is the date.
        for (reset, wait) in [("1796148331", 31), ("1796148200", 0), ("1796149999", 120), ("1796148331000", 120)] {
            assert_eq!(until(reset, "Tue, 01 Dec 2026 18:05:00 GMT"), Some(wait), "{reset}");
        }
        assert_eq!(until("1796148331", "today"), Some(60));
        assert_eq!(until("inf", "Tue, 01 Dec 2026 18:05:00 GMT"), Some(60));
        assert_eq!(wait_of(&[("X-RateLimit-Reset-Default", "soon")]), Some(60));
    }
}
