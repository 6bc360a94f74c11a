//! At the end everything is up, there are no dead letters, and no provider limit was exceeded.

use http::{Method, StatusCode};

use super::Scenario;
use crate::demo::{
    http::{CheckFailed, ensure},
    probes::count,
    report::Counts,
};

impl Scenario {
    pub(super) async fn health(&mut self) -> Result<Counts, CheckFailed> {
        self.server.call_without_token("/health/live", &[]).await?.require(StatusCode::OK)?;
        self.server.call_without_token("/health/ready", &[]).await?.require(StatusCode::OK)?;
        let health = self
            .eventually("health", || async {
                let health = self.server.get("/api/health/integrations").await?;
                ensure(health["status"] == "healthy", || health.to_string())?;
                Ok(health)
            })
            .await?;
        for name in ["ghl", "calcom", "database"] {
            let state = &health["integrations"][name];
            ensure(state == "up" || state["state"] == "up", || format!("{name} is not up: {health}"))?;
        }
        let dead = self.server.list(&self.path("dead-letters")).await?;
        ensure(dead.is_empty(), || format!("{} dead letters, first: {}", dead.len(), dead[0]))?;
        let metrics = self.server.call(Method::GET, "/metrics", None).await?.require(StatusCode::OK)?.text();
        ensure(metrics.lines().any(|line| !line.starts_with('#')), || "there are no metrics".to_owned())?;
        self.server.call_without_token("/metrics", &[]).await?.require(StatusCode::UNAUTHORIZED)?;

        let rejected = self.rejected_by_limits().await? - self.rejected_before;
        ensure(rejected == 0, || format!("the providers rejected {rejected} requests for their limits"))?;
        Ok(Counts::new().with("rejected_by_limits", rejected).with("dead_letters", dead.len()))
    }

    /// Returns how many requests the providers rejected for their limits.
    pub(in crate::demo) async fn rejected_by_limits(&self) -> Result<u64, CheckFailed> {
        let mut rejected = 0;
        for state in [self.provider.state(false).await?, self.provider.calcom_state(false).await?] {
            let limits = state["counts"]["limits"].as_object().cloned().unwrap_or_default();
            rejected += limits.values().map(|usage| count(usage, "/rejected")).sum::<u64>();
        }
        Ok(rejected)
    }
}
