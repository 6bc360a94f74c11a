use std::time::Duration;

use sidecar_core::rate_limit::Scope;

/// How long the window of [`RateLimitPolicy::per_minute`] is.
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = crate::config::DAY;

/// How many calls a client lets go, beside what the provider allows. From
/// [`GhlClientBuilder::rate_limit`](crate::GhlClientBuilder::rate_limit).
///
/// The provider's own quota ([`BURST_LIMIT`](crate::config::BURST_LIMIT) in
/// [`BURST_SPAN`](crate::config::BURST_SPAN) and [`DAY_LIMIT`](crate::config::DAY_LIMIT) a day, for each app and location or
/// company) always holds and follows what its answers say. A policy only ever adds limits of one's own, which no answer
/// changes.
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
    /// The provider's quota and nothing beside: 100 calls in 10 s and 200,000 a day
    /// (<https://marketplace.gohighlevel.com/docs/oauth/rate-limits>).
    pub const PUBLISHED: Self = Self { minute: None, day: None };

    /// 250 calls a minute for each location or company, to stay under 300, and 10,000 a day for the whole organization: for
    /// applications that were planned with these numbers. The provider's burst still holds: 250 calls at once would break it.
    pub const CAUTIOUS: Self = Self { minute: Some(250), day: Some(10_000) };

    /// At most so many calls in any minute for each location or company.
    #[must_use]
    pub const fn per_minute(mut self, calls: u32) -> Self {
        self.minute = Some(calls);
        self
    }

    /// At most so many calls a day for the whole organization; where the client has one token instead of an organization's
    /// ([`GhlClientBuilder::tokens`](crate::GhlClientBuilder::tokens)), for each location or company. The day begins with the
    /// first call.
    #[must_use]
    pub const fn per_day(mut self, calls: u32) -> Self {
        self.day = Some(calls);
        self
    }

    /// The policy's own window, for a location or company.
    pub(crate) fn minute_scope(self, app: &str, resource: &str) -> Option<Scope> {
        self.minute.map(|calls| Scope::sliding_window(format!("ghl:policy-minute:{app}:{resource}"), calls, MINUTE))
    }

    /// The policy's own day, for whoever it is counted for.
    pub(crate) fn day_scope(self, app: &str, owner: &str) -> Option<Scope> {
        self.day.map(|calls| Scope::fixed_window(format!("ghl:policy-day:{app}:{owner}"), calls, DAY))
    }
}
