//! Plans the effects of GHL's deliveries: changes of records, an event log entry, and tasks for the provider.
//!
//! Invariant: planning has no side effects, so a batch may be planned twice; every delivery leaves one event log entry, even if it
//! cannot be parsed.

use std::{borrow::Cow, sync::Arc};

use ghl_client::{
    GhlEvent,
    events::{Event, InstallPayload},
    model::WireTime,
    sync::webhook_changes,
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

/// The provider's name in the inbox and in the event log.
pub const SOURCE: &str = "ghl";

/// Plans one batch of GHL's deliveries.
#[derive(Debug)]
pub struct GhlDeliveries<'a> {
    app: &'a App,
    owners: OwnerLookup<'a>,
}

impl<'a> GhlDeliveries<'a> {
    /// A planner for one batch.
    pub fn new(app: &'a App) -> Self {
        Self { app, owners: OwnerLookup::new(&*app.store) }
    }

    /// Adds the effects of a delivery to the plan.
    ///
    /// # Errors
    /// The store cannot be read; the plan must be discarded.
    pub async fn add(&mut self, plan: &mut Plan, claim: &Claim) -> Result<(), StoreError> {
        let delivery = &claim.delivery;
        let Ok(event) = GhlEvent::parse(&delivery.body) else {
            plan.batch.event_log.push(log_entry(claim, delivery.organization.clone(), None, "not_parsed"));
            return Ok(());
        };
        // The owner may have changed since the delivery was stored.
        let organization = self.owners.owner_of(&owner_key(&event)).await?;
        let outcome = match &organization {
            None => "no_organization",
            Some(organization) => self.effects(plan, claim, &event, organization),
        };
        plan.batch.event_log.push(log_entry(claim, organization, event.entity_id(), outcome));
        Ok(())
    }

    /// Adds the effects of an event to the plan and returns the outcome for the event log.
    fn effects(&self, plan: &mut Plan, claim: &Claim, event: &GhlEvent, organization: &OrganizationId) -> &'static str {
        match event {
            GhlEvent::Unknown(unknown) if unknown.why.is_some() => "unexpected_schema",
            GhlEvent::Unknown(_) => "unknown",
            GhlEvent::Install(event) => self.installation(plan, claim, event, organization, tasks::INSTALL),
            GhlEvent::Uninstall(event) => self.installation(plan, claim, event, organization, tasks::UNINSTALL),
            event => {
                let changes = webhook_changes(event, organization, claim.delivery.at);
                let is_empty = changes.is_empty();
                match plan.add_changes(changes) {
                    0 if is_empty => "no_change",
                    0 => "applied",
                    _ => "invalid_id",
                }
            }
        }
    }

    /// Events of all apps are signed with the same key: only those of this app may change its connections.
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

fn log_entry(
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
