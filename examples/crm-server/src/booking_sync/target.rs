//! The calendar at GHL that a booking belongs in, and the report of bookings without one.

use std::{borrow::Cow, sync::Arc};

use calcom_client::EventTypeId;
use ghl_client::model::LocationId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::Batch,
    queue::outbox::{Dedup, NewTask},
    record::Record,
};

use super::{PAGE_SIZE, link::CalendarRef, tasks};
use crate::{
    app::App,
    calcom::settings::{CalcomSettings, Mapping},
    ghl::{access, installations},
    tasks::TaskError,
};

/// The field of a booking that lists its hosts.
const HOSTS: &str = "hosts";

/// Where a booking's appointment belongs.
pub(super) enum TargetResolution {
    Calendar(CalendarRef),
    /// The settings name no calendar for this event type.
    Unmapped(Option<EventTypeId>),
    /// No mapping, and another user hosts the booking: an administrator's credentials show the bookings of the whole team.
    NotOurs,
}

/// Returns the calendar of the booking. The mapping of its event type applies to every host, the default mapping only to the bookings
/// that the user of the credentials hosts.
pub(super) async fn resolve_target(
    app: &App,
    organization: &OrganizationId,
    settings: &CalcomSettings,
    booking: &Record,
) -> Result<TargetResolution, TaskError> {
    if let Some(mapping) = event_type_mapping(settings, booking) {
        return Ok(TargetResolution::Calendar(mapping.into()));
    }
    if !is_own(app, organization, booking).await? {
        return Ok(TargetResolution::NotOurs);
    }
    Ok(match &settings.default_mapping {
        Some(default) => TargetResolution::Calendar(default.into()),
        None => TargetResolution::Unmapped(event_type(booking).map(EventTypeId::from)),
    })
}

/// Returns whether the booking has to be refetched to find its target: events do not always list the hosts.
pub(super) fn lacks_hosts(settings: &CalcomSettings, booking: &Record) -> bool {
    event_type_mapping(settings, booking).is_none() && !booking.doc.contains_key(HOSTS)
}

fn event_type_mapping<'a>(settings: &'a CalcomSettings, booking: &Record) -> Option<&'a Mapping> {
    settings.mapping.get(&event_type(booking)?)
}

fn event_type(booking: &Record) -> Option<i64> {
    booking.doc.get("eventTypeId").and_then(Value::as_i64)
}

/// Returns whether the user of the credentials is a host. A booking without hosts counts as theirs.
async fn is_own(app: &App, organization: &OrganizationId, booking: &Record) -> Result<bool, TaskError> {
    let hosts = booking.doc.get(HOSTS).and_then(Value::as_array);
    let Some(hosts) = hosts.filter(|hosts| !hosts.is_empty()) else { return Ok(true) };
    let user = json!(app.calcom.user(organization).await?);
    Ok(hosts.iter().any(|host| host.get("id") == Some(&user)))
}

/// Fails for a location without tokens.
pub(super) async fn check_connected(
    app: &App,
    organization: &OrganizationId,
    location: &LocationId,
) -> Result<(), TaskError> {
    let tokens = app.ghl.tokens(organization).ok_or_else(access::ghl_is_off)?;
    // Only this location's: an organization may have hundreds.
    if app.store.load(&tokens.location_key(location)).await?.is_some() {
        return Ok(());
    }
    let why = format!("location {location} is not connected at GHL: connect it, or map the event type to another");
    let is_claimed = installations::is_claimed(app, organization, None, Some(location)).await?;
    Err(if is_claimed { TaskError::NotReady(why) } else { TaskError::Permanent(why) })
}

/// The payload of a task that reports an event type without a calendar; `None` for bookings without an event type.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnmappedPayload {
    event_type: Option<EventTypeId>,
}

/// Returns the task that reports the event type: one for all its bookings, dead-lettered until the settings name a calendar.
pub(super) fn unmapped_task(organization: &OrganizationId, event_type: Option<EventTypeId>, now: Timestamp) -> NewTask {
    let suffix = event_type.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let name: Arc<str> = format!("{}:{suffix}", tasks::UNMAPPED).into();
    NewTask {
        organization: organization.clone(),
        kind: Cow::Borrowed(tasks::UNMAPPED),
        key: Arc::clone(&name),
        order_key: name,
        payload: json!(UnmappedPayload { event_type }),
        not_before: now,
        dedup: Dedup::Coalesce,
    }
}

/// Succeeds if the settings name a calendar by now: the backfill that follows a change of the settings routes the bookings.
pub(super) async fn report_unmapped(
    app: &App,
    organization: &OrganizationId,
    UnmappedPayload { event_type }: &UnmappedPayload,
) -> Result<Batch, TaskError> {
    let settings = app.calcom.settings(organization).await?;
    if settings.settings.mapping_of(*event_type).is_some() || !app.calcom.is_connected(organization).await? {
        return Ok(Batch::default());
    }
    let bookings = event_type.map_or_else(|| "without an event type".to_owned(), |id| format!("of event type {id}"));
    Err(TaskError::Permanent(format!(
        "bookings {bookings} have no calendar at GHL: set `mapping` or `defaultMapping` by PUT /api/organizations/{organization}/integrations/calcom; they are synchronized then"
    )))
}

/// Retries the dead-lettered reports: the settings may have changed, or the connection may have ended.
pub(crate) async fn retry_unmapped(app: &App, organization: &OrganizationId) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let dead = app.store.dead_tasks(Some(organization), after, PAGE_SIZE).await?;
        for task in dead.iter().filter(|task| task.kind == tasks::UNMAPPED) {
            app.store.redrive_task(task.seq, app.now()).await?;
        }
        match dead.last() {
            Some(last) if dead.len() == PAGE_SIZE as usize => after = last.seq,
            _ => break,
        }
    }
    app.outbox_wake.notify_one();
    Ok(())
}
