use std::time::Duration;

use sidecar_core::rate_limit::Scope;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = crate::config::DAY;

/// Limits of the client in addition to the provider's. For
/// [`GhlClientBuilder::rate_limit`](crate::GhlClientBuilder::rate_limit).
///
/// The provider's own quota ([`BURST_LIMIT`](crate::config::BURST_LIMIT) in
/// [`BURST_SPAN`](crate::config::BURST_SPAN) and [`DAY_LIMIT`](crate::config::DAY_LIMIT) a day, for each app and location or
/// company) always applies and follows the headers of its responses. A policy only adds limits, which no response changes.
///
/// ```
/// use ghl_client::RateLimitPolicy;
/// assert_eq!(RateLimitPolicy::default(), RateLimitPolicy::PUBLISHED);
/// let half = RateLimitPolicy::PUBLISHED.per_minute(300).per_day(100_000);
/// assert_ne!(half, RateLimitPolicy::CAUTIOUS);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimitPolicy {
    minute: Option<u32>,
    day: Option<u32>,
}

impl RateLimitPolicy {
    /// The provider's quota only: 100 calls in 10 s and 200,000 a day
    /// (<https://marketplace.gohighlevel.com/docs/oauth/rate-limits>).
    pub const PUBLISHED: Self = Self { minute: None, day: None };

    /// 250 calls a minute for each location or company, to stay under 300, and 10,000 a day for the whole organization: for
    /// applications planned with these numbers. The provider's burst limit still applies: 250 calls at once would exceed it.
    pub const CAUTIOUS: Self = Self { minute: Some(250), day: Some(10_000) };

    /// Limits the calls in any minute for each location or company.
    #[must_use]
    pub const fn per_minute(mut self, calls: u32) -> Self {
        self.minute = Some(calls);
        self
    }

    /// Limits the calls a day for the whole organization; for each location or company if the client has one token instead of an
    /// organization's ([`GhlClientBuilder::tokens`](crate::GhlClientBuilder::tokens)). The day starts with the first call.
    #[must_use]
    pub const fn per_day(mut self, calls: u32) -> Self {
        self.day = Some(calls);
        self
    }

    /// Returns the scope of a minute, for a location or company.
    pub(crate) fn minute_scope(self, app: &str, resource: &str) -> Option<Scope> {
        self.minute.map(|calls| Scope::sliding_window(format!("ghl:policy-minute:{app}:{resource}"), calls, MINUTE))
    }

    /// Returns the scope of a day, for an organization or a resource.
    pub(crate) fn day_scope(self, app: &str, owner: &str) -> Option<Scope> {
        self.day.map(|calls| Scope::fixed_window(format!("ghl:policy-day:{app}:{owner}"), calls, DAY))
    }
}
