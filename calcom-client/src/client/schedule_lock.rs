use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::lock::Mutex as AsyncMutex;
use sidecar_core::{Error, ErrorKind, Result, http::DEFAULT_DEADLINE, lease::LeaseGuard};

use super::{CalcomClient, RequestOptions};
use crate::model::ScheduleId;

/// How often the lease is polled while another process holds it.
const LEASE_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The locks of schedules within this process.
#[derive(Default)]
pub(super) struct ScheduleLocks(Mutex<HashMap<ScheduleId, Arc<AsyncMutex<()>>>>);

impl ScheduleLocks {
    fn of(&self, schedule: ScheduleId) -> Arc<AsyncMutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(schedule).or_default())
    }
}

impl fmt::Debug for ScheduleLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScheduleLocks")
    }
}

impl CalcomClient {
    /// Runs `change`, which reads a schedule and writes it, while no other task or process that shares the lease store does:
    /// Cal.com would not notice that the schedule has changed since it was read.
    pub(crate) async fn with_schedule_lock<T>(
        &self,
        schedule: ScheduleId,
        options: &RequestOptions,
        change: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let lock = self.0.schedule_locks.of(schedule);
        let _guard = lock.lock().await;
        let Some(lease) = self.schedule_lease(schedule, options).await? else { return change.await };
        let outcome = lease.run_to_completion(change).await;
        lease.release().await;
        outcome
    }

    /// Acquires the lease of a schedule; `None` for a client without a lease store.
    async fn schedule_lease(&self, schedule: ScheduleId, options: &RequestOptions) -> Result<Option<LeaseGuard>> {
        let Some(leases) = &self.0.leases else { return Ok(None) };
        let timeout = options.deadline.unwrap_or(DEFAULT_DEADLINE);
        // The change is a read and a write, each within its deadline.
        let ttl = timeout.saturating_mul(2).saturating_add(DEFAULT_DEADLINE);
        let key = format!("calcom:schedule:{}:{schedule}", self.base());
        let (leases, clock) = (Arc::clone(leases), Arc::clone(self.clock()));
        let lease = LeaseGuard::acquire(leases, clock, &key, ttl, timeout, LEASE_POLL_INTERVAL).await?;
        let contended =
            || format!("timed out after {timeout:?} waiting for another process to change schedule {schedule}");
        lease.map(Some).ok_or_else(|| Error::new(ErrorKind::Store, contended()))
    }
}
