use sidecar_core::{Timestamp, rate_limit::Usage};

/// How much of its limits an account has used. From [`CalcomClient::budget`](crate::CalcomClient::budget).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Our own pace: `limit` is what may go at once.
    pub pace: Allowance,
    /// The provider's minute, as it was published or as its headers said last.
    pub minute: Allowance,
}

/// How much of one limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that are allowed.
    pub limit: u32,
    /// Calls that count now.
    pub used: u32,
    /// Calls that are left.
    pub remaining: u32,
    /// When all of it is free again if no further call is made; `None` when it is free now.
    pub resets_at: Option<Timestamp>,
}

impl Allowance {
    pub(crate) fn new(usage: Usage, now: Timestamp) -> Self {
        Self {
            limit: usage.limit,
            used: usage.used,
            remaining: usage.limit.saturating_sub(usage.used),
            resets_at: usage.resets_in.map(|wait| now + wait),
        }
    }
}
