//! The provider's request limits per caller: so many in a minute, and shut out for a minute after one too many.
//! Pure bookkeeping over given times.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// The limits in force. Defaults are Cal.com's published ones (API introduction, "rate limits").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// False: nothing is refused, everything is counted.
    pub enforced: bool,
    /// Requests per interval of an API key, and of callers without credentials together.
    pub per_key: u32,
    /// Requests per interval of an OAuth access token.
    pub per_token: u32,
    /// Length of the interval in milliseconds. It begins with the first request after the last one's end.
    pub interval_ms: i64,
    /// How long a caller is shut out after one too many, in milliseconds.
    pub block_ms: i64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self { enforced: true, per_key: 120, per_token: 500, interval_ms: 60_000, block_ms: 60_000 }
    }
}

/// What one caller used. Serialized into the sandbox's state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// Requests let through.
    pub accepted: u64,
    /// Requests answered 429.
    pub refused: u64,
    #[serde(skip)]
    began_ms: i64,
    #[serde(skip)]
    in_interval: u32,
    #[serde(skip)]
    blocked_until_ms: i64,
}

/// The verdict on one request, with the figures for the answer's headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    limit: u32,
    remaining: u32,
    reset_ms: i64,
}

/// All callers' usage under one set of rules.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rules: LimitRules,
    usage: HashMap<String, Usage>,
}

impl Limits {
    /// Counts one request of `caller`, who has `limit` of them, at `now_ms`.
    pub(crate) fn take(&mut self, caller: &str, limit: u32, now_ms: i64) -> Verdict {
        let rules = self.rules;
        let usage = self.usage.entry(caller.to_owned()).or_default();
        let blocked = rules.enforced && now_ms < usage.blocked_until_ms;
        if !blocked && (usage.blocked_until_ms > 0 || now_ms - usage.began_ms >= rules.interval_ms) {
            (usage.began_ms, usage.in_interval, usage.blocked_until_ms) = (now_ms, 0, 0);
        }
        let allowed = !rules.enforced || !blocked && usage.in_interval < limit;
        if allowed {
            usage.accepted += 1;
            usage.in_interval = usage.in_interval.saturating_add(1);
        } else {
            usage.refused += 1;
            if !blocked {
                usage.blocked_until_ms = now_ms.saturating_add(rules.block_ms);
            }
        }
        let until_ms = if allowed { usage.began_ms.saturating_add(rules.interval_ms) } else { usage.blocked_until_ms };
        let remaining = if allowed { limit.saturating_sub(usage.in_interval) } else { 0 };
        Verdict { allowed, limit, remaining, reset_ms: until_ms - now_ms }
    }

    pub(crate) fn usage(&self) -> &HashMap<String, Usage> {
        &self.usage
    }

    pub(crate) fn clear(&mut self) {
        self.usage.clear();
    }
}

impl Verdict {
    /// The three headers of the limit named `Default`; the reset is in seconds from now.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let figures = [
            ("x-ratelimit-limit-default", i64::from(self.limit)),
            ("x-ratelimit-remaining-default", i64::from(self.remaining)),
            ("x-ratelimit-reset-default", self.reset_ms.max(0).saturating_add(999) / 1_000),
        ];
        for (name, value) in figures {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_key: u32) -> Limits {
        Limits { rules: LimitRules { per_key, ..LimitRules::default() }, ..Limits::default() }
    }

    #[test]
    fn one_too_many_shuts_out_for_a_minute_and_a_refusal_does_not_prolong_it() {
        let mut limits = limits(3);
        assert!((0..3).all(|turn| limits.take("key", 3, 1_000 + turn).allowed));
        let refused = limits.take("key", 3, 31_000);
        assert_eq!((refused.allowed, refused.remaining, refused.reset_ms), (false, 0, 60_000));
        assert!(!limits.take("key", 3, 90_999).allowed);
        assert!(limits.take("key", 3, 91_000).allowed);
        assert_eq!(limits.usage()["key"].refused, 2);
    }

    #[test]
    fn an_interval_begins_with_its_first_request() {
        let mut limits = limits(2);
        assert_eq!(limits.take("key", 2, 100_000).reset_ms, 60_000);
        let second = limits.take("key", 2, 130_000);
        assert_eq!((second.remaining, second.reset_ms), (0, 30_000));
        assert!(limits.take("key", 2, 160_000).allowed);
        assert!(limits.take("other", 2, 160_000).allowed);
    }
}
