//! Whether the server lives, takes requests, and finds what it depends on.
//!
//! Invariant: asking costs little however often it is done: the answers of dependencies are kept for a while.

mod calcom;
mod checks;
mod routes;

use std::{borrow::Cow, sync::Arc, time::Duration};

use sidecar_core::health::{Health, HealthCheck, check_all};
use tokio::sync::Mutex;

pub use calcom::CalcomCheck;
pub use checks::{DatabaseCheck, GhlCheck, RedisCheck};
pub use routes::{
    __path_integrations, __path_live, __path_ready, Alive, Detail, Integrations, integrations, live, ready,
};

use crate::app::App;

/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(10);

/// Each dependency and how it stands.
pub type Findings = Vec<(Cow<'static, str>, Health)>;

/// The answers of the last time. Callers who come meanwhile wait for the one who asks.
#[derive(Debug, Default)]
pub struct HealthDesk(Mutex<Option<(Duration, Findings)>>);

impl HealthDesk {
    /// How the dependencies stand, or stood a moment ago.
    pub async fn findings(&self, app: &App) -> Findings {
        let mut last = self.0.lock().await;
        let now = app.clock.monotonic();
        if let Some((at, findings)) = &*last
            && now.saturating_sub(*at) < KEPT
        {
            return findings.clone();
        }
        let findings = ask(app).await;
        *last = Some((app.clock.monotonic(), findings.clone()));
        findings
    }
}

/// Asks every dependency now.
pub async fn ask(app: &App) -> Findings {
    let checks: [Arc<dyn HealthCheck>; 4] = [
        Arc::new(DatabaseCheck::new(app.clone())),
        Arc::new(GhlCheck::new(app.clone())),
        Arc::new(CalcomCheck::new(app.clone()).await),
        Arc::new(RedisCheck::new(app.clone())),
    ];
    check_all(&*app.clock, PATIENCE, &checks).await
}
