//! Plans the effects of Cal.com's deliveries: changes of bookings, and an event log entry.
//!
//! Invariant: planning has no side effects, so a batch may be planned twice; every delivery leaves one event log entry, even if it
//! cannot be parsed.

use std::{borrow::Cow, sync::Arc};

use calcom_client::{CalcomEvent, sync::webhook_changes};
use sidecar_core::{
    commit::EventLogEntry,
    queue::inbox::{Claim, Plan},
};

use super::SOURCE;

/// Adds the effects of a delivery to the plan.
pub fn plan_delivery(plan: &mut Plan, claim: &Claim) {
    let delivery = &claim.delivery;
    let (entity, outcome) = match (CalcomEvent::parse(&delivery.body), &delivery.organization) {
        (Err(_), _) => (None, "not_parsed"),
        (Ok(_), None) => (None, "no_organization"),
        (Ok(event), Some(organization)) => {
            let changes = webhook_changes(&event, organization, delivery.at);
            let outcome = match &event {
                CalcomEvent::Unknown(unknown) if unknown.why.is_some() => "unexpected_schema",
                CalcomEvent::Unknown(_) => "unknown",
                _ if changes.is_empty() => "no_change",
                _ if plan.add_changes(changes) > 0 => "invalid_id",
                _ => "applied",
            };
            (event.booking_uid(), outcome)
        }
    };
    plan.batch.event_log.push(EventLogEntry {
        organization: delivery.organization.clone(),
        source: Cow::Borrowed(SOURCE),
        delivery: Arc::clone(&delivery.id),
        kind: Arc::clone(&delivery.kind),
        entity: entity.map(|uid| uid.as_str().into()),
        outcome: Cow::Borrowed(outcome),
    });
}
