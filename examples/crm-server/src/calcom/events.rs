//! What a delivery of Cal.com changes: the copy of a booking, and a line of history.
//!
//! Whether it is genuine, and whose it is, was settled by the route. Invariant: planning has no effects, so that a lot may be
//! planned twice; every delivery leaves one line of history, also one that nobody understands.

use std::{borrow::Cow, sync::Arc};

use calcom_client::{CalcomEvent, sync::webhook_changes};
use sidecar_core::{
    commit::EventLogEntry,
    queue::inbox::{Claim, Plan},
};

use super::SOURCE;

/// Adds what a delivery of Cal.com changes to the plan.
pub fn plan_delivery(plan: &mut Plan, claim: &Claim) {
    let delivery = &claim.delivery;
    let (entity, outcome) = match (CalcomEvent::parse(&delivery.body), &delivery.organization) {
        (Err(_), _) => (None, "no_event"),
        (Ok(_), None) => (None, "no_organization"),
        (Ok(event), Some(organization)) => {
            let changes = webhook_changes(&event, organization, delivery.at);
            let outcome = match &event {
                CalcomEvent::Unknown(unknown) if unknown.why.is_some() => "changed_shape",
                CalcomEvent::Unknown(_) => "unknown",
                _ if changes.is_empty() => "noted",
                _ => "applied",
            };
            plan.batch.changes.extend(changes);
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
