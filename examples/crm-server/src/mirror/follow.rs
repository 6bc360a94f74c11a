//! What a change of a booking or an appointment leads to: a step for the booking it belongs to, or a block for its time.

use calcom_client::sync::BOOKING;
use ghl_client::sync::APPOINTMENT;
use serde::Deserialize;
use sidecar_core::{
    commit::Batch,
    queue::outbox::{NewTask, Task},
    record::RecordKey,
};

use super::{block, chain::Bookings, link, tasks::mirror};
use crate::{app::App, tasks::TaskError};

/// Which record changed; the store writes it.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    kind: String,
    id: String,
}

/// Finds out what the change concerns.
pub(super) async fn run(app: &App, task: &Task, changed: &Changed) -> Result<Batch, TaskError> {
    let organization = &task.organization;
    if !app.calcom.is_connected(organization).await? {
        return Ok(Batch::default());
    }
    let outbox = match changed.kind.as_str() {
        BOOKING => {
            let client = app.calcom.client(organization).await?;
            let mut forms = Bookings { app, client: &client, organization }.forms(&changed.id).await?;
            let first = forms.pop();
            let mut steps: Vec<NewTask> = first.iter().map(|first| mirror(organization, first, app.now())).collect();
            for form in forms {
                // It was taken for a first one, and has something to hand over.
                if link::of_booking(app, organization, &form).await?.note.is_some() {
                    steps.push(mirror(organization, &form, app.now()));
                }
            }
            steps
        }
        APPOINTMENT => match booking_of(app, task, &changed.id).await? {
            Some(root) => {
                // Its time may have been taken before it was known to be a booking's.
                let block = block::wish(app, organization, &changed.id).await?;
                [mirror(organization, &root, app.now())].into_iter().chain(block).collect()
            }
            None => block::wish(app, organization, &changed.id).await?.into_iter().collect(),
        },
        other => return Err(TaskError::Permanent(format!("nothing follows from records of kind `{other}`"))),
    };
    Ok(Batch { outbox, ..Batch::default() })
}

/// The booking that an appointment was made for: as the link says, or else its description, for links are kept after the
/// appointment was made.
async fn booking_of(app: &App, task: &Task, appointment: &str) -> Result<Option<String>, TaskError> {
    let back = link::of_appointment(app, &task.organization, appointment).await?;
    if let Some(back) = back.note {
        return Ok(Some(back.root));
    }
    let key = RecordKey { organization: task.organization.clone(), kind: APPOINTMENT.into(), id: appointment.into() };
    let stored = app.store.record(&key).await?;
    Ok(stored.and_then(|record| crate::calcom::booking_tag::tagged_booking(&record.doc).map(str::to_owned)))
}
