//! The tasks of booking synchronization, and their handler.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use calcom_client::sync::{BookingsSource, READ_BOOKING};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::Batch,
    queue::outbox::{Dedup, NewTask, Task, TaskHandler, TaskOutcome},
    record::{Change, RecordKey},
    sync::Lookup as _,
};

use super::{backfill, reconcile::Reconciler, route, target};
use crate::{
    app::App,
    tasks::{Refetch, TaskError, payload, refetch},
};

/// A booking or an appointment changed. The store enqueues it with the change.
pub(super) const ROUTE: &str = "booking_sync.route";
/// Reconciles a booking with its appointment.
const RECONCILE: &str = "booking_sync.reconcile";
/// Bookings of an event type have no calendar at GHL.
pub(super) const UNMAPPED: &str = "booking_sync.unmapped";
/// Routes all future bookings and appointments.
pub(super) const BACKFILL: &str = "booking_sync.backfill";

#[derive(Debug, Serialize, Deserialize)]
struct ReconcilePayload {
    /// The uid of the original booking.
    booking: String,
}

/// Returns the task that reconciles a booking, one at a time for each booking.
pub(super) fn reconcile_task(organization: &OrganizationId, original: &str, now: Timestamp) -> NewTask {
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(RECONCILE),
        key: format!("{RECONCILE}:{original}").into(),
        order_key: format!("calcom:booking:{original}").into(),
        payload: json!(ReconcilePayload { booking: original.to_owned() }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Returns the task that routes a record, with the key under which the store enqueues it for a change.
pub(super) fn route_task(key: &RecordKey, now: Timestamp) -> NewTask {
    let name: Arc<str> = format!("on_change:{}:{}", key.kind, key.id).into();
    NewTask {
        organization: key.organization.clone(),
        kind: Cow::Borrowed(ROUTE),
        key: Arc::clone(&name),
        order_key: name,
        payload: json!({ "kind": key.kind, "id": key.id }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Executes the tasks of booking synchronization, and refetches bookings whose changes could not be ordered.
#[derive(Debug, Clone)]
pub struct BookingSyncTasks {
    app: App,
}

impl BookingSyncTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn attempt(&self, task: &Task) -> Result<Batch, TaskError> {
        let (app, organization) = (&self.app, &task.organization);
        if task.kind == READ_BOOKING {
            if !app.calcom.is_connected(organization).await? {
                return Ok(Batch::default());
            }
            return refetch(app, organization, payload(task)?, async |what| self.fetch(what).await).await;
        }
        let batch = match task.kind.as_str() {
            ROUTE => route::run(app, organization, &payload(task)?).await?,
            RECONCILE => Reconciler::run(app, organization, &payload::<ReconcilePayload>(task)?.booking).await?,
            UNMAPPED => target::report_unmapped(app, organization, &payload(task)?).await?,
            _ => backfill::run(app, organization, payload(task)?).await?,
        };
        // The tasks enqueue their own follow-ups. Routing the changes that they made would repeat them.
        Ok(Batch { skip_triggers: true, ..batch })
    }

    async fn fetch(&self, Refetch { key, revision, .. }: Refetch) -> Result<Change, TaskError> {
        let client = self.app.calcom.client(&key.organization).await?;
        Ok(BookingsSource::new(client, key.organization.clone()).lookup(&key.id, revision).await?)
    }
}

#[async_trait]
impl TaskHandler for BookingSyncTasks {
    fn kinds(&self) -> &[&'static str] {
        &[ROUTE, RECONCILE, UNMAPPED, BACKFILL, READ_BOOKING]
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        match Box::pin(self.attempt(task)).await {
            Ok(batch) => TaskOutcome::Done(Box::new(batch)),
            Err(error) => error.outcome(&self.app, task),
        }
    }
}
