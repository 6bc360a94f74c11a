//! Plans the effects of Cal.com's deliveries: changes of bookings, and an event log entry.
//!
//! Invariant: planning has no side effects, so a batch may be planned twice; every delivery leaves one event log entry, even if it
//! cannot be parsed.

use std::{borrow::Cow, sync::Arc};

use calcom_client::{CalcomEvent, sync::webhook_changes};
use sidecar_core::{
    StoreError,
    commit::EventLogEntry,
    queue::inbox::{Claim, Plan},
};

use super::SOURCE;
use crate::{app::App, mirror};

/// Plans one batch of Cal.com's deliveries.
#[derive(Debug)]
pub struct CalcomDeliveries<'a> {
    app: &'a App,
}

impl<'a> CalcomDeliveries<'a> {
    /// A planner for one batch.
    pub fn new(app: &'a App) -> Self {
        Self { app }
    }

    /// Adds the effects of a delivery to the plan.
    ///
    /// # Errors
    /// The store cannot be read; the plan must be discarded.
    pub async fn add(&mut self, plan: &mut Plan, claim: &Claim) -> Result<(), StoreError> {
        let delivery = &claim.delivery;
        let (entity, outcome) = match (CalcomEvent::parse(&delivery.body), &delivery.organization) {
            (Err(_), _) => (None, "not_parsed"),
            (Ok(_), None) => (None, "no_organization"),
            (Ok(event), Some(organization)) => {
                let mut changes = webhook_changes(&event, organization, delivery.at);
                let outcome = match &event {
                    CalcomEvent::Unknown(unknown) if unknown.why.is_some() => "unexpected_schema",
                    CalcomEvent::Unknown(_) => "unknown",
                    _ if changes.is_empty() => "no_change",
                    _ => "applied",
                };
                mirror::watch(self.app, organization, &mut changes).await?;
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
        Ok(())
    }
}
