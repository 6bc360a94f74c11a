//! Dispatches deliveries and tasks to the handler of their provider.
//!
//! Invariant: a batch is planned whole and in order, whatever its sources; a delivery of an unknown source becomes a dead letter.

use std::sync::Arc;

use async_trait::async_trait;
use sidecar_core::{
    StoreError,
    commit::Outcome,
    queue::{
        inbox::{Claim, DeliveryOutcome, InboxHandler, Plan},
        outbox::{Task, TaskHandler, TaskOutcome},
    },
};

use crate::{
    app::App,
    calcom::{self, events::CalcomDeliveries},
    ghl::{
        events::{self, GhlDeliveries},
        tasks::GhlTasks,
    },
    mirror::MirrorTasks,
};

/// Plans the deliveries of every provider.
#[derive(Debug, Clone)]
pub struct Deliveries {
    app: App,
}

impl Deliveries {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl InboxHandler for Deliveries {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let (mut ghl, mut calcom) = (GhlDeliveries::new(&self.app), CalcomDeliveries::new(&self.app));
        let mut plan = Plan::default();
        for claim in claims {
            match &*claim.delivery.source {
                events::SOURCE => ghl.add(&mut plan, claim).await?,
                calcom::SOURCE => calcom.add(&mut plan, claim).await?,
                source => {
                    plan.outcomes.push(DeliveryOutcome::Failed(format!("deliveries of `{source}` are not supported")));
                    continue;
                }
            }
            plan.outcomes.push(DeliveryOutcome::Done);
        }
        Ok(plan)
    }

    fn committed(&self, claims: &[Claim], outcome: &Outcome) {
        tracing::debug!(deliveries = claims.len(), changes = outcome.changes.len(), "processed deliveries");
        self.app.outbox_wake.notify_one();
    }
}

/// Executes the tasks of every provider.
#[derive(Debug)]
pub struct Tasks {
    handlers: Vec<Arc<dyn TaskHandler>>,
    kinds: Vec<&'static str>,
}

impl Tasks {
    /// A handler for this server.
    pub fn new(app: &App) -> Self {
        let handlers: Vec<Arc<dyn TaskHandler>> =
            vec![Arc::new(GhlTasks::new(app.clone())), Arc::new(MirrorTasks::new(app.clone()))];
        let kinds = handlers.iter().flat_map(|handler| handler.kinds().iter().copied()).collect();
        Self { handlers, kinds }
    }
}

#[async_trait]
impl TaskHandler for Tasks {
    fn kinds(&self) -> &[&'static str] {
        &self.kinds
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        let knows = |handler: &&Arc<dyn TaskHandler>| handler.kinds().contains(&task.kind.as_str());
        match self.handlers.iter().find(knows) {
            Some(handler) => handler.execute(task).await,
            None => TaskOutcome::Discard(format!("tasks of kind `{}` are not supported", task.kind)),
        }
    }
}
