use std::{borrow::Cow, time::Duration};

use sidecar_core::{Clock, health::Health};
use tokio::sync::Mutex;

/// How long results are cached.
const HEALTH_TTL: Duration = Duration::from_secs(10);

/// Each dependency and its health.
pub type HealthResults = Vec<(Cow<'static, str>, Health)>;

/// The results of the last checks. Concurrent callers wait for one run of the checks.
#[derive(Debug, Default)]
pub struct HealthCache(Mutex<Option<(Duration, HealthResults)>>);

impl HealthCache {
    /// Returns the cached results, or those of `check` once they are too old.
    pub(crate) async fn get_or(&self, clock: &dyn Clock, check: impl Future<Output = HealthResults>) -> HealthResults {
        let mut cached = self.0.lock().await;
        if let Some((at, results)) = &*cached
            && clock.monotonic().saturating_sub(*at) < HEALTH_TTL
        {
            return results.clone();
        }
        let results = check.await;
        *cached = Some((clock.monotonic(), results.clone()));
        results
    }
}
