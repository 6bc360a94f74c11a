//! The outbox: tasks that have effects on other systems, committed with their cause and executed later.
//!
//! This module holds the port and the worker loop; the application defines the tasks. Invariant: a task is written in the same
//! transaction as its cause, and its key makes it unique.

mod worker;

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

pub use worker::{OutboxWorker, TaskHandler, TaskOutcome};

pub use crate::commit::{Dedup, NewTask, TaskRef};

use super::ClaimRequest;
use crate::{error::StoreError, id::OrganizationId, time::Timestamp};

/// A claimed task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Sequence number and fence.
    pub claim: TaskRef,
    /// The tenant.
    pub organization: OrganizationId,
    /// The kind of task, which selects the handler.
    pub kind: String,
    /// The idempotency key.
    pub key: String,
    /// The handler's input.
    pub payload: Value,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

impl Task {
    /// Returns the span of one execution, with OpenTelemetry's messaging attributes. The worker executes the task in it.
    pub fn span(&self) -> tracing::Span {
        tracing::info_span!(
            "process task",
            otel.name = format!("process {}", self.kind),
            otel.kind = "consumer",
            messaging.system = "sidecar",
            messaging.operation.type = "process",
            messaging.destination.name = self.kind,
            messaging.message.id = self.key,
            organization = %self.organization,
            attempt = self.attempt,
        )
    }
}

/// A dead-lettered task.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadTask {
    /// Its sequence number in the outbox.
    pub seq: i64,
    /// The tenant.
    pub organization: OrganizationId,
    /// The kind of task.
    pub kind: String,
    /// The idempotency key.
    pub key: String,
    /// The handler's input.
    pub payload: Value,
    /// The number of attempts.
    pub attempts: u32,
    /// The last failure.
    pub error: String,
}

/// The storage port of tasks. New tasks are part of [`Batch::outbox`](crate::commit::Batch::outbox).
#[async_trait]
pub trait Outbox: Send + Sync + fmt::Debug {
    /// Claims due tasks of the given kinds, those of each organization in the order of their due times. At most one task of an
    /// organization and order key is claimed at a time.
    async fn claim_tasks(&self, kinds: &[&str], request: &ClaimRequest) -> Result<Vec<Task>, StoreError>;

    /// Ends a claim without success: the task is due again at `retry_at`, or dead-lettered without one. A lost claim is ignored.
    async fn fail_task(&self, claim: &TaskRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError>;

    /// Ends a claim without counting the attempt; the task is due again at `until`. A lost claim is ignored. Later tasks of its
    /// order key keep waiting for it.
    async fn snooze_task(&self, claim: &TaskRef, why: &str, until: Timestamp) -> Result<(), StoreError>;

    /// Returns the numbers of pending and of dead-lettered tasks.
    async fn waiting_tasks(&self) -> Result<(u64, u64), StoreError>;

    /// Returns the dead-lettered tasks with sequence numbers above `after`, oldest first.
    async fn dead_tasks(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadTask>, StoreError>;

    /// Makes a dead-lettered task due again at `now`. Returns `false` when there is no such task.
    async fn redrive_task(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError>;
}
