//! Routes all future bookings and appointments: those that were stored before the organization had both providers, and those for
//! which the settings changed.
//!
//! Invariant: a task enqueues the tasks of one page together with the task of the next page, so that every task is short, and a
//! backfill that is interrupted continues where it was.

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

use super::{PAGE_SIZE, reconcile, target, tasks};
use crate::{app::App, busy_blocks, tasks::TaskError};

/// The payload of a task: how far the backfill has come.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub(super) enum Position {
    Start,
    /// The records of a kind, after this row of the listing.
    Rows {
        kind: Cow<'static, str>,
        after: Option<(Timestamp, Arc<str>)>,
    },
}

/// Returns the task that starts a backfill.
pub fn backfill_task(organization: &OrganizationId, now: Timestamp) -> NewTask {
    task_at(organization, &Position::Start, now)
}

/// Each position has its own task, so that a backfill that starts while another runs does not coalesce with it.
fn task_at(organization: &OrganizationId, position: &Position, now: Timestamp) -> NewTask {
    let suffix = match position {
        Position::Start => String::new(),
        Position::Rows { kind, after: None } => format!(":{kind}"),
        Position::Rows { kind, after: Some((position, id)) } => format!(":{kind}:{}:{id}", position.as_micros()),
    };
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::BACKFILL),
        key: format!("{}{suffix}", tasks::BACKFILL).into(),
        order_key: tasks::BACKFILL.into(),
        payload: json!(position),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Enqueues the tasks of one page.
pub(super) async fn run(app: &App, organization: &OrganizationId, position: Position) -> Result<Batch, TaskError> {
    let now = app.now();
    let (kind, after) = match position {
        Position::Start => {
            target::retry_unmapped(app, organization).await?;
            let mut outbox = busy_blocks::expired_block_tasks(app, organization).await?;
            let rows = |kind| Position::Rows { kind: Cow::Borrowed(kind), after: None };
            outbox.extend([BOOKING, APPOINTMENT].map(|kind| task_at(organization, &rows(kind), now)));
            return Ok(Batch { outbox, ..Batch::default() });
        }
        Position::Rows { kind, after } => (kind, after),
    };
    let from = Some(now - reconcile::MAX_UNLINKED_AGE);
    let listing = Listing { from, after, limit: PAGE_SIZE, ..Listing::default() };
    let rows = app.records.list(organization, &kind, &listing).await?;
    let mut outbox: Vec<NewTask> = rows.iter().map(|row| tasks::route_task(&row.key, now)).collect();
    if let Some(last) = rows.last().filter(|_| rows.len() == PAGE_SIZE as usize) {
        let after = Some((last.position, Arc::clone(&last.key.id)));
        outbox.push(task_at(organization, &Position::Rows { kind, after }, now));
    }
    Ok(Batch { outbox, ..Batch::default() })
}
