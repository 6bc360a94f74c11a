use std::time::Duration;

use super::{ClaimRequest, claim::Turns};
use crate::time::Timestamp;

/// How a worker loop runs, for the inbox and the outbox alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// The most rows claimed at once.
    pub batch: u32,
    /// The most rows of one organization: deliveries in a batch, or tasks that run at a time in all processes.
    pub max_per_organization: u32,
    /// How long a claim lasts. Another worker may take the row over after this time, so it must outlast the slowest handler.
    pub lease: Duration,
    /// How often the worker looks for due rows without a notification.
    pub poll: Duration,
    /// How long a batch of locally queued deliveries waits for more: the cost of a commit is shared by the whole batch.
    pub linger: Duration,
    /// How long running work may take after a shutdown was requested. The worker then releases the remaining claims, so that
    /// other workers need not wait for their leases.
    pub shutdown_grace: Duration,
    /// The wait after each failed attempt. A row whose attempts are used up is dead-lettered.
    pub retries: Vec<Duration>,
}

impl Default for WorkerConfig {
    /// Batches of 500 with at most 100 of an organization, leases of 30 s, a poll every 500 ms, 20 ms of linger, 8 s of grace; retries after 5 s, 30 s, 2 min,
    /// 10 min and 1 h.
    fn default() -> Self {
        Self {
            batch: 500,
            max_per_organization: 100,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            linger: Duration::from_millis(20),
            shutdown_grace: Duration::from_secs(8),
            retries: [5, 30, 120, 600, 3_600].map(Duration::from_secs).to_vec(),
        }
    }
}

/// Claims beyond the retries that a row gets before it counts as a poison message.
const UNFINISHED_CLAIMS_ALLOWED: usize = 3;

impl WorkerConfig {
    /// Returns the defaults for tasks, which wait for other systems: batches of 32, at most 8 running tasks of an organization,
    /// leases of 90 s.
    pub fn for_tasks() -> Self {
        Self { batch: 32, max_per_organization: 8, lease: Duration::from_secs(90), ..Self::default() }
    }

    pub(super) fn claim_request(&self, limit: u32, turns: &Turns, now: Timestamp) -> ClaimRequest {
        let (max_per_organization, after) = (self.max_per_organization, turns.last());
        ClaimRequest { max_per_organization, after, ..ClaimRequest::new(limit, self.lease, now) }
    }

    /// Returns whether a row was claimed so often without an outcome that its handler probably crashes the worker.
    pub(super) fn is_poison(&self, attempt: u32) -> bool {
        usize::try_from(attempt).unwrap_or(usize::MAX) > self.retries.len() + UNFINISHED_CLAIMS_ALLOWED
    }

    /// Returns why a poison row was dead-lettered; `attempt` is the number of the claim that found it.
    pub(super) fn poison_reason(attempt: u32) -> String {
        format!("poison message: claimed {} times without completing; the worker probably crashed", attempt - 1)
    }

    /// Returns when a row whose attempt number `attempt` (from 1) failed is due again; `None` when it is to be dead-lettered.
    pub fn retry_at(&self, attempt: u32, now: Timestamp) -> Option<Timestamp> {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        self.retries.get(index).map(|wait| now + *wait)
    }
}
