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
use tracing::Instrument as _;

use crate::{
    app::App,
    booking_sync::BookingSyncTasks,
    busy_blocks::BusyBlockTasks,
    calcom,
    ghl::{
        events::{self, GhlDeliveries},
        tasks::GhlTasks,
    },
};

/// Plans the deliveries of every provider.
#[derive(Debug, Clone)]
pub struct Deliveries {
    app: App,
}

impl Deliveries {
    /// Returns the handler of this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl InboxHandler for Deliveries {
    async fn plan(&self, claims: &[Claim]) -> Result<Plan, StoreError> {
        let mut ghl = GhlDeliveries::new(&self.app);
        let mut plan = Plan::default();
        for claim in claims {
            match &*claim.delivery.source {
                events::SOURCE => ghl.add(&mut plan, claim).instrument(claim.span()).await?,
                calcom::SOURCE => claim.span().in_scope(|| calcom::events::plan_delivery(&mut plan, claim)),
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
    /// Returns the handler of this server.
    pub fn new(app: &App) -> Self {
        let handlers: Vec<Arc<dyn TaskHandler>> = vec![
            Arc::new(GhlTasks::new(app.clone())),
            Arc::new(BookingSyncTasks::new(app.clone())),
            Arc::new(BusyBlockTasks::new(app.clone())),
        ];
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
