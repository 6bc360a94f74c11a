use sidecar_core::{Result, client::QuotaStatus};

use super::CalcomClient;

/// How much of its rate limits an account has used. From [`CalcomClient::quota_status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalcomQuotaStatus {
    /// The client's own pace: `limit` calls may go at once.
    pub pace: QuotaStatus,
    /// The provider's limit per minute.
    pub minute: QuotaStatus,
}

impl CalcomClient {
    /// Returns how much of its rate limits the account has used: for dashboards, and for jobs to check before they start. Sends
    /// nothing; before the first response it is what this process has counted.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when a shared limiter does not respond.
    pub async fn quota_status(&self) -> Result<CalcomQuotaStatus> {
        let ([pace, minute], pipeline) = (self.0.limits.scopes(), &self.0.pipeline);
        Ok(CalcomQuotaStatus {
            pace: pipeline.quota_status(&pace).await?,
            minute: pipeline.quota_status(&minute).await?,
        })
    }
}
