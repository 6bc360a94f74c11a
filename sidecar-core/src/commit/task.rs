use std::{borrow::Cow, sync::Arc};

use serde_json::Value;

use crate::{id::OrganizationId, time::Timestamp};

/// Names a claimed delivery, and the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRef {
    /// The delivery's place in the inbox.
    pub seq: i64,
    /// The claim's fence: a claim that was lost to another worker has an older one.
    pub fence: i64,
}

/// A task to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// The tenant.
    pub organization: OrganizationId,
    /// What is to be done, such as `ghl.read_contact`.
    pub kind: Cow<'static, str>,
    /// The idempotency key, unique per organization. A second task of the same key is not written; see `dedup`.
    pub key: Arc<str>,
    /// Tasks of one organization and order key are carried out one after another.
    pub order_key: Arc<str>,
    /// What the handler needs.
    pub payload: Value,
    /// Not before this time.
    pub not_before: Timestamp,
    /// How a second task of the same key is treated.
    pub dedup: Dedup,
}

/// How a task is treated whose organization and key are already known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedup {
    /// The key runs once: a duplicate is dropped, even after the first task is done.
    Once,
    /// Duplicates are merged while the task is pending. If the task is running or done, it runs once more.
    Coalesce,
}

/// Names a claimed task, and the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRef {
    /// The task's place in the outbox.
    pub seq: i64,
    /// The claim's fence.
    pub fence: i64,
}
