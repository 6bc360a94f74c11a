//! Housekeeping of the process and of the store.

use std::{sync::Arc, time::Duration};

use sidecar_store::SqlStore;

use crate::app::App;

/// How often recorded durations are aggregated, so that memory stays bounded when nothing scrapes the metrics.
const METRICS_UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often finished rows are purged.
const PURGE_INTERVAL: Duration = Duration::from_secs(3_600);
/// How long finished deliveries and tasks are stored: within this time, duplicates are recognized.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// Runs until the task is aborted.
pub(crate) async fn run(app: App, database: Arc<SqlStore>) {
    let mut purged_at = None;
    loop {
        app.metrics.upkeep();
        let now = app.clock.monotonic();
        if purged_at.is_none_or(|last| now.saturating_sub(last) >= PURGE_INTERVAL) {
            purged_at = Some(now);
            match database.purge_expired(app.now(), RETENTION).await {
                Ok(purged) => tracing::debug!(?purged, "purged finished rows"),
                Err(error) => tracing::warn!(%error, "finished rows could not be purged"),
            }
        }
        app.clock.sleep(METRICS_UPKEEP_INTERVAL).await;
    }
}
