//! Bookings that no calendar at GHL is named for: said once for each event type, by a task that is given up until somebody names one.

use std::{borrow::Cow, sync::Arc};

use calcom_client::EventTypeId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::Batch,
    queue::outbox::{Dedup, NewTask},
};

use super::{PORTION, tasks};
use crate::{app::App, tasks::TaskError};

/// Which event type; none of a booking that does not say.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unmapped {
    event_type: Option<EventTypeId>,
}

/// The task that says so. However many bookings there are, and however often they change, it is one.
pub(super) fn report(organization: &OrganizationId, event_type: Option<EventTypeId>, now: Timestamp) -> NewTask {
    let of = event_type.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let name: Arc<str> = format!("{}:{of}", tasks::UNMAPPED).into();
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::UNMAPPED),
        key: Arc::clone(&name),
        order_key: name,
        payload: json!(Unmapped { event_type }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Done when a calendar is named by now: its bookings were looked at when the settings changed.
pub(super) async fn run(app: &App, organization: &OrganizationId, unmapped: &Unmapped) -> Result<Batch, TaskError> {
    let settled = app.calcom.settings(organization).await?;
    let is_named = settled.settings.mapping_of(unmapped.event_type).is_some();
    if is_named || !app.calcom.is_connected(organization).await? {
        return Ok(Batch::default());
    }
    let of = unmapped.event_type.map_or_else(|| "without an event type".to_owned(), |id| format!("of event type {id}"));
    Err(TaskError::Permanent(format!(
        "bookings {of} have no calendar at GHL: set `mapping` or `defaultMapping` by PUT /api/organizations/{organization}/integrations/calcom; they are mirrored then"
    )))
}

/// Lets what was said be looked at again: the settings may be others now, or the connection have ended.
pub(crate) async fn look_again(app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let dead = app.store.dead_tasks(Some(organization), after, PORTION).await?;
        for task in dead.iter().filter(|task| task.kind == tasks::UNMAPPED) {
            app.store.redrive_task(task.seq, app.now()).await?;
        }
        match dead.last() {
            Some(last) if dead.len() == PORTION as usize => after = last.seq,
            _ => break,
        }
    }
    app.outbox_wake.notify_one();
    Ok(())
}
