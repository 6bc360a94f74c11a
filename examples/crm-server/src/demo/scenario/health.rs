//! At the end everything is up, nothing waits, nothing was given up, and the providers never had to say "too many".

use http::{Method, StatusCode};

use super::Story;
use crate::demo::{
    http::{Wrong, ensure},
    probes::count,
    report::Counts,
};

impl Story {
    pub(super) async fn health(&mut self) -> Result<Counts, Wrong> {
        self.server.call_as_nobody("/health/live", &[]).await?.require(StatusCode::OK)?;
        self.server.call_as_nobody("/health/ready", &[]).await?.require(StatusCode::OK)?;
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
        ensure(dead.is_empty(), || format!("{} deliveries or tasks were given up, first: {}", dead.len(), dead[0]))?;
        let metrics = self.server.call(Method::GET, "/metrics", None).await?.require(StatusCode::OK)?.text();
        ensure(metrics.lines().any(|line| !line.starts_with('#')), || "there are no metrics".to_owned())?;
        self.server.call_as_nobody("/metrics", &[]).await?.require(StatusCode::UNAUTHORIZED)?;

        let refused = self.refused().await? - self.refused_before;
        ensure(refused == 0, || format!("the providers refused {refused} requests for their limits"))?;
        Ok(Counts::new().with("refused_for_limits", refused).with("dead_letters", dead.len()))
    }

    /// Requests that the providers refused for their limits.
    pub(in crate::demo) async fn refused(&self) -> Result<u64, Wrong> {
        let mut refused = 0;
        for state in [self.provider.state(false).await?, self.provider.calcom_state(false).await?] {
            let limits = state["counts"]["limits"].as_object().cloned().unwrap_or_default();
            refused += limits.values().map(|usage| count(usage, "/rejected")).sum::<u64>();
        }
        Ok(refused)
    }
}
