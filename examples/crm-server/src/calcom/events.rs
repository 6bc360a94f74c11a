//! What a delivery of Cal.com changes: the copy of a booking, and a line of history. What follows at GHL is the `mirror`'s.
//!
//! Whether it is genuine, and whose it is, was settled by the route. Invariant: planning has no effects, so that a lot may be
//! planned twice; every delivery leaves one line of history, also one that nobody understands.

use std::{borrow::Cow, sync::Arc};

use calcom_client::{CalcomEvent, sync::webhook_changes};
use sidecar_core::{
    StoreError,
    commit::EventLogEntry,
    queue::inbox::{Claim, Plan},
};

use super::SOURCE;
use crate::{app::App, mirror};

/// Plans deliveries of Cal.com: one value for one lot.
#[derive(Debug)]
pub struct CalcomDeliveries<'a> {
    app: &'a App,
}

impl<'a> CalcomDeliveries<'a> {
    /// For one lot.
    pub fn new(app: &'a App) -> Self {
        Self { app }
    }

    /// Adds what the delivery changes to the plan.
    ///
    /// # Errors
    /// The store could not be asked; nothing of the plan is to be used.
    pub async fn add(&mut self, plan: &mut Plan, claim: &Claim) -> Result<(), StoreError> {
        let delivery = &claim.delivery;
        let (entity, outcome) = match (CalcomEvent::parse(&delivery.body), &delivery.organization) {
            (Err(_), _) => (None, "no_event"),
            (Ok(_), None) => (None, "no_organization"),
            (Ok(event), Some(organization)) => {
                let mut changes = webhook_changes(&event, organization, delivery.at);
                let outcome = match &event {
                    CalcomEvent::Unknown(unknown) if unknown.why.is_some() => "changed_shape",
                    CalcomEvent::Unknown(_) => "unknown",
                    _ if changes.is_empty() => "noted",
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
