//! The outbox: effects on other systems, written down with what causes them and carried out afterwards.
//!
//! Here live the port and the worker loop; what a task does lives in the application. Invariant: a task is written in the
//! same transaction as its cause, and its key makes it happen once.

mod worker;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

pub use worker::{OutboxWorker, TaskHandler, TaskOutcome};

pub use crate::commit::{Dedup, NewTask, TaskRef};

use crate::{error::StoreError, id::OrganizationId, time::Timestamp};

/// A task that a worker holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Place and fence.
    pub claim: TaskRef,
    /// The tenant.
    pub organization: OrganizationId,
    /// What is to be done.
    pub kind: String,
    /// The idempotency key.
    pub key: String,
    /// What the handler needs.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// A task that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadTask {
    /// Its place in the outbox.
    pub seq: i64,
    /// The tenant.
    pub organization: OrganizationId,
    /// What was to be done.
    pub kind: String,
    /// The idempotency key.
    pub key: String,
    /// What the handler needed.
    pub payload: Value,
    /// How often it was tried.
    pub attempts: u32,
    /// The last failure.
    pub error: String,
}

/// Where tasks are kept. New ones are part of [`Batch::outbox`](crate::commit::Batch::outbox).
#[async_trait]
pub trait Outbox: Send + Sync + fmt::Debug {
    /// Claims at most `limit` due tasks of the given kinds, oldest first, until `now + lease`. At most one task of an
    /// organization and order key is held at a time.
    async fn claim_tasks(
        &self,
        kinds: &[&str],
        limit: u32,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Task>, StoreError>;

    /// Ends a claim without success: due again at `retry_at`, or given up without one. A lost claim is left alone.
    async fn fail_task(&self, claim: &TaskRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError>;

    /// Ends a claim as if it had not been made, but due again at `until`: the attempt is not counted. A lost claim is left alone.
    /// Later tasks of its order key go on waiting for it.
    async fn snooze_task(&self, claim: &TaskRef, why: &str, until: Timestamp) -> Result<(), StoreError>;

    /// How many tasks wait, and how many were given up.
    async fn waiting_tasks(&self) -> Result<(u64, u64), StoreError>;

    /// The tasks that were given up, oldest first, after `after`.
    async fn dead_tasks(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadTask>, StoreError>;

    /// Makes a given-up task due again at `now`; `false` when there is no such task.
    async fn redrive_task(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError>;
}
