//! Runs the passes that are due, several at a time, none twice at once.

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

/// Passes under way at once in one process. Each location has its own quota at the provider, the database is shared.
const AT_ONCE: usize = 8;
/// The longest time without a look at what is due: another process cannot wake this one.
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest, so that a source that stays due does not keep the loop busy.
const SHORTEST: Duration = Duration::from_millis(100);
/// How long a source that another process is running is left alone.
const REST: Duration = Duration::from_secs(5);

/// The passes of this process.
struct Passes {
    app: App,
    tasks: JoinSet<Result<SyncReport, SyncError>>,
    running: HashMap<Id, SyncKey>,
    /// Sources that are left alone until this time of the monotonic clock.
    resting: HashMap<SyncKey, Duration>,
}

/// Runs what is due until `stop`; passes under way then end at their last committed page.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let mut passes = Passes { app, tasks: JoinSet::new(), running: HashMap::new(), resting: HashMap::new() };
    while !stop.is_cancelled() {
        let wait = match passes.start_due().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "what is due could not be read; looking again");
                LONGEST
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = passes.app.sync_schedule.wake.notified() => {}
            () = passes.app.clock.sleep(wait) => {}
            Some(ended) = passes.tasks.join_next_with_id() => passes.ended(ended),
        }
    }
    while let Some(ended) = passes.tasks.join_next_with_id().await {
        passes.ended(ended);
    }
}

impl Passes {
    /// Starts what is due and says when to look again.
    async fn start_due(&mut self) -> Result<Duration, StoreError> {
        let now = self.app.clock.monotonic();
        self.resting.retain(|_, until| *until > now);
        let free = AT_ONCE.saturating_sub(self.running.len());
        if free == 0 {
            return Ok(LONGEST);
        }
        // Those that run or rest are still due, so look beyond them.
        let look = free + self.running.len() + self.resting.len();
        let due = self.app.store.due(self.app.clock.now(), u32::try_from(look).unwrap_or(u32::MAX)).await?;
        let running: HashSet<&SyncKey> = self.running.values().collect();
        let ready = due.into_iter().map(|SyncStatus { key, .. }| key);
        let ready: Vec<_> =
            ready.filter(|key| !running.contains(key) && !self.resting.contains_key(key)).take(free).collect();
        ready.into_iter().for_each(|key| self.start(key));
        let next = self.app.store.next_due(self.app.clock.now()).await?;
        Ok(next.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST))
    }

    fn start(&mut self, key: SyncKey) {
        let (app, of) = (self.app.clone(), key.clone());
        let task = self.tasks.spawn(async move { run::run(&app, &of, &Log).await });
        self.running.insert(task.id(), key);
    }

    fn ended(&mut self, ended: Result<(Id, Result<SyncReport, SyncError>), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(key) = self.running.remove(&id) else { return };
        if let Some(ok) = is_good(ended.as_ref().map(|(_, outcome)| outcome)) {
            self.app.metrics.sync_ended(&key, ok);
        }
        match ended {
            Ok((_, Ok(report))) => tracing::info!(%key, ?report, "a pass ended"),
            Ok((_, Err(SyncError::Stopped))) => tracing::info!(%key, "a pass goes on after the restart"),
            Ok((_, Err(error))) => {
                if !matches!(error, SyncError::Busy(_)) {
                    tracing::warn!(%key, %error, "a pass failed");
                }
                self.resting.insert(key, self.app.clock.monotonic() + REST);
            }
            Err(error) => {
                tracing::error!(%key, %error, "a pass broke off");
                self.resting.insert(key, self.app.clock.monotonic() + REST);
            }
        }
    }
}

/// Whether a pass ended well; none when it did not end here: another process runs it, or will.
fn is_good(ended: Result<&Result<SyncReport, SyncError>, &JoinError>) -> Option<bool> {
    match ended {
        Ok(Ok(_)) => Some(true),
        Ok(Err(SyncError::Busy(_) | SyncError::LeaseLost | SyncError::Stopped)) => None,
        Ok(Err(_)) | Err(_) => Some(false),
    }
}

/// Says how far a pass has come.
struct Log;

impl SyncObserver for Log {
    fn page(&self, key: &SyncKey, progress: &sidecar_core::sync::Progress) {
        tracing::debug!(%key, pages = progress.pages, seen = progress.seen, "a page was copied");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_goes_on_elsewhere_is_neither_good_nor_failed() {
        let key = SyncKey::new("org", "GHL_CONTACTS", "l");
        for elsewhere in [SyncError::Busy(key), SyncError::LeaseLost, SyncError::Stopped] {
            assert_eq!(is_good(Ok(&Err(elsewhere))), None);
        }
        assert_eq!(is_good(Ok(&Err(SyncError::Cursor("?".to_owned())))), Some(false));
        assert_eq!(is_good(Ok(&Ok(SyncReport::default()))), Some(true));
    }
}
