use sidecar_core::{
    Error, Result,
    client::QuotaStatus,
    rate_limit::{Quota, Scope},
};

use super::{Auth, GhlClient, Resource};
use crate::{
    error::GhlErrorReason,
    limits,
    model::{CompanyId, LocationId},
};

/// How much of its rate limits a location or company has used. From [`GhlClient::quota_status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GhlQuotaStatus {
    /// The provider's burst limit: 100 calls in 10 s.
    pub burst: QuotaStatus,
    /// The provider's daily limit: 200,000 calls.
    pub day: QuotaStatus,
    /// The minute limit of the [`RateLimitPolicy`](crate::RateLimitPolicy), if it has one.
    pub policy_minute: Option<QuotaStatus>,
    /// The daily limit of the policy, if it has one.
    pub policy_day: Option<QuotaStatus>,
}

impl GhlQuotaStatus {
    /// Returns how many calls are left today, by the provider's and the policy's limits. Background calls leave the last tenth.
    pub fn remaining_today(&self) -> u32 {
        self.policy_day.map_or(self.day.remaining, |policy| policy.remaining.min(self.day.remaining))
    }
}

impl GhlClient {
    /// Returns how much of its rate limits a location has used: for dashboards, and for jobs to check before they start. Sends
    /// nothing; before the first response it is what this process has counted.
    ///
    /// ```no_run
    /// # async fn run(ghl: ghl_client::GhlClient) -> ghl_client::Result<()> {
    /// let quota = ghl.quota_status("ve9EPM428h8vShlRW1KT").await?;
    /// println!("{} of {} calls left today", quota.remaining_today(), quota.day.limit);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid id; [`ErrorKind::Store`](crate::ErrorKind::Store)
    /// when a shared limiter does not respond.
    pub async fn quota_status(&self, location: impl Into<LocationId>) -> Result<GhlQuotaStatus> {
        self.status_of(&Resource::Location(location.into())).await
    }

    /// Returns how much of its rate limits a company has used.
    ///
    /// # Errors
    /// As [`GhlClient::quota_status`].
    pub async fn company_quota_status(&self, company: impl Into<CompanyId>) -> Result<GhlQuotaStatus> {
        self.status_of(&Resource::Company(company.into())).await
    }

    async fn status_of(&self, resource: &Resource) -> Result<GhlQuotaStatus> {
        resource.check()?;
        let pipeline = &self.0.pipeline;
        let [burst, day] = limits::scopes(&self.0.app, resource);
        let [policy_minute, policy_day] = self.policy_scopes(resource);
        let optional = async |scope: Option<Scope>| match scope {
            Some(scope) => pipeline.quota_status(&scope).await.map(Some),
            None => Ok(None),
        };
        Ok(GhlQuotaStatus {
            burst: pipeline.quota_status(&burst).await?,
            day: pipeline.quota_status(&day).await?,
            policy_minute: optional(policy_minute).await?,
            policy_day: optional(policy_day).await?,
        })
    }

    /// Returns every scope that a call counts against.
    pub(super) fn scopes(&self, resource: &Resource) -> Vec<Scope> {
        let mut scopes = Vec::from(limits::scopes(&self.0.app, resource));
        scopes.extend(self.policy_scopes(resource).into_iter().flatten());
        scopes
    }

    /// Returns the minute and the day of the policy.
    fn policy_scopes(&self, resource: &Resource) -> [Option<Scope>; 2] {
        let (app, name, policy) = (&*self.0.app, resource.key(), self.0.rate_limit);
        let owner = match &self.0.auth {
            Auth::PerResource(tokens) => format!("organization:{}", tokens.organization()),
            Auth::Fixed(..) => name.clone(),
        };
        [policy.minute_scope(app, &name), policy.day_scope(app, &owner)]
    }

    /// Adds when our own daily counter resets, for a spent day of which the provider did not report the reset.
    pub(super) async fn with_counted_reset(&self, error: Error, scopes: &[Scope]) -> Error {
        // The provider's day precedes the policy's.
        let is_day = |scope: &&Scope| matches!(scope.quota(), Quota::FixedWindow { .. });
        let (Some(limiter), Some(day)) = (self.0.pipeline.limiter(), scopes.iter().find(is_day)) else {
            return error;
        };
        match limiter.usage(day).await.ok().and_then(|usage| usage.resets_in) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// Adds which limit delayed a call beyond its deadline. The call was not sent.
    pub(super) fn with_limit_reason(error: Error) -> Error {
        let wait = error.retry_after().unwrap_or_default();
        error.with_detail(if wait > limits::MAX_WINDOW_WAIT {
            GhlErrorReason::DayLimit { announced: false }
        } else {
            GhlErrorReason::BurstLimit
        })
    }
}
