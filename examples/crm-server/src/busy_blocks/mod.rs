//! Blocks times at Cal.com: the times of GHL's own appointments, and times that a person blocks by hand.
//!
//! ```text
//! appointment changed ─▶ booking_sync.route ─▶ busy_blocks.reconcile (outbox, one at a time for each organization)
//!                                                │ schedule lease
//!        ┌───────────────────────────────────────▼──────────────────────────────────────────┐
//!        │ desired time (appointment)  vs.  BlockRecord (ledger)                            │
//!        │ (none) ──plan──▶ planned ──block at Cal.com──▶ placed ──unblock──▶ (none)        │
//!        └──────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariants: the ledger records what a block will take before Cal.com is asked, and loses the record after Cal.com gave it back;
//! schedule and ledger change only under the schedule lease. The desired time is recomputed after every ledger write, so that a
//! concurrent change of the appointment is seen either here or by its own task.

mod appointment_blocks;
mod ledger;
mod manual_blocks;
pub mod routes;

use async_trait::async_trait;
use sidecar_core::queue::outbox::{Task, TaskHandler, TaskOutcome};

use crate::{app::App, tasks::payload};

pub(crate) use appointment_blocks::{expired_block_tasks, reconcile_task, release_blocks_then};

/// Blocks the time of an appointment, or gives it back.
const RECONCILE: &str = "busy_blocks.reconcile";

/// Executes the tasks of appointment blocks.
#[derive(Debug, Clone)]
pub struct BusyBlockTasks {
    app: App,
}

impl BusyBlockTasks {
    /// A handler for this server.
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[async_trait]
impl TaskHandler for BusyBlockTasks {
    fn kinds(&self) -> &[&'static str] {
        &[RECONCILE]
    }

    async fn execute(&self, task: &Task) -> TaskOutcome {
        let run = async { appointment_blocks::run(&self.app, task, &payload(task)?).await };
        match Box::pin(run).await {
            Ok(batch) => TaskOutcome::Done(Box::new(batch)),
            Err(error) => error.outcome(&self.app, task),
        }
    }
}
