//! Reports that this process is alive, and learns how many processes share the providers' rate limits.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
/// How long a silent process counts as alive.
const HEARTBEAT_TTL: Duration = Duration::from_secs(10);

/// Runs until `stop`, then deregisters. While the store is unreachable, the last known number of processes applies.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let process = Uuid::new_v4().to_string();
    while !stop.is_cancelled() {
        match app.store.heartbeat(&process, HEARTBEAT_TTL).await {
            Ok(alive) => app.rate_limits.set_processes(alive),
            Err(error) => tracing::warn!(%error, "the heartbeat failed"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.clock.sleep(HEARTBEAT_INTERVAL) => {}
        }
    }
    if let Err(error) = app.store.deregister(&process).await {
        tracing::warn!(%error, "this process counts as alive until its heartbeat expires");
    }
}
