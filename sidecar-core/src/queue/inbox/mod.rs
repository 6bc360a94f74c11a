//! The inbox: webhook deliveries, committed before they are acknowledged and processed later.
//!
//! This module holds the port, the committer that shares one commit among concurrent deliveries, and the worker loop; the provider's
//! crate and the application interpret deliveries. Invariant: nothing is acknowledged that is not committed.

mod committer;
mod worker;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

pub use committer::{Committer, LocalClaims, PutError};
pub use worker::{DeliveryOutcome, InboxHandler, InboxWorker, Plan};

pub use crate::commit::ClaimRef;

use super::ClaimRequest;
use crate::{error::StoreError, id::OrganizationId, time::Timestamp};

/// A verified delivery to store. Its `Debug` shows no body, because bodies hold personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The provider: `ghl`, `stripe`, `calcom`.
    pub source: Cow<'static, str>,
    /// The provider's id of the delivery, or a hash of the body if it sends none. Unique per source.
    pub id: Arc<str>,
    /// The tenant, if the route or the body identifies it.
    pub organization: Option<OrganizationId>,
    /// Deliveries of one source and key are processed one after another, in the order of their arrival.
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
    /// A delivery of the same source and id is stored already.
    Duplicate,
}

/// The result of storing a delivery that the same process is to handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// Whether it was new.
    pub receipt: Receipt,
    /// The claim on it, as the first attempt; `None` if it is a duplicate or waits for an earlier delivery of its key.
    pub claim: Option<ClaimRef>,
}

/// A claimed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Sequence number and fence.
    pub claim: ClaimRef,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The delivery.
    pub delivery: NewDelivery,
}

impl Claim {
    /// Returns the span of processing this delivery, with OpenTelemetry's messaging attributes. A batch is planned in one call, so
    /// the [`InboxHandler`] enters it for each claim.
    pub fn span(&self) -> tracing::Span {
        tracing::info_span!(
            "process delivery",
            otel.name = format!("process {}", self.delivery.source),
            otel.kind = "consumer",
            messaging.system = "sidecar",
            messaging.operation.type = "process",
            messaging.destination.name = &*self.delivery.source,
            messaging.message.id = &*self.delivery.id,
            organization = self.delivery.organization.as_ref().map(tracing::field::display),
            event.kind = &*self.delivery.kind,
            attempt = self.attempt,
        )
    }
}

/// A dead-lettered delivery. Its `Debug` shows no body.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its sequence number in the inbox.
    pub seq: i64,
    /// The provider.
    pub source: String,
    /// The provider's id of the delivery.
    pub id: String,
    /// The tenant, when known.
    pub organization: Option<OrganizationId>,
    /// The event's kind.
    pub kind: String,
    /// The body, as received.
    pub body: Bytes,
    /// The number of attempts.
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

/// The backlog of the inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Unfinished deliveries, dead letters aside.
    pub pending: u64,
    /// The arrival of the oldest pending delivery.
    pub oldest: Option<Timestamp>,
    /// Dead-lettered deliveries.
    pub dead: u64,
}

/// The storage port of deliveries.
#[async_trait]
pub trait Inbox: Send + Sync + fmt::Debug {
    /// Stores the deliveries in one commit and returns for each whether it was new, in the same order. After that they survive a
    /// crash.
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError>;

    /// Stores the deliveries like [`Inbox::put`] and claims each new one until `now + lease`, unless an earlier delivery of its
    /// source and order key is unfinished. This saves the worker of the same process a claim. By default nothing is claimed.
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

    /// Claims due deliveries, those of each organization in the order of arrival, and returns them in the order of arrival. A
    /// delivery waits while an earlier one of its source and order key is unfinished, unless the result holds that one before it.
    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, StoreError>;

    /// Ends a claim without success: the delivery is due again at `retry_at`, or dead-lettered without one. A lost claim is
    /// ignored. Finishing with success is part of [`Batch::inbox_done`](crate::commit::Batch::inbox_done).
    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError>;

    /// Ends claims without counting the attempt; the deliveries are due again at `now`. A lost claim is ignored.
    async fn release_claims(&self, claims: &[ClaimRef], now: Timestamp) -> Result<(), StoreError>;

    /// Returns the backlog.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Returns the dead-lettered deliveries with sequence numbers above `after`, oldest first.
    async fn dead_letters(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes a dead letter due again at `now` and resets its attempts. Returns `false` when there is no such dead letter.
    async fn redrive(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError>;
}
