/// The pace of a client's calls. For [`CalcomClientBuilder::rate_limit`](crate::CalcomClientBuilder::rate_limit).
///
/// It stays below the provider's limit, because the provider locks accounts that exceed it often. The provider's minute applies in
/// addition and follows the response headers.
///
/// ```
/// use calcom_client::RateLimitPolicy;
/// assert_eq!(RateLimitPolicy::default(), RateLimitPolicy::API_KEY);
/// let slow = RateLimitPolicy::API_KEY.per_minute(30).burst(2);
/// assert_ne!(slow, RateLimitPolicy::OAUTH);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitPolicy {
    per_minute: u32,
    burst: u32,
}

impl RateLimitPolicy {
    /// 100 calls a minute, 10 at once: for API keys and calls without credentials, which may make 120
    /// ([`KEY_LIMIT`](crate::config::KEY_LIMIT)).
    pub const API_KEY: Self = Self { per_minute: 100, burst: 10 };

    /// 400 calls a minute, 20 at once: for OAuth tokens, which may make 500 ([`OAUTH_LIMIT`](crate::config::OAUTH_LIMIT)).
    pub const OAUTH: Self = Self { per_minute: 400, burst: 20 };

    /// Sets the calls a minute, evenly distributed.
    #[must_use]
    pub const fn per_minute(mut self, calls: u32) -> Self {
        self.per_minute = calls;
        self
    }

    /// Sets the calls at once after a pause.
    #[must_use]
    pub const fn burst(mut self, calls: u32) -> Self {
        self.burst = calls;
        self
    }

    pub(super) fn per_second(self) -> f64 {
        f64::from(self.per_minute) / 60.0
    }

    pub(super) const fn max_burst(self) -> u32 {
        self.burst
    }

    /// Returns the most calls that the pace allows in a minute.
    pub(super) const fn max_per_minute(self) -> u32 {
        self.per_minute.saturating_add(self.burst)
    }
}

impl Default for RateLimitPolicy {
    fn default() -> Self {
        Self::API_KEY
    }
}
