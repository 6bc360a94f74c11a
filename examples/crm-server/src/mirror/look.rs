//! A look at everything that is mirrored: what was known before anybody could follow it, and what is wished for differently now.
//!
//! Invariant: a task writes a portion's follow-ups and the task of the next portion together, so that however many rows there are each
//! task is short, and a look that breaks off goes on where it was.

use std::{borrow::Cow, sync::Arc};

use calcom_client::sync::BOOKING;
use ghl_client::sync::APPOINTMENT;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidecar_core::{
    OrganizationId, Timestamp,
    commit::Batch,
    queue::outbox::{Dedup, NewTask},
    record::Listing,
};

use super::{PORTION, block, step, tasks, unmapped};
use crate::{app::App, tasks::TaskError};

/// Where a look stands.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub(super) enum Look {
    /// At its begin.
    Begin,
    /// In the records of a kind, behind this one of the listing.
    Rows { kind: Cow<'static, str>, after: Option<(Timestamp, Arc<str>)> },
}

/// The task of letting the bookings and appointments that are yet to come, or no history yet, be followed, as if each had changed.
pub fn look_at_all(organization: &OrganizationId, now: Timestamp) -> NewTask {
    task(organization, &Look::Begin, now)
}

/// One for each place: a look that begins while another is under way takes none from it.
fn task(organization: &OrganizationId, look: &Look, now: Timestamp) -> NewTask {
    let place = match look {
        Look::Begin => String::new(),
        Look::Rows { kind, after: None } => format!(":{kind}"),
        Look::Rows { kind, after: Some((position, id)) } => format!(":{kind}:{}:{id}", position.as_micros()),
    };
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::LOOK),
        key: format!("{}{place}", tasks::LOOK).into(),
        order_key: tasks::LOOK.into(),
        payload: json!(look),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Writes down what is to be followed from here on, a portion of it.
pub(super) async fn run(app: &App, organization: &OrganizationId, look: Look) -> Result<Batch, TaskError> {
    let now = app.now();
    let (kind, after) = match look {
        Look::Begin => {
            unmapped::look_again(app, organization).await?;
            let mut outbox = block::past(app, organization).await?;
            let rows = |kind| Look::Rows { kind: Cow::Borrowed(kind), after: None };
            outbox.extend([BOOKING, APPOINTMENT].map(|kind| task(organization, &rows(kind), now)));
            return Ok(Batch { outbox, ..Batch::default() });
        }
        Look::Rows { kind, after } => (kind, after),
    };
    let listing = Listing { from: Some(now - step::HISTORY), after, limit: PORTION, ..Listing::default() };
    let rows = app.store.list(organization, &kind, &listing).await?;
    let mut outbox: Vec<NewTask> = rows.iter().map(|row| tasks::follow(&row.key, now)).collect();
    if let Some(last) = rows.last().filter(|_| rows.len() == PORTION as usize) {
        let after = Some((last.position, Arc::clone(&last.key.id)));
        outbox.push(task(organization, &Look::Rows { kind, after }, now));
    }
    Ok(Batch { outbox, ..Batch::default() })
}
