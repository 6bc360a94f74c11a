use std::{sync::Arc, time::Duration};

use super::{Lease, LeaseStore};
use crate::{error::StoreError, time::Clock};

/// A lease that this process holds, with what it takes to renew and release it.
///
/// Dropping the guard leaves the lease to expire; [`LeaseGuard::release`] frees it at once.
#[derive(Debug)]
pub struct LeaseGuard {
    leases: Arc<dyn LeaseStore>,
    clock: Arc<dyn Clock>,
    lease: Lease,
    ttl: Duration,
}

/// Another process holds the lease now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease was lost to another process")]
pub struct LeaseLost;

impl LeaseGuard {
    /// Acquires the lease of `key` for `ttl`; `None` while another holder has it.
    ///
    /// # Errors
    /// [`StoreError`] when the lease store is out of reach.
    pub async fn try_acquire(
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        key: &str,
        ttl: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let holder = uuid::Uuid::new_v4().to_string();
        let lease = leases.try_acquire(key, &holder, ttl).await?;
        Ok(lease.map(|lease| Self { leases, clock, lease, ttl }))
    }

    /// Polls for the lease of `key` every `poll`, for at most `timeout`; `None` when another holder had it all the time.
    ///
    /// # Errors
    /// [`StoreError`] when the lease store is out of reach.
    pub async fn acquire(
        leases: Arc<dyn LeaseStore>,
        clock: Arc<dyn Clock>,
        key: &str,
        ttl: Duration,
        timeout: Duration,
        poll: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let until = clock.monotonic().saturating_add(timeout);
        loop {
            if let Some(guard) = Self::try_acquire(Arc::clone(&leases), Arc::clone(&clock), key, ttl).await? {
                return Ok(Some(guard));
            }
            if clock.monotonic() >= until {
                return Ok(None);
            }
            clock.sleep(poll).await;
        }
    }

    /// Extends the lease to its whole TTL from now; `false` when another process holds it.
    ///
    /// # Errors
    /// [`StoreError`] when the lease store is out of reach.
    pub async fn renew(&self) -> Result<bool, StoreError> {
        self.leases.renew(&self.lease, self.ttl).await
    }

    /// Runs `work` while renewing the lease. `work` is cancelled when the lease is lost.
    ///
    /// # Errors
    /// [`LeaseLost`] when another process took the lease over.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, LeaseLost> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.renew_until_lost() => Err(LeaseLost),
        }
    }

    /// Runs `work` while renewing the lease, and to its end even when the lease is lost: for requests that cannot be undone.
    pub async fn run_to_completion<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.renew_until_lost() => {
                tracing::warn!(key = %self.lease.key, "the lease was lost; the work under it goes on");
            }
        }
        work.await
    }

    /// Frees the lease. A failure is logged: the lease then expires after its TTL.
    pub async fn release(self) {
        if let Err(error) = self.leases.release(&self.lease).await {
            tracing::warn!(key = %self.lease.key, %error, "could not release the lease; it expires after its TTL");
        }
    }

    async fn renew_until_lost(&self) {
        loop {
            self.clock.sleep(self.ttl / 3).await;
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(key = %self.lease.key, %error, "could not renew the lease; retrying"),
            }
        }
    }
}
