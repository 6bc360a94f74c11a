use sidecar_core::{
    Error, ErrorKind, Result,
    rate_limit::{Quota, Scope},
};

use super::{Access, GhlClient, Resource};
use crate::{
    error::GhlErrorReason,
    limits::{self, Allowance, Budget},
    model::{CompanyId, LocationId},
};

impl GhlClient {
    /// How much of its limits a location has used: what a dashboard shows, and what a job looks at before it begins. Nothing is
    /// sent; before the first answer it is what this process has counted.
    ///
    /// ```no_run
    /// # async fn run(ghl: ghl_client::GhlClient) -> ghl_client::Result<()> {
    /// let budget = ghl.budget("ve9EPM428h8vShlRW1KT").await?;
    /// println!("{} of {} calls left today", budget.remaining_today(), budget.day.limit);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id that can be none; [`ErrorKind::Store`] when a shared limiter does not answer.
    pub async fn budget(&self, location: impl Into<LocationId>) -> Result<Budget> {
        self.budget_of(&Resource::Location(location.into())).await
    }

    /// The same for a company.
    ///
    /// # Errors
    /// As [`GhlClient::budget`].
    pub async fn company_budget(&self, company: impl Into<CompanyId>) -> Result<Budget> {
        self.budget_of(&Resource::Company(company.into())).await
    }

    async fn budget_of(&self, resource: &Resource) -> Result<Budget> {
        resource.check()?;
        let [burst, day] = limits::scopes(&self.0.app, resource);
        let [policy_minute, policy_day] = self.policy_scopes(resource);
        Ok(Budget {
            burst: self.allowance(&burst).await?,
            day: self.allowance(&day).await?,
            policy_minute: self.allowance_of(policy_minute).await?,
            policy_day: self.allowance_of(policy_day).await?,
        })
    }

    async fn allowance_of(&self, scope: Option<Scope>) -> Result<Option<Allowance>> {
        match scope {
            Some(scope) => self.allowance(&scope).await.map(Some),
            None => Ok(None),
        }
    }

    async fn allowance(&self, scope: &Scope) -> Result<Allowance> {
        let limiter = self
            .0
            .pipeline
            .limiter()
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "the client has no limiter"))?;
        let usage = limiter.usage(scope).await.map_err(|error| {
            Error::new(ErrorKind::Store, format!("the limiter does not answer: {error}")).with_source(error)
        })?;
        Ok(Allowance::new(usage, self.clock().now()))
    }

    /// Everything that a call counts against.
    pub(super) fn scopes(&self, resource: &Resource) -> Vec<Scope> {
        let mut scopes = Vec::from(limits::scopes(&self.0.app, resource));
        scopes.extend(self.policy_scopes(resource).into_iter().flatten());
        scopes
    }

    /// The policy's minute and day.
    fn policy_scopes(&self, resource: &Resource) -> [Option<Scope>; 2] {
        let (app, name, policy) = (&*self.0.app, resource.key(), self.0.rate_limit);
        let owner = match &self.0.access {
            Access::Resources(tokens) => format!("organization:{}", tokens.organization()),
            Access::Fixed(..) => name.clone(),
        };
        [policy.minute_scope(app, &name), policy.day_scope(app, &owner)]
    }

    /// The provider said that the day is spent but not for how long: our own counter of the day says until when.
    pub(super) async fn with_own_reset(&self, error: Error, scopes: &[Scope]) -> Error {
        // The provider's own day comes before the policy's.
        let (Some(limiter), Some(day)) = (self.0.pipeline.limiter(), scopes.iter().find(|scope| is_budget(scope)))
        else {
            return error;
        };
        match limiter.usage(day).await.ok().and_then(|usage| usage.resets_in) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    /// Says which limit it was that let a call not go before its deadline; nothing was sent.
    pub(super) fn named_limit(error: Error) -> Error {
        let wait = error.retry_after().unwrap_or_default();
        let problem = if wait > limits::LONGEST_WINDOW_WAIT {
            GhlErrorReason::DayLimit { announced: false }
        } else {
            GhlErrorReason::BurstLimit
        };
        error.with_detail(problem)
    }
}

fn is_budget(scope: &Scope) -> bool {
    matches!(scope.quota(), Quota::FixedWindow { .. })
}
