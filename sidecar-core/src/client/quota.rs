use crate::{
    Error, ErrorKind, Result, Timestamp,
    http::Pipeline,
    rate_limit::{Scope, Usage},
};

/// How much of one rate limit is used.
///
/// It counts the calls of every client that shares the limiter, and those of other applications on the same quota once a response's
/// headers have reported them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaStatus {
    /// Allowed calls: the published number, or the last one that the provider's headers reported.
    pub limit: u32,
    /// Calls that count now.
    pub used: u32,
    /// Calls that are left.
    pub remaining: u32,
    /// When all calls are free again if none is made until then; `None` if they are free now.
    pub resets_at: Option<Timestamp>,
}

impl QuotaStatus {
    fn new(usage: Usage, now: Timestamp) -> Self {
        Self {
            limit: usage.limit,
            used: usage.used,
            remaining: usage.limit.saturating_sub(usage.used),
            resets_at: usage.resets_in.map(|wait| now + wait),
        }
    }
}

impl Pipeline {
    /// Returns how much of a scope's quota is used. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a limiter; [`ErrorKind::Store`] when a shared limiter does not respond.
    pub async fn quota_status(&self, scope: &Scope) -> Result<QuotaStatus> {
        let limiter = self.limiter().ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the client has no limiter"))?;
        let usage = limiter.usage(scope).await.map_err(|error| {
            Error::new(ErrorKind::Store, format!("the limiter does not respond: {error}")).with_source(error)
        })?;
        Ok(QuotaStatus::new(usage, self.clock().now()))
    }
}
