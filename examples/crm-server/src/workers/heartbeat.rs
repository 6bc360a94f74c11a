//! Says that this process is alive, and learns with how many others it shares what the providers allow.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;

/// How often.
const BEAT: Duration = Duration::from_secs(3);
/// How long the others count on a process that fell silent.
const ALIVE: Duration = Duration::from_secs(10);

/// Until `stop`; then the others are told at once. While the store cannot be reached, the number last heard holds.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let process = Uuid::new_v4().to_string();
    while !stop.is_cancelled() {
        match app.store.heartbeat(&process, ALIVE).await {
            Ok(alive) => app.rate_limits.set_processes(alive),
            Err(error) => tracing::warn!(%error, "this process could not say that it is alive"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.clock.sleep(BEAT) => {}
        }
    }
    if let Err(error) = app.store.deregister(&process).await {
        tracing::warn!(%error, "the other processes count on this one until its time has run out");
    }
}
