//! GHL's rate limits per app and resource: a burst limit and a daily limit.
//! Pure functions of the given times. Rejected requests do not count against the limits.

use std::collections::{HashMap, VecDeque};

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::clock::DAY_MS;
use crate::http_io::write_headers;

/// The windows that enforce the burst limit. The provider does not document them, so clients must work with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Fixed windows, aligned to the epoch plus `offset_ms`.
    Fixed,
    /// A sliding window of `interval_ms`.
    Sliding,
    /// Both; a request needs capacity in each.
    Both,
}

/// The rate limits. The defaults are those that GHL publishes (marketplace docs, "rate limits").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// Rejects requests above the limits; `false` only counts.
    pub enforced: bool,
    /// Requests per burst interval.
    pub burst: u32,
    /// Length of the burst interval in milliseconds.
    pub interval_ms: i64,
    /// Requests per UTC day.
    pub daily: u32,
    /// The windows that enforce the burst limit.
    pub window: WindowKind,
    /// Start of the fixed windows, in milliseconds after a multiple of the interval.
    pub offset_ms: i64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self { enforced: true, burst: 100, interval_ms: 10_000, daily: 200_000, window: WindowKind::Both, offset_ms: 0 }
    }
}

/// Requests of one resource.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// Requests accepted.
    pub accepted: u64,
    /// Requests rejected with 429.
    pub rejected: u64,
    /// Requests accepted today.
    pub today: u32,
    #[serde(skip)]
    day: i64,
    #[serde(skip)]
    window: i64,
    #[serde(skip)]
    in_window: u32,
    #[serde(skip)]
    recent: VecDeque<i64>,
}

/// The decision on one request and the values of the response headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimitDecision {
    pub(crate) allowed: bool,
    rules: LimitRules,
    burst_remaining: u32,
    daily_remaining: u32,
}

/// The usage of all resources.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rules: LimitRules,
    usage: HashMap<String, Usage>,
}

impl Limits {
    /// Counts a request of `resource` at `now_ms`.
    pub(crate) fn take(&mut self, resource: &str, now_ms: i64) -> RateLimitDecision {
        let rules = self.rules;
        let usage = self.usage.entry(resource.to_owned()).or_default();
        usage.advance(&rules, now_ms);
        let allowed = !rules.enforced || usage.burst_remaining(&rules) > 0 && usage.today < rules.daily;
        if allowed {
            usage.accepted += 1;
            usage.today += 1;
            usage.in_window += 1;
            usage.recent.push_back(now_ms);
        } else {
            usage.rejected += 1;
        }
        RateLimitDecision {
            allowed,
            rules,
            burst_remaining: usage.burst_remaining(&rules),
            daily_remaining: rules.daily.saturating_sub(usage.today),
        }
    }

    pub(crate) fn usage(&self) -> &HashMap<String, Usage> {
        &self.usage
    }

    /// Sets the number of requests that `resource` has used today.
    pub(crate) fn set_daily_usage(&mut self, resource: &str, used: u32, now_ms: i64) {
        let usage = self.usage.entry(resource.to_owned()).or_default();
        usage.advance(&self.rules, now_ms);
        usage.today = used;
    }
}

impl Usage {
    fn advance(&mut self, rules: &LimitRules, now_ms: i64) {
        let day = now_ms.div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.today = 0;
        }
        let interval = rules.interval_ms.max(1);
        let window = (now_ms - rules.offset_ms).div_euclid(interval);
        if window != self.window {
            self.window = window;
            self.in_window = 0;
        }
        while self.recent.front().is_some_and(|index| now_ms - index >= interval) {
            self.recent.pop_front();
        }
    }

    fn burst_remaining(&self, rules: &LimitRules) -> u32 {
        let fixed = rules.burst.saturating_sub(self.in_window);
        let sliding = rules.burst.saturating_sub(u32::try_from(self.recent.len()).unwrap_or(u32::MAX));
        match rules.window {
            WindowKind::Fixed => fixed,
            WindowKind::Sliding => sliding,
            WindowKind::Both => fixed.min(sliding),
        }
    }
}

impl RateLimitDecision {
    /// Writes the five headers of every response.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        write_headers(
            headers,
            [
                ("x-ratelimit-limit-daily", i64::from(self.rules.daily)),
                ("x-ratelimit-daily-remaining", i64::from(self.daily_remaining)),
                ("x-ratelimit-interval-milliseconds", self.rules.interval_ms),
                ("x-ratelimit-max", i64::from(self.rules.burst)),
                ("x-ratelimit-remaining", i64::from(self.burst_remaining)),
            ],
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_interval_contains_more_than_the_burst(
            gaps in prop::collection::vec(0_i64..40, 1..2_000),
            offset_ms in 0_i64..1_000,
        ) {
            let rules = LimitRules { burst: 20, interval_ms: 1_000, window: WindowKind::Both, offset_ms, ..LimitRules::default() };
            let mut limits = Limits { rules, ..Limits::default() };
            let mut now_ms = 0;
            let mut accepted = Vec::new();
            for gap in gaps {
                now_ms += gap;
                if limits.take("L", now_ms).allowed {
                    accepted.push(now_ms);
                }
            }
            for (index, last) in accepted.iter().enumerate().skip(20) {
                prop_assert!(last - accepted[index - 20] >= 1_000);
            }
        }

        #[test]
        fn requests_below_the_burst_limit_are_accepted(start_ms in 0_i64..10_000, gap in 50_i64..80) {
            let rules = LimitRules { burst: 20, interval_ms: 1_000, ..LimitRules::default() };
            let mut limits = Limits { rules, ..Limits::default() };
            for request in 0..200 {
                prop_assert!(limits.take("L", start_ms + request * gap).allowed);
            }
        }
    }
}
