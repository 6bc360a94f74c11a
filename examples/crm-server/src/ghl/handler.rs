//! What a GHL delivery changes: records, a line of history, and tasks for what has to be done at the provider.
//!
//! Whether it is genuine was settled by the route; what the tasks do lives in `tasks`. Invariant: planning has no effects,
//! so that a lot may be planned twice; every delivery leaves one line of history, also one that nobody understands.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use async_trait::async_trait;
use ghl_client::{
    GhlEvent,
    sync::webhook_changes,
    webhook::{Event, InstallPayload},
};
use sidecar_core::{
    OrganizationId, StoreError,
    inbox::{Claim, InboxHandler, Plan, Verdict},
    outbox::NewTask,
    record::{Applied, Outcome},
};
use sidecar_store::Store;

use super::tasks;
use crate::app::App;

/// Where a delivery comes from, in the inbox and in the history.
pub const SOURCE: &str = "ghl";

/// Plans the deliveries of GHL.
#[derive(Debug, Clone)]
pub struct GhlInboxHandler {
    app: App,
}

impl GhlInboxHandler {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn add(&self, plan: &mut Plan, claim: &Claim, owners: &mut Owners<'_>) -> Result<Verdict, StoreError> {
        let delivery = &claim.delivery;
        if delivery.source != SOURCE {
            return Ok(Verdict::Failed(format!("nobody here understands deliveries of {}", delivery.source)));
        }
        let Ok(event) = GhlEvent::parse(&delivery.body) else {
            plan.batch.applied.push(line(claim, delivery.organization.clone(), None, "no_event"));
            return Ok(Verdict::Done);
        };
        let organization = match &delivery.organization {
            Some(organization) => Some(organization.clone()),
            None => owners.of(&event).await?,
        };
        let outcome = match &organization {
            None => "no_organization",
            Some(organization) => self.effects(plan, claim, &event, organization),
        };
        plan.batch.applied.push(line(claim, organization, event.entity_id(), outcome));
        Ok(Verdict::Done)
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
        let payload =
            tasks::Installation { company: event.data.company_id.clone(), location: event.data.location_id.clone() };
        plan.batch.outbox.push(NewTask {
            organization: organization.clone(),
            kind: Cow::Borrowed(kind),
            key: format!("{kind}:{}", claim.delivery.id).into(),
            order_key: tasks::INSTALLATION_ORDER.into(),
            payload: payload.to_json(),
            not_before: claim.delivery.at,
            again: false,
        });
        "applied"
    }
}

#[async_trait]
impl InboxHandler for GhlInboxHandler {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let mut owners = Owners { store: &*self.app.store, known: HashMap::new() };
        let mut plan = Plan::default();
        for claim in claims {
            let verdict = self.add(&mut plan, claim, &mut owners).await?;
            plan.verdicts.push(verdict);
        }
        Ok(plan)
    }

    fn committed(&self, claims: &[Claim], outcome: &Outcome) {
        tracing::debug!(deliveries = claims.len(), changes = outcome.changes.len(), "worked on deliveries");
        self.app.outbox_wake.notify_one();
    }
}

fn line(claim: &Claim, organization: Option<OrganizationId>, entity: Option<&str>, outcome: &'static str) -> Applied {
    Applied {
        organization,
        source: Cow::Borrowed(SOURCE),
        delivery: Arc::clone(&claim.delivery.id),
        kind: Arc::clone(&claim.delivery.kind),
        entity: entity.map(Arc::from),
        outcome: Cow::Borrowed(outcome),
    }
}

/// Whose a location or company is, asked once per lot.
struct Owners<'a> {
    store: &'a dyn Store,
    known: HashMap<(&'static str, String), Option<OrganizationId>>,
}

impl Owners<'_> {
    /// The organization that connected the event's location, or else its company.
    async fn of(&mut self, event: &GhlEvent) -> Result<Option<OrganizationId>, StoreError> {
        if let Some(location) = event.location_id()
            && let Some(owner) = self.ask("location", location.as_str()).await?
        {
            return Ok(Some(owner));
        }
        match event.company_id() {
            Some(company) => self.ask("company", company.as_str()).await,
            None => Ok(None),
        }
    }

    async fn ask(&mut self, what: &'static str, id: &str) -> Result<Option<OrganizationId>, StoreError> {
        let key = (what, id.to_owned());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let owner = match what {
            "company" => self.store.organization_of_company(SOURCE, id).await?,
            _ => self.store.organization_of_location(SOURCE, id).await?,
        };
        self.known.insert(key, owner.clone());
        Ok(owner)
    }
}
