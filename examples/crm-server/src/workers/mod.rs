//! The background workers: inbox, outbox, the sync scheduler and the heartbeat.
//!
//! Invariant: every worker may run in several processes at once; a claim or a lease in the store guards what must happen only
//! once.

pub(crate) mod heartbeat;
pub(crate) mod maintenance;
mod registry;
mod scheduler;

use std::{sync::Arc, time::Duration};

use sidecar_core::queue::{WorkerConfig, inbox::InboxWorker, outbox::OutboxWorker};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{app::App, config::Role};
pub use registry::{Deliveries, Tasks};

/// A task may wait for limits (30 s) and mint a token (45 s); its claim must outlast that.
const TASK_LEASE: Duration = Duration::from_secs(120);
/// How often a worker polls for rows that other processes stored. Its own process wakes it.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// When a write that the store rejected at the start is retried.
const SCHEDULE_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The workers of this process.
#[derive(Debug)]
pub struct Workers(JoinSet<()>);

impl Workers {
    /// Waits until all have ended: after their token is cancelled and their claims are finished.
    pub async fn join(mut self) {
        while let Some(ended) = self.0.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a worker panicked");
            }
        }
    }
}

/// Starts the workers of a role; [`Role::Web`] runs only the heartbeat. All end after `stop` is cancelled.
pub fn start(app: &App, role: Role, stop: CancellationToken) -> Workers {
    let mut workers = JoinSet::new();
    workers.spawn(heartbeat::run(app.clone(), stop.clone()));
    if role == Role::Web {
        return Workers(workers);
    }
    let app = app.with_engine(app.engine.clone().with_shutdown(stop.clone()));
    let config = WorkerConfig { poll: POLL_INTERVAL, ..WorkerConfig::default() };
    let local_claims = app.committer.local_claims(Arc::clone(&app.clock));
    let inbox = InboxWorker::new(
        Arc::clone(&app.store) as _,
        Arc::clone(&app.store) as _,
        Arc::new(Deliveries::new(app.clone())),
        Arc::clone(&app.clock),
        config,
        Arc::clone(&app.inbox_wake),
    );
    let outbox = OutboxWorker::new(
        Arc::clone(&app.store) as _,
        Arc::clone(&app.store) as _,
        Arc::new(Tasks::new(&app)),
        Arc::clone(&app.clock),
        WorkerConfig { lease: TASK_LEASE, poll: POLL_INTERVAL, ..WorkerConfig::for_tasks() },
        Arc::clone(&app.outbox_wake),
    );
    let (inbox_stop, outbox_stop) = (stop.clone(), stop.clone());
    workers.spawn(async move { inbox.run_with_local_claims(local_claims, inbox_stop).await });
    workers.spawn(async move { outbox.run(outbox_stop).await });
    workers.spawn(schedule_environment_bookings(app.clone(), stop.clone()));
    workers.spawn(scheduler::run(app, stop));
    Workers(workers)
}

/// Schedules the bookings of the account that the environment connects, once.
async fn schedule_environment_bookings(app: App, stop: CancellationToken) {
    let Some(organization) = app.calcom.organization().filter(|of| app.calcom.is_from_environment(of)) else { return };
    while !stop.is_cancelled() {
        match app.sync_schedule.schedule_bookings_once(organization).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the bookings of Cal.com could not be scheduled; retrying"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = app.clock.sleep(SCHEDULE_RETRY_AFTER) => {}
        }
    }
}
