//! Runs the syncs that are due, several in parallel, each at most once at a time.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use sidecar_core::{
    StoreError,
    sync::{SyncError, SyncKey, SyncObserver, SyncReport, SyncStatus},
};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{app::App, sync::run};

/// Parallel runs of one process. Each location has its own rate limit; the database is shared.
const MAX_PARALLEL_RUNS: usize = 8;
/// The longest time between two polls for due sources: another process cannot wake this one.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest, so that a source that stays due does not cause a busy loop.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long a source is not retried after its run failed or was contended.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The runs of this process.
struct Runs {
    app: App,
    tasks: JoinSet<Result<SyncReport, SyncError>>,
    running: HashMap<Id, SyncKey>,
    /// Sources that are not retried before this monotonic time.
    delayed: HashMap<SyncKey, Duration>,
}

/// Runs due sources until `stop`; current runs then end at their last committed page.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut runs = Runs { app, tasks: JoinSet::new(), running: HashMap::new(), delayed: HashMap::new() };
    while !stop.is_cancelled() {
        let wait = match runs.start_due().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "due sources could not be read; retrying");
                MAX_POLL_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = runs.app.sync_schedule.wake.notified() => {}
            () = runs.app.clock.sleep(wait) => {}
            Some(ended) = runs.tasks.join_next_with_id() => runs.ended(ended),
        }
    }
    while let Some(ended) = runs.tasks.join_next_with_id().await {
        runs.ended(ended);
    }
}

impl Runs {
    /// Starts due sources and returns when to poll again.
    async fn start_due(&mut self) -> Result<Duration, StoreError> {
        let now = self.app.clock.monotonic();
        self.delayed.retain(|_, until| *until > now);
        let free = MAX_PARALLEL_RUNS.saturating_sub(self.running.len());
        if free == 0 {
            return Ok(MAX_POLL_INTERVAL);
        }
        // Running and delayed sources are still due, so read beyond them.
        let limit = free + self.running.len() + self.delayed.len();
        let due = self.app.store.due(self.app.clock.now(), u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        let running: HashSet<&SyncKey> = self.running.values().collect();
        let ready = due.into_iter().map(|SyncStatus { key, .. }| key);
        let ready: Vec<_> =
            ready.filter(|key| !running.contains(key) && !self.delayed.contains_key(key)).take(free).collect();
        ready.into_iter().for_each(|key| self.start(key));
        let next = self.app.store.next_due(self.app.clock.now()).await?;
        Ok(next.unwrap_or(MAX_POLL_INTERVAL).clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL))
    }

    fn start(&mut self, key: SyncKey) {
        let (app, of) = (self.app.clone(), key.clone());
        let task = self.tasks.spawn(async move { run::run(&app, &of, &LogProgress).await });
        self.running.insert(task.id(), key);
    }

    fn ended(&mut self, ended: Result<(Id, Result<SyncReport, SyncError>), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(key) = self.running.remove(&id) else { return };
        if let Some(ok) = succeeded(ended.as_ref().map(|(_, outcome)| outcome)) {
            self.app.metrics.sync_ended(&key, ok);
        }
        match ended {
            Ok((_, Ok(report))) => tracing::info!(%key, ?report, "a sync finished"),
            Ok((_, Err(SyncError::Stopped))) => tracing::info!(%key, "a sync continues after the restart"),
            Ok((_, Err(error))) => {
                if !matches!(error, SyncError::Busy(_)) {
                    tracing::warn!(%key, %error, "a sync failed");
                }
                self.delayed.insert(key, self.app.clock.monotonic() + RETRY_DELAY);
            }
            Err(error) => {
                tracing::error!(%key, %error, "a sync panicked");
                self.delayed.insert(key, self.app.clock.monotonic() + RETRY_DELAY);
            }
        }
    }
}

/// Returns whether a run succeeded; `None` when it continues in another process or after a restart.
fn succeeded(ended: Result<&Result<SyncReport, SyncError>, &JoinError>) -> Option<bool> {
    match ended {
        Ok(Ok(_)) => Some(true),
        Ok(Err(SyncError::Busy(_) | SyncError::LeaseLost | SyncError::Stopped)) => None,
        Ok(Err(_)) | Err(_) => Some(false),
    }
}

/// Logs the progress of a run.
struct LogProgress;

impl SyncObserver for LogProgress {
    fn page(&self, key: &SyncKey, progress: &sidecar_core::sync::Progress) {
        tracing::debug!(%key, pages = progress.pages, seen = progress.seen, "a page was synced");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_continues_elsewhere_neither_succeeded_nor_failed() {
        let key = SyncKey::new("org", "GHL_CONTACTS", "l");
        for elsewhere in [SyncError::Busy(key), SyncError::LeaseLost, SyncError::Stopped] {
            assert_eq!(succeeded(Ok(&Err(elsewhere))), None);
        }
        assert_eq!(succeeded(Ok(&Err(SyncError::Cursor("?".to_owned())))), Some(false));
        assert_eq!(succeeded(Ok(&Ok(SyncReport::default()))), Some(true));
    }
}
