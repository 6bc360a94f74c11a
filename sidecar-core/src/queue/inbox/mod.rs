//! The inbox: what a provider delivered, kept before it is acknowledged and worked on afterwards.
//!
//! Here live the port, the committer that shares one commit among concurrent deliveries, and the worker loop. What a
//! delivery means lives with the provider and the application. Invariant: nothing is acknowledged that is not committed.

mod committer;
mod worker;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

pub use committer::{Committer, LocalClaims, PutError};
pub use worker::{DeliveryOutcome, InboxHandler, InboxWorker, Plan};

pub use crate::commit::ClaimRef;

use crate::{error::StoreError, id::OrganizationId, time::Timestamp};

/// A verified delivery, before it is kept. Its `Debug` shows no body: bodies hold people's data.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The sender: `ghl`, `stripe`, `calcom`.
    pub source: Cow<'static, str>,
    /// The sender's id of the delivery, or a hash of the body where it gives none. Unique per source.
    pub id: Arc<str>,
    /// The tenant, where the route or the body already tells.
    pub organization: Option<OrganizationId>,
    /// Deliveries of one source and key are worked on one after another, in the order of their arrival.
    pub order_key: Arc<str>,
    /// The event's kind, as sent.
    pub kind: Arc<str>,
    /// The body, as received.
    pub body: Bytes,
    /// When it arrived.
    pub at: Timestamp,
}

impl fmt::Debug for NewDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDelivery")
            .field("source", &self.source)
            .field("id", &self.id)
            .field("organization", &self.organization)
            .field("kind", &self.kind)
            .field("body_bytes", &self.body.len())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Whether a delivery was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// Enqueued now.
    New,
    /// The same source and id was kept before.
    Duplicate,
}

/// What became of a delivery that was put to be worked on by the same process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// Whether it was new.
    pub receipt: Receipt,
    /// The claim on it, as the first attempt; `None` when it is a duplicate, or has to wait for an earlier one of its key.
    pub claim: Option<ClaimRef>,
}

/// A delivery that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Place and fence.
    pub claim: ClaimRef,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What was delivered.
    pub delivery: NewDelivery,
}

/// A delivery that was given up. Its `Debug` shows no body.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its place in the inbox.
    pub seq: i64,
    /// The sender.
    pub source: String,
    /// The sender's id.
    pub id: String,
    /// The tenant, when known.
    pub organization: Option<OrganizationId>,
    /// The event's kind.
    pub kind: String,
    /// The body, as received.
    pub body: Bytes,
    /// How often it was tried.
    pub attempts: u32,
    /// The last failure.
    pub error: String,
    /// When it arrived.
    pub at: Timestamp,
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("seq", &self.seq)
            .field("source", &self.source)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("attempts", &self.attempts)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// How full the inbox is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries not finished and not given up.
    pub pending: u64,
    /// Arrival of the oldest of them.
    pub oldest: Option<Timestamp>,
    /// Deliveries given up.
    pub dead: u64,
}

/// Where deliveries are kept.
#[async_trait]
pub trait Inbox: Send + Sync + fmt::Debug {
    /// Keeps the deliveries in one commit and says of each whether it was new, in the same order. When it returns, they
    /// survive a crash.
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError>;

    /// Like [`Inbox::put`], and claims what is new until `now + lease`, unless an earlier delivery of its source and order key
    /// is unfinished. It saves the worker of the same process the claim. A store need not offer it: by default nothing is
    /// claimed.
    async fn put_and_claim(
        &self,
        deliveries: &[NewDelivery],
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, StoreError> {
        let _ = (lease, now);
        let receipts = self.put(deliveries).await?;
        Ok(receipts.into_iter().map(|receipt| Enqueued { receipt, claim: None }).collect())
    }

    /// Claims at most `limit` due deliveries, in the order of arrival, until `now + lease`. A delivery waits while an
    /// earlier one of its source and order key is unfinished, unless that one is in the same answer before it.
    async fn claim(&self, limit: u32, lease: Duration, now: Timestamp) -> Result<Vec<Claim>, StoreError>;

    /// Ends a claim without success: to be due again at `retry_at`, or given up (dead letter) without one. A claim that
    /// was lost is left alone. Finishing with success is part of [`Batch::inbox_done`](crate::commit::Batch::inbox_done).
    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError>;

    /// Ends claims as if they had not been made: due again at `now`, and the attempt is not counted. A claim that was lost is
    /// left alone.
    async fn release_claims(&self, claims: &[ClaimRef], now: Timestamp) -> Result<(), StoreError>;

    /// How full it is.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// The deliveries that were given up, oldest first, after `after`.
    async fn dead_letters(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes a dead letter due again at `now`, with its attempts forgotten; `false` when there is no such dead letter.
    async fn redrive(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError>;
}
