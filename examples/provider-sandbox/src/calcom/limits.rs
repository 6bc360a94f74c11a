//! Cal.com's rate limits per caller: a quota per minute, and a block of a minute when it is exceeded.
//! Pure functions of the given times.

use std::collections::HashMap;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::http_io::write_headers;

/// The rate limits. The defaults are those that Cal.com publishes (API introduction, "rate limits").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// Rejects requests above the limits; `false` only counts.
    pub enforced: bool,
    /// Requests per interval with an API key, and of all anonymous callers together.
    pub per_key: u32,
    /// Requests per interval with an OAuth access token.
    pub per_token: u32,
    /// Length of the interval in milliseconds. An interval starts with the first request after the previous one.
    pub interval_ms: i64,
    /// Length of the block after the limit was exceeded, in milliseconds.
    pub block_ms: i64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self { enforced: true, per_key: 120, per_token: 500, interval_ms: 60_000, block_ms: 60_000 }
    }
}

/// Requests of one caller.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// Requests accepted.
    pub accepted: u64,
    /// Requests rejected with 429.
    pub rejected: u64,
    #[serde(skip)]
    started_ms: i64,
    #[serde(skip)]
    in_interval: u32,
    #[serde(skip)]
    blocked_until_ms: i64,
}

/// The decision on one request and the values of the response headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimitDecision {
    pub(crate) allowed: bool,
    limit: u32,
    remaining: u32,
    reset_ms: i64,
}

/// The usage of all callers.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rules: LimitRules,
    usage: HashMap<String, Usage>,
}

impl Limits {
    /// Counts a request of `caller`, which has `limit` requests per interval, at `now_ms`.
    pub(crate) fn take(&mut self, caller: &str, limit: u32, now_ms: i64) -> RateLimitDecision {
        let rules = self.rules;
        let usage = self.usage.entry(caller.to_owned()).or_default();
        let blocked = rules.enforced && now_ms < usage.blocked_until_ms;
        if !blocked && (usage.blocked_until_ms > 0 || now_ms - usage.started_ms >= rules.interval_ms) {
            (usage.started_ms, usage.in_interval, usage.blocked_until_ms) = (now_ms, 0, 0);
        }
        let allowed = !rules.enforced || !blocked && usage.in_interval < limit;
        if allowed {
            usage.accepted += 1;
            usage.in_interval = usage.in_interval.saturating_add(1);
        } else {
            usage.rejected += 1;
            if !blocked {
                usage.blocked_until_ms = now_ms.saturating_add(rules.block_ms);
            }
        }
        let until_ms =
            if allowed { usage.started_ms.saturating_add(rules.interval_ms) } else { usage.blocked_until_ms };
        let remaining = if allowed { limit.saturating_sub(usage.in_interval) } else { 0 };
        RateLimitDecision { allowed, limit, remaining, reset_ms: until_ms - now_ms }
    }

    pub(crate) fn usage(&self) -> &HashMap<String, Usage> {
        &self.usage
    }
}

impl RateLimitDecision {
    /// Writes the three headers of the limit named `Default`; the reset is in seconds from now.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        write_headers(
            headers,
            [
                ("x-ratelimit-limit-default", i64::from(self.limit)),
                ("x-ratelimit-remaining-default", i64::from(self.remaining)),
                ("x-ratelimit-reset-default", self.reset_ms.max(0).saturating_add(999) / 1_000),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_key: u32) -> Limits {
        Limits { rules: LimitRules { per_key, ..LimitRules::default() }, ..Limits::default() }
    }

    #[test]
    fn exceeding_the_limit_blocks_for_one_minute_without_extension() {
        let mut limits = limits(3);
        assert!((0..3).all(|request| limits.take("key", 3, 1_000 + request).allowed));
        let rejected = limits.take("key", 3, 31_000);
        assert_eq!((rejected.allowed, rejected.remaining, rejected.reset_ms), (false, 0, 60_000));
        assert!(!limits.take("key", 3, 90_999).allowed);
        assert!(limits.take("key", 3, 91_000).allowed);
        assert_eq!(limits.usage()["key"].rejected, 2);
    }

    #[test]
    fn an_interval_starts_with_its_first_request() {
        let mut limits = limits(2);
        assert_eq!(limits.take("key", 2, 100_000).reset_ms, 60_000);
        let second = limits.take("key", 2, 130_000);
        assert_eq!((second.remaining, second.reset_ms), (0, 30_000));
        assert!(limits.take("key", 2, 160_000).allowed);
        assert!(limits.take("other", 2, 160_000).allowed);
    }
}
