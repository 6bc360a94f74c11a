//! The provider's request limits per (app, resource): a burst and a day, and which windows enforce the burst.
//! Pure bookkeeping over given times; a refused request spends nothing.

use std::collections::{HashMap, VecDeque};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::clock::DAY_MS;

/// How the burst limit is enforced. The provider does not say; a client must survive each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Windows aligned to the epoch plus `offset_ms`.
    Fixed,
    /// Any span of `interval_ms`.
    Sliding,
    /// Refused when either says no.
    Both,
}

/// The limits in force. Defaults are GHL's published ones (marketplace docs, "rate limits").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRules {
    /// False: nothing is refused, everything is counted.
    pub enforced: bool,
    /// Requests per interval.
    pub burst: u32,
    /// Length of the burst interval in milliseconds.
    pub interval_ms: i64,
    /// Requests per day (UTC).
    pub daily: u32,
    /// Which windows enforce the burst.
    pub window: WindowKind,
    /// Where fixed windows begin, in milliseconds after a multiple of the interval.
    pub offset_ms: i64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self { enforced: true, burst: 100, interval_ms: 10_000, daily: 200_000, window: WindowKind::Both, offset_ms: 0 }
    }
}

/// What one resource used. Serialized into the sandbox's state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Usage {
    /// Requests let through.
    pub accepted: u64,
    /// Requests answered 429.
    pub refused: u64,
    /// Requests let through today.
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

/// The verdict on one request, with the figures for the answer's headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    rules: LimitRules,
    burst_left: u32,
    daily_left: u32,
}

/// All resources' usage under one set of rules.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) rules: LimitRules,
    usage: HashMap<String, Usage>,
}

impl Limits {
    /// Counts one request of `resource` at `now_ms`.
    pub(crate) fn take(&mut self, resource: &str, now_ms: i64) -> Verdict {
        let rules = self.rules;
        let usage = self.usage.entry(resource.to_owned()).or_default();
        usage.advance(&rules, now_ms);
        let allowed = !rules.enforced || usage.burst_left(&rules) > 0 && usage.today < rules.daily;
        if allowed {
            usage.accepted += 1;
            usage.today += 1;
            usage.in_window += 1;
            usage.recent.push_back(now_ms);
        } else {
            usage.refused += 1;
        }
        Verdict {
            allowed,
            rules,
            burst_left: usage.burst_left(&rules),
            daily_left: rules.daily.saturating_sub(usage.today),
        }
    }

    pub(crate) fn usage(&self) -> &HashMap<String, Usage> {
        &self.usage
    }

    /// Pretends that `resource` already spent `used` of its day.
    pub(crate) fn spend_day(&mut self, resource: &str, used: u32, now_ms: i64) {
        let usage = self.usage.entry(resource.to_owned()).or_default();
        usage.advance(&self.rules, now_ms);
        usage.today = used;
    }

    pub(crate) fn clear(&mut self) {
        self.usage.clear();
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
        while self.recent.front().is_some_and(|at| now_ms - at >= interval) {
            self.recent.pop_front();
        }
    }

    fn burst_left(&self, rules: &LimitRules) -> u32 {
        let fixed = rules.burst.saturating_sub(self.in_window);
        let sliding = rules.burst.saturating_sub(u32::try_from(self.recent.len()).unwrap_or(u32::MAX));
        match rules.window {
            WindowKind::Fixed => fixed,
            WindowKind::Sliding => sliding,
            WindowKind::Both => fixed.min(sliding),
        }
    }
}

impl Verdict {
    /// The five headers GHL puts on every answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let figures = [
            ("x-ratelimit-limit-daily", i64::from(self.rules.daily)),
            ("x-ratelimit-daily-remaining", i64::from(self.daily_left)),
            ("x-ratelimit-interval-milliseconds", self.rules.interval_ms),
            ("x-ratelimit-max", i64::from(self.rules.burst)),
            ("x-ratelimit-remaining", i64::from(self.burst_left)),
        ];
        for (name, value) in figures {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_span_of_the_interval_ever_holds_more_than_the_burst(
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
            for (at, last) in accepted.iter().enumerate().skip(20) {
                prop_assert!(last - accepted[at - 20] >= 1_000);
            }
        }

        #[test]
        fn whoever_keeps_below_the_burst_is_never_refused(start_ms in 0_i64..10_000, gap in 50_i64..80) {
            let rules = LimitRules { burst: 20, interval_ms: 1_000, ..LimitRules::default() };
            let mut limits = Limits { rules, ..Limits::default() };
            for turn in 0..200 {
                prop_assert!(limits.take("L", start_ms + turn * gap).allowed);
            }
        }
    }
}
