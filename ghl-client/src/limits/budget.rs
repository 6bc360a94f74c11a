use sidecar_core::{Timestamp, rate_limit::Usage};

/// How much of its limits a location or company has used. From [`GhlClient::budget`](crate::GhlClient::budget).
///
/// Counted are the calls of every client that shares the limiter, and those of others on the same quota as soon as an answer's
/// headers have told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The provider's burst: 100 calls in 10 s.
    pub burst: Allowance,
    /// The provider's day: 200,000 calls.
    pub day: Allowance,
    /// The policy's minute, where it has one.
    pub policy_minute: Option<Allowance>,
    /// The policy's day, where it has one.
    pub policy_day: Option<Allowance>,
}

impl Budget {
    /// Calls that may still be made today, by the provider's day and the policy's. A background call leaves the last tenth.
    pub fn remaining_today(&self) -> u32 {
        self.policy_day.map_or(self.day.remaining, |policy| policy.remaining.min(self.day.remaining))
    }
}

/// How much of one limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that are allowed: ours by the published page, or what the provider's headers said last.
    pub limit: u32,
    /// Calls that count now.
    pub used: u32,
    /// Calls that are left.
    pub remaining: u32,
    /// When all of it is free again if no further call is made, as the provider said or as we counted; `None` when it is free
    /// now. A day's counter starts anew then.
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
