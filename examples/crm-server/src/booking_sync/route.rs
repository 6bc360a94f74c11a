//! Finds the bookings that a changed record concerns, or the busy block.

use calcom_client::sync::BOOKING;
use ghl_client::sync::APPOINTMENT;
use serde::Deserialize;
use sidecar_core::{OrganizationId, commit::Batch, queue::outbox::NewTask, record::RecordKey};

use super::{bookings::Bookings, link, tasks::reconcile_task};
use crate::{app::App, busy_blocks, calcom::booking_tag, tasks::TaskError};

/// The payload of a task: which record changed.
#[derive(Debug, Deserialize)]
pub(super) struct ChangedRecord {
    kind: String,
    id: String,
}

/// Enqueues the tasks that the change concerns.
pub(super) async fn run(app: &App, organization: &OrganizationId, changed: &ChangedRecord) -> Result<Batch, TaskError> {
    if !app.calcom.is_connected(organization).await? {
        return Ok(Batch::default());
    }
    let outbox = match changed.kind.as_str() {
        BOOKING => booking_tasks(app, organization, &changed.id).await?,
        APPOINTMENT => {
            let booking = booking_of(app, organization, &changed.id).await?;
            let reconcile = booking.map(|original| reconcile_task(organization, &original, app.now()));
            // Also for a booking's appointment: it may have blocked its time before it was known to belong to a booking.
            let block = busy_blocks::reconcile_task(app, organization, &changed.id).await?;
            reconcile.into_iter().chain(block).collect()
        }
        other => return Err(TaskError::Permanent(format!("records of kind `{other}` cannot be routed"))),
    };
    Ok(Batch { outbox, ..Batch::default() })
}

async fn booking_tasks(app: &App, organization: &OrganizationId, uid: &str) -> Result<Vec<NewTask>, TaskError> {
    let client = app.calcom.client(organization).await?;
    let mut versions = Bookings { app, client: &client, organization }.versions(uid).await?;
    let original = versions.pop();
    let mut tasks: Vec<NewTask> =
        original.iter().map(|original| reconcile_task(organization, original, app.now())).collect();
    for version in versions {
        // It was taken for an original, and its link has to be transferred.
        if link::load(app, organization, &version).await?.value.is_some() {
            tasks.push(reconcile_task(organization, &version, app.now()));
        }
    }
    Ok(tasks)
}

/// Returns the booking of an appointment, from our record or else from the tag in its description: GHL stores the appointment before
/// we save the record.
async fn booking_of(app: &App, organization: &OrganizationId, appointment: &str) -> Result<Option<String>, TaskError> {
    if let Some(booking_ref) = booking_tag::booking_of(app, organization, appointment).await?.value {
        return Ok(Some(booking_ref.booking));
    }
    let key = RecordKey { organization: organization.clone(), kind: APPOINTMENT.into(), id: appointment.into() };
    let stored = app.records.record(&key).await?;
    Ok(stored.and_then(|record| booking_tag::tagged_booking(&record.doc).map(str::to_owned)))
}
