//! Whether the process lives, takes requests, and reaches what it depends on.
//!
//! Invariant: checks of dependencies are cached, so that frequent requests cost little.

pub mod cache;
mod checks;
mod routes;

use std::{sync::Arc, time::Duration};

use sidecar_core::health::{HealthCheck, check_all};

pub use routes::{
    __path_integrations, __path_live, __path_ready, Alive, Detail, Integrations, integrations, live, ready,
};

use self::{
    cache::HealthResults,
    checks::{DatabaseCheck, RedisCheck},
};
use crate::{app::App, calcom::health::CalcomCheck, ghl::health::GhlCheck};

/// How long a dependency may take to respond.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Checks every dependency now.
pub async fn check(app: &App) -> HealthResults {
    let checks: [Arc<dyn HealthCheck>; 4] = [
        Arc::new(DatabaseCheck(app.clone())),
        Arc::new(GhlCheck(app.clone())),
        Arc::new(CalcomCheck::new(app.clone()).await),
        Arc::new(RedisCheck(app.clone())),
    ];
    check_all(&*app.clock, CHECK_TIMEOUT, &checks).await
}
