//! Whoever blocks times or frees them does so alone: one at a time for each organization, in whichever process.
//!
//! Cal.com's schedule and the notes of what is taken out of it belong together, and no transaction has both.

use std::time::Duration;

use sidecar_core::{OrganizationId, StoreError, lease::Lease};
use uuid::Uuid;

use crate::app::App;

/// How long a process that is gone keeps the others waiting.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is asked whether it is one's turn.
const POLL: Duration = Duration::from_millis(10);
/// How long tasks that follow one another leave to whoever else waits: longer than it takes them to ask again.
const GAP: Duration = Duration::from_millis(20);

/// The right to block times and to free them.
pub(super) struct Turn<'a> {
    app: &'a App,
    lease: Lease,
}

impl<'a> Turn<'a> {
    /// Waits for it; none when others have it for all this time.
    pub(super) async fn wait(
        app: &'a App,
        organization: &OrganizationId,
        patience: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let (key, holder) = (format!("calcom:blocks:{organization}"), Uuid::new_v4().to_string());
        let until = app.clock.monotonic().saturating_add(patience);
        loop {
            if let Some(lease) = app.store.try_acquire(&key, &holder, LEASE).await? {
                return Ok(Some(Self { app, lease }));
            }
            if app.clock.monotonic() >= until {
                return Ok(None);
            }
            app.clock.sleep(POLL).await;
        }
    }

    /// The same for a task, of which there may be many: people go first.
    pub(super) async fn wait_behind_others(
        app: &'a App,
        organization: &OrganizationId,
        patience: Duration,
    ) -> Result<Option<Self>, StoreError> {
        app.clock.sleep(GAP).await;
        Self::wait(app, organization, patience).await
    }

    /// Carries `work` out, and hands the turn on.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let done = tokio::select! {
            biased;
            done = work => done,
            never = self.keep() => never,
        };
        if let Err(error) = self.app.store.release(&self.lease).await {
            tracing::warn!(key = %self.lease.key, %error, "the lease was not handed back; it runs out by itself");
        }
        done
    }

    async fn keep<T>(&self) -> T {
        loop {
            self.app.clock.sleep(LEASE / 3).await;
            match self.app.store.renew(&self.lease, LEASE).await {
                Ok(true) => {}
                // What is under way at Cal.com cannot be taken back.
                Ok(false) => tracing::warn!(key = %self.lease.key, "the lease was lost while a schedule was changed"),
                Err(error) => tracing::warn!(key = %self.lease.key, %error, "the lease could not be prolonged"),
            }
        }
    }
}
