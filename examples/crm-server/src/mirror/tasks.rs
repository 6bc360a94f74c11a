//! The mirror's tasks, and who carries them out.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use calcom_client::sync::{BookingsSource, READ_BOOKING};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::Batch,
    queue::outbox::{Dedup, NewTask, Task, TaskHandler, TaskOutcome},
    record::RecordKey,
    sync::Lookup as _,
};

use super::{block, follow, look, step, unmapped};
use crate::{
    app::App,
    tasks::{TaskError, payload},
};

/// A booking or an appointment changed: written by the store with the change.
pub(super) const FOLLOW: &str = "mirror.follow";
/// A booking and its appointment are to agree.
const STEP: &str = "mirror.step";
/// An appointment takes its time out of Cal.com's schedule, or gives it back.
pub(super) const BLOCK: &str = "mirror.block";
/// Bookings of an event type have no calendar at GHL.
pub(super) const UNMAPPED: &str = "mirror.unmapped";

/// Everything is to be looked at once more.
pub(super) const LOOK: &str = "mirror.look";

/// What a step is about.
#[derive(Debug, Serialize, Deserialize)]
struct Stepped {
    /// The uid of the booking's first form.
    booking: String,
}

/// The task of making a booking and its appointment agree, one at a time for each booking.
pub(super) fn mirror(organization: &OrganizationId, root: &str, now: Timestamp) -> NewTask {
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(STEP),
        key: format!("{STEP}:{root}").into(),
        order_key: format!("calcom:booking:{root}").into(),
        payload: json!(Stepped { booking: root.to_owned() }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// The task of finding out what a record's change concerns, as the store writes it with the change.
pub(super) fn follow(key: &RecordKey, now: Timestamp) -> NewTask {
    let name: Arc<str> = format!("follow:{}:{}", key.kind, key.id).into();
    NewTask {
        organization: key.organization.clone(),
        kind: Cow::Borrowed(FOLLOW),
        key: Arc::clone(&name),
        order_key: name,
        payload: json!({ "kind": key.kind, "id": key.id }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Which booking is to be read; the store writes it.
#[derive(Debug, Deserialize)]
struct Wanted {
    kind: String,
    id: String,
}

/// Carries out the mirror's tasks, and the reads of bookings whose order could not be told.
#[derive(Debug, Clone)]
pub struct MirrorTasks {
    app: App,
}

impl MirrorTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn attempt(&self, task: &Task) -> Result<Batch, TaskError> {
        match task.kind.as_str() {
            FOLLOW => follow::run(&self.app, task, &payload(task)?).await,
            STEP => step::run(&self.app, task, &payload::<Stepped>(task)?.booking).await,
            BLOCK => block::run(&self.app, task, &payload(task)?).await,
            UNMAPPED => unmapped::run(&self.app, &task.organization, &payload(task)?).await,
            LOOK => look::run(&self.app, &task.organization, payload(task)?).await,
            _ => self.read(&task.organization, payload(task)?).await,
        }
    }

    /// Reads a booking. Its stored revision is taken before the request leaves, so that a change that arrives meanwhile is not
    /// written over.
    async fn read(&self, organization: &OrganizationId, wanted: Wanted) -> Result<Batch, TaskError> {
        if !self.app.calcom.is_connected(organization).await? {
            return Ok(Batch::default());
        }
        let key = RecordKey { organization: organization.clone(), kind: wanted.kind.into(), id: wanted.id.into() };
        let revision = self.app.store.record(&key).await?.map_or(0, |record| record.revision);
        let client = self.app.calcom.client(organization).await?;
        let mut change = BookingsSource::new(client, organization.clone()).lookup(&key.id, revision).await?;
        change.on_change = Some(Cow::Borrowed(FOLLOW));
        Ok(Batch { changes: vec![change], ..Batch::default() })
    }
}

#[async_trait]
impl TaskHandler for MirrorTasks {
    fn kinds(&self) -> &[&'static str] {
        &[FOLLOW, STEP, BLOCK, UNMAPPED, LOOK, READ_BOOKING]
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        match Box::pin(self.attempt(task)).await {
            Ok(batch) => {
                // What follows is carried out by the same worker.
                TaskOutcome::Done(Box::new(batch))
            }
            Err(trouble) => trouble.outcome(&self.app, task),
        }
    }
}
