//! What a GHL delivery changes: records, a line of history, and tasks for what has to be done at the provider.
//!
//! Whether it is genuine was settled by the route; what the tasks do lives in `tasks`. Invariant: planning has no effects,
//! so that a lot may be planned twice; every delivery leaves one line of history, also one that nobody understands.

use std::{borrow::Cow, sync::Arc};

use ghl_client::{
    GhlEvent,
    model::WireTime,
    sync::webhook_changes,
    webhook::{Event, InstallPayload},
};
use sidecar_core::{
    OrganizationId, StoreError,
    commit::EventLogEntry,
    queue::{
        inbox::{Claim, Plan},
        outbox::{Dedup, NewTask},
    },
};

use super::{installations::Installation, tasks};
use crate::{
    app::App,
    tenancy::owners::{OwnerKey, OwnerLookup},
};

/// Where a delivery comes from, in the inbox and in the history.
pub const SOURCE: &str = "ghl";

/// Plans deliveries of GHL: one value for one lot.
#[derive(Debug)]
pub struct GhlDeliveries<'a> {
    app: &'a App,
    owners: OwnerLookup<'a>,
}

impl<'a> GhlDeliveries<'a> {
    /// For one lot.
    pub fn new(app: &'a App) -> Self {
        Self { app, owners: OwnerLookup::new(&*app.store) }
    }

    /// Adds what the delivery changes to the plan.
    ///
    /// # Errors
    /// The store could not be asked; nothing of the plan is to be used.
    pub async fn add(&mut self, plan: &mut Plan, claim: &Claim) -> Result<(), StoreError> {
        let delivery = &claim.delivery;
        let Ok(event) = GhlEvent::parse(&delivery.body) else {
            plan.batch.event_log.push(line(claim, delivery.organization.clone(), None, "no_event"));
            return Ok(());
        };
        // The delivery's own label is from when it arrived.
        let organization = self.owners.owner_of(&owner_key(&event)).await?;
        let outcome = match &organization {
            None => "no_organization",
            Some(organization) => self.effects(plan, claim, &event, organization),
        };
        plan.batch.event_log.push(line(claim, organization, event.entity_id(), outcome));
        Ok(())
    }

    /// Adds what the event does to the plan, and names it for the history.
    fn effects(&self, plan: &mut Plan, claim: &Claim, event: &GhlEvent, organization: &OrganizationId) -> &'static str {
        match event {
            GhlEvent::Unknown(unknown) if unknown.why.is_some() => "changed_shape",
            GhlEvent::Unknown(_) => "unknown",
            GhlEvent::Install(event) => self.installation(plan, claim, event, organization, tasks::INSTALL),
            GhlEvent::Uninstall(event) => self.installation(plan, claim, event, organization, tasks::UNINSTALL),
            event => {
                let changes = webhook_changes(event, organization, claim.delivery.at);
                let outcome = if changes.is_empty() { "noted" } else { "applied" };
                plan.batch.changes.extend(changes);
                outcome
            }
        }
    }

    /// Every app's events are signed with the same key: only those about this app may touch its connections.
    fn installation(
        &self,
        plan: &mut Plan,
        claim: &Claim,
        event: &Event<InstallPayload>,
        organization: &OrganizationId,
        kind: &'static str,
    ) -> &'static str {
        if event.envelope.app_id.as_deref() != self.app.ghl.app_id() {
            return "other_app";
        }
        let payload = Installation {
            company: event.data.company_id.clone(),
            location: event.data.location_id.clone(),
            at: Some(event.envelope.timestamp.as_ref().and_then(WireTime::timestamp).unwrap_or(claim.delivery.at)),
        };
        plan.batch.outbox.push(NewTask {
            organization: organization.clone(),
            kind: Cow::Borrowed(kind),
            key: format!("{kind}:{}", claim.delivery.id).into(),
            order_key: payload.order_key().into(),
            payload: payload.to_json(),
            not_before: claim.delivery.at,
            dedup: Dedup::Once,
        });
        "applied"
    }
}

/// The ids that name the owner of an event.
pub(super) fn owner_key(event: &GhlEvent) -> OwnerKey {
    OwnerKey {
        source: SOURCE,
        location: event.location_id().map(|id| id.to_string()),
        company: event.company_id().map(|id| id.to_string()),
    }
}

fn line(
    claim: &Claim,
    organization: Option<OrganizationId>,
    entity: Option<&str>,
    outcome: &'static str,
) -> EventLogEntry {
    EventLogEntry {
        organization,
        source: Cow::Borrowed(SOURCE),
        delivery: Arc::clone(&claim.delivery.id),
        kind: Arc::clone(&claim.delivery.kind),
        entity: entity.map(Arc::from),
        outcome: Cow::Borrowed(outcome),
    }
}
