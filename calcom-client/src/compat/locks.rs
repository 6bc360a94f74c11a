use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::lock::Mutex as AsyncMutex;
use sidecar_core::{Error, ErrorKind, Result, http::DEFAULT_DEADLINE, lease::Lease, secret};

use crate::{
    client::{CalcomClient, RequestOptions},
    model::ScheduleId,
};

/// How often a lease that another process holds is asked for.
const POLL: Duration = Duration::from_millis(50);

/// Who changes which schedule, within this process.
#[derive(Default)]
pub(crate) struct ScheduleLocks(Mutex<HashMap<ScheduleId, Arc<AsyncMutex<()>>>>);

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

/// Carries out `change`, which reads a schedule and writes it, while nobody else of us does: the provider would not notice that what
/// was read is old.
pub(super) async fn alone<T>(
    client: &CalcomClient,
    schedule: ScheduleId,
    options: &RequestOptions,
    change: impl Future<Output = Result<T>>,
) -> Result<T> {
    let lock = client.schedule_locks().of(schedule);
    let _guard = lock.lock().await;
    let lease = take_lease(client, schedule, options).await?;
    let outcome = change.await;
    if let (Some(lease), Some(leases)) = (lease, client.leases()) {
        // It ends by itself if this fails; the change is made either way.
        let _ = leases.release(&lease).await;
    }
    outcome
}

async fn take_lease(client: &CalcomClient, schedule: ScheduleId, options: &RequestOptions) -> Result<Option<Lease>> {
    let Some(leases) = client.leases() else { return Ok(None) };
    let patience = options.deadline.unwrap_or(DEFAULT_DEADLINE);
    // A read and a write, each within its deadline.
    let ttl = patience.saturating_mul(2).saturating_add(DEFAULT_DEADLINE);
    let random = secret::random::<8>().map_err(|error| Error::new(ErrorKind::Store, error.to_string()))?;
    let holder = format!("{:016x}", u64::from_le_bytes(random));
    let key = format!("calcom:schedule:{}:{schedule}", client.base());
    let clock = client.clock();
    let until = clock.monotonic().saturating_add(patience);
    loop {
        if let Some(lease) = leases.try_acquire(&key, &holder, ttl).await? {
            return Ok(Some(lease));
        }
        if clock.monotonic() >= until {
            let why = format!("schedule {schedule} is being changed by another process: try again");
            return Err(Error::new(ErrorKind::Store, why));
        }
        clock.sleep(POLL).await;
    }
}
