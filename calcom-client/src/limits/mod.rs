//! Which limits a call counts against, and what an answer's headers say of them.
//!
//! Waiting lives in the pipeline, counting in [`sidecar_core::rate_limit`]. Invariant: the pace is ours and no answer changes it; the
//! provider's minute follows its headers, and a 429 or a spent counter of any name closes it until the reset that was named.

mod budget;
mod policy;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidecar_core::rate_limit::{Feedback, Scope, headers};

pub use budget::{Allowance, Budget};
pub use policy::RateLimitPolicy;

use crate::config::{BLOCK, KEY_LIMIT, LIMIT_SPAN};

/// How the names of the three headers of a limit begin; the limit's own name follows, such as `Default`.
const LIMIT: &str = "x-ratelimit-limit-";
const REMAINING: &str = "x-ratelimit-remaining-";
const RESET: &str = "x-ratelimit-reset-";

/// The limit that every caller has. A key with limits of its own has others beside or instead.
const DEFAULT: &str = "default";

/// How the keys of the two scopes begin.
const PACE: &str = "calcom:pace:";
const MINUTE: &str = "calcom:minute:";

/// A reset beyond this is a point in time, in seconds since 1970; below it is a wait.
const EPOCH_FROM: f64 = 1e9;

/// A wait beyond this is not believed: limits run for a minute, and a lock-out is not announced.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Nor a point in time further off than this.
const LONGEST_UNTIL: Duration = Duration::from_secs(120);

/// A short name of an API key for keys of limits: the first 8 bytes of its SHA-256 in hex.
pub(crate) fn fingerprint(key: &SecretString) -> String {
    Sha256::digest(key.expose_secret().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What an account's calls count against.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    account: Arc<str>,
    scopes: [Scope; 2],
}

impl Limits {
    pub(crate) fn new(account: &str, policy: RateLimitPolicy) -> Self {
        let pace = Scope::token_bucket(format!("{PACE}{account}"), policy.per_second(), policy.at_once());
        let minute = Scope::sliding_window(format!("{MINUTE}{account}"), KEY_LIMIT.max(policy.a_minute()), LIMIT_SPAN);
        Self { account: account.into(), scopes: [pace, minute] }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// The pace, and the provider's minute.
    pub(crate) fn scopes(&self) -> [Scope; 2] {
        self.scopes.clone()
    }
}

/// One limit as an answer tells of it.
#[derive(Debug, PartialEq)]
struct Named<'a> {
    name: &'a str,
    limit: Option<u32>,
    remaining: Option<u32>,
    reset: Option<Duration>,
}

fn named(headers: &HeaderMap) -> Vec<Named<'_>> {
    let names = headers.keys().filter_map(|name| name.as_str().strip_prefix(REMAINING));
    names
        .map(|name| Named {
            name,
            limit: headers::count(headers, &format!("{LIMIT}{name}")).filter(|limit| *limit > 0),
            remaining: headers::count(headers, &format!("{REMAINING}{name}")),
            reset: reset(headers, &format!("{RESET}{name}")),
        })
        .collect()
}

/// Seconds to wait; or a point in time, as one page has it, which tells the wait from the time of the answer by the same clock.
fn reset(headers: &HeaderMap, name: &str) -> Option<Duration> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    match number {
        _ if !(0.0..f64::MAX).contains(&number) => None,
        _ if number < EPOCH_FROM => Some(Duration::from_secs_f64(number).min(LONGEST_WAIT)),
        _ => {
            let wait = (number - answered_at(headers)?).clamp(0.0, LONGEST_UNTIL.as_secs_f64());
            Some(Duration::from_secs_f64(wait))
        }
    }
}

/// The provider's time of the answer, in seconds since 1970.
fn answered_at(headers: &HeaderMap) -> Option<f64> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date.trim()).ok()?;
    Some(date.as_millisecond() as f64 / 1_000.0)
}

/// How long a refused caller has to wait: `Retry-After` (some endpoints have it), the longest reset of a spent limit, any
/// reset, a minute.
pub(crate) fn wait(headers: &HeaderMap) -> Duration {
    let limits = named(headers);
    let spent = limits.iter().filter(|limit| limit.remaining == Some(0)).filter_map(|limit| limit.reset).max();
    headers::retry_after(headers)
        .or(spent)
        .or_else(|| limits.iter().filter_map(|limit| limit.reset).max())
        .or_else(|| reset(headers, &format!("{RESET}{DEFAULT}")))
        .unwrap_or(BLOCK)
        .min(LONGEST_WAIT)
}

/// What an answer says of the provider's minute.
pub(crate) fn feedback(status: StatusCode, headers: &HeaderMap, scopes: &[Scope]) -> Vec<Feedback> {
    let Some(minute) = scopes.iter().find(|scope| scope.key().starts_with(MINUTE)) else {
        return Vec::new();
    };
    let limits = named(headers);
    let mut feedback = Feedback::new(minute.clone());
    // Limits of other names run for spans that no header tells, so their counts cannot be compared with a minute's.
    if let Some(default) = limits.iter().find(|limit| limit.name == DEFAULT) {
        (feedback.limit, feedback.remaining) = (default.limit, default.remaining);
    }
    let spent = limits.iter().filter(|limit| limit.remaining == Some(0));
    feedback.retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(wait(headers)),
        _ => spent.filter_map(|limit| limit.reset).max(),
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

    fn told(status: u16, pairs: &[(&str, &str)]) -> Feedback {
        let scopes = Limits::new("a", RateLimitPolicy::API_KEY).scopes();
        feedback(StatusCode::from_u16(status).unwrap(), &headers(pairs), &scopes).remove(0)
    }

    #[test]
    fn the_default_limit_corrects_the_minute() {
        let said = told(
            200,
            &[
                ("X-RateLimit-Limit-Default", "500"),
                ("X-RateLimit-Remaining-Default", "42"),
                ("X-RateLimit-Reset-Default", "17"),
            ],
        );
        assert_eq!((said.limit, said.remaining, said.retry_after), (Some(500), Some(42), None));
        assert!(said.scope.key().starts_with(MINUTE));
    }

    #[test]
    fn a_spent_limit_of_any_name_closes_the_minute_until_its_reset() {
        let said = told(
            200,
            &[
                ("X-RateLimit-Remaining-Default", "80"),
                ("X-RateLimit-Remaining-Short", "0"),
                ("X-RateLimit-Limit-Short", "5"),
                ("X-RateLimit-Reset-Short", "3"),
            ],
        );
        assert_eq!((said.remaining, said.limit, said.retry_after), (Some(80), None, Some(Duration::from_secs(3))));
    }

    #[test]
    fn a_refusal_waits_for_what_it_names_and_a_minute_otherwise() {
        let refused = |pairs: &[(&str, &str)]| told(429, pairs).retry_after.map(|wait| wait.as_secs());
        assert_eq!(refused(&[]), Some(60));
        assert_eq!(refused(&[("X-RateLimit-Reset-Default", "31")]), Some(31));
        assert_eq!(refused(&[("X-RateLimit-Remaining-Default", "0"), ("X-RateLimit-Reset-Default", "31")]), Some(31));
        assert_eq!(refused(&[("Retry-After", "7"), ("X-RateLimit-Reset-Default", "31")]), Some(7));
        assert_eq!(refused(&[("X-RateLimit-Reset-Default", "1790000000")]), Some(60), "a point in time is no wait");
        let until = |reset: &str, date: &str| refused(&[("X-RateLimit-Reset-Default", reset), ("Date", date)]);
        // 1796148300 is the date.
        for (reset, wait) in [("1796148331", 31), ("1796148200", 0), ("1796149999", 120), ("1796148331000", 120)] {
            assert_eq!(until(reset, "Tue, 01 Dec 2026 18:05:00 GMT"), Some(wait), "{reset}");
        }
        assert_eq!(until("1796148331", "today"), Some(60));
        assert_eq!(until("inf", "Tue, 01 Dec 2026 18:05:00 GMT"), Some(60));
        assert_eq!(refused(&[("X-RateLimit-Reset-Default", "soon")]), Some(60));
    }
}
