use std::{borrow::Cow, sync::Arc};

use serde_json::Value;

use crate::{id::OrganizationId, time::Timestamp};

/// The identity of a claim on a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRef {
    /// The sequence number of the delivery in the inbox.
    pub seq: i64,
    /// The fence of the claim: a later claim on the same delivery has a higher one.
    pub fence: i64,
}

/// A task to enqueue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// The tenant.
    pub organization: OrganizationId,
    /// The kind of task, such as `ghl.read_contact`.
    pub kind: Cow<'static, str>,
    /// The idempotency key, unique per organization. A second task of the same key is not written; see `dedup`.
    pub key: Arc<str>,
    /// Tasks of one organization and order key are executed one after another.
    pub order_key: Arc<str>,
    /// The input of the handler.
    pub payload: Value,
    /// The earliest time of the first attempt.
    pub not_before: Timestamp,
    /// What happens to a second task of the same key.
    pub dedup: Dedup,
}

/// What happens to a task whose organization and key are already in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// The key runs once: a duplicate is dropped, even after the first task is done.
    Once,
    /// Duplicates are merged while the task is pending. If the task is running or done, it runs once more.
    Coalesce,
}

/// The identity of a claim on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRef {
    /// The sequence number of the task in the outbox.
    pub seq: i64,
    /// The fence of the claim, as in [`ClaimRef`].
    pub fence: i64,
}
