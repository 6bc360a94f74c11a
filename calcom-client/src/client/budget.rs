use sidecar_core::{Error, ErrorKind, Result, rate_limit::Scope};

use super::CalcomClient;
use crate::limits::{Allowance, Budget};

impl CalcomClient {
    /// How much of its limits the account has used: what a dashboard shows, and what a job looks at before it begins. Nothing is
    /// sent; before the first answer it is what this process has counted.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when a shared limiter does not answer.
    pub async fn budget(&self) -> Result<Budget> {
        let [pace, minute] = self.0.limits.scopes();
        Ok(Budget { pace: self.allowance(&pace).await?, minute: self.allowance(&minute).await? })
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
}
