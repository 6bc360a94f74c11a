//! Health: asking what the application depends on whether it is there.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use serde::Serialize;

use crate::time::{Clock, timeout};

/// How a dependency stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// It answered.
    Up,
    /// It did not, or with an error.
    Down,
    /// It is not configured, which is no failure.
    Off,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How it stands.
    pub state: HealthStatus,
    /// How long it took to answer, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Why it is down, or what to set when it is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One dependency that can be asked.
#[async_trait]
pub trait HealthCheck: Send + Sync + fmt::Debug {
    /// Its name in reports, such as `ghl` or `database`.
    fn name(&self) -> Cow<'static, str>;

    /// What is missing in the configuration, when the dependency is off.
    fn off(&self) -> Option<String> {
        None
    }

    /// Asks it.
    ///
    /// # Errors
    /// A text for the operator, without secrets.
    async fn check(&self) -> Result<(), String>;
}

/// Asks all at once, each for at most `limit`. In the order of `checks`.
pub async fn check_all(
    clock: &dyn Clock,
    limit: Duration,
    checks: &[Arc<dyn HealthCheck>],
) -> Vec<(Cow<'static, str>, Health)> {
    join_all(checks.iter().map(|check| async move { (check.name(), measure(clock, limit, &**check).await) })).await
}

async fn measure(clock: &dyn Clock, limit: Duration, check: &dyn HealthCheck) -> Health {
    if let Some(missing) = check.off() {
        return Health { state: HealthStatus::Off, latency_ms: None, error: Some(missing) };
    }
    let started = clock.monotonic();
    let error = match timeout(clock, limit, check.check()).await {
        Ok(answer) => answer.err(),
        Err(elapsed) => Some(elapsed.to_string()),
    };
    let latency = clock.monotonic().saturating_sub(started).as_millis();
    Health {
        state: if error.is_none() { HealthStatus::Up } else { HealthStatus::Down },
        latency_ms: u64::try_from(latency).ok(),
        error,
    }
}
