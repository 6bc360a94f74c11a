//! A full sync run enqueues a backfill, which any process can execute.

use std::{sync::Arc, time::Duration};

use crate::harness::Harness;
use crm_server::{booking_sync, calcom::settings::CalcomSettings, sync::run, workers::Tasks};
use ghl_client::sync::APPOINTMENT;
use provider_sandbox::calcom::Attendee;
use serde_json::json;
use sidecar_core::{
    commit::{Batch, MAX_CHANGES},
    queue::ClaimRequest,
    queue::outbox::{Task, TaskHandler, TaskOutcome},
    record::{Change, ChangeOrigin, Doc, Mutation, RecordKey},
    sync::SyncKey,
};

const BACKFILL: &str = "booking_sync.backfill";
const ROUTE: &str = "booking_sync.route";

impl Harness {
    async fn with_calcom() -> Self {
        let harness = Self::new(1).await;
        let tokens = harness.app.calcom.tokens(&harness.organization, &CalcomSettings::default());
        tokens.adopt_api_key(harness.sandbox.calcom().api_key().into()).await.unwrap();
        harness
    }

    async fn claim_of(&self, kind: &str) -> Vec<Task> {
        self.store()
            .claim_tasks(&[kind], &ClaimRequest::new(5_000, Duration::from_secs(30), self.app.now()))
            .await
            .unwrap()
    }

    /// Executes the backfill tasks and the ones they enqueue. Returns how many rows each of them routed.
    async fn run_backfills(&self) -> Vec<usize> {
        let mut routed = Vec::new();
        loop {
            let tasks = self.claim_of(BACKFILL).await;
            if tasks.is_empty() {
                return routed;
            }
            for task in tasks {
                let TaskOutcome::Done(mut batch) = Tasks::new(&self.app).execute(&task).await else {
                    panic!("{task:?}")
                };
                routed.push(batch.outbox.iter().filter(|task| task.kind == ROUTE).count());
                batch.outbox_done.push(task.claim);
                assert!(self.store().commit(*batch).await.unwrap().committed);
            }
        }
    }

    /// Stores `count` upcoming appointments, up to 700 of them with the same start.
    async fn store_appointments(&self, count: usize) {
        let now = self.app.now();
        let change = |number: usize| Change {
            key: RecordKey {
                organization: self.organization.clone(),
                kind: APPOINTMENT.into(),
                id: format!("a{number:05}").into(),
            },
            location: None,
            version: now,
            origin: ChangeOrigin::Listed,
            position: Some(now + Duration::from_micros(number as u64 / 700)),
            mutation: Mutation::Put(Arc::new(Doc::new())),
            searchable: &[],
            refetch_task: None,
            on_change: None,
        };
        let changes: Vec<_> = (0..count).map(change).collect();
        for changes in changes.chunks(MAX_CHANGES) {
            self.store().commit(Batch { changes: changes.to_vec(), ..Batch::default() }).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_full_run_enqueues_a_backfill_and_an_incremental_run_does_not() {
    let harness = Harness::with_calcom().await;
    harness.store_appointments(3).await;
    let calcom = harness.sandbox.calcom();
    calcom.open_all_hours();
    let (intro, ann) = (calcom.event_type_id("intro").unwrap(), Attendee::new("ann", "ann@example.com"));
    let day = 86_400_000;
    let tomorrow = (harness.sandbox.control().now_ms() / day + 1) * day;
    calcom.book(intro, tomorrow, &ann, &json!({})).unwrap();
    harness.app.sync_schedule.schedule_bookings(&harness.organization).await.unwrap();
    let key = SyncKey::new(&harness.organization, "CALCOM_BOOKINGS", "calcom:account");
    run::run(&harness.app, &key, &()).await.unwrap();
    assert_eq!(harness.run_backfills().await, [0, 1, 3]);
    assert_eq!(harness.claim_of(ROUTE).await.len(), 4);

    run::run(&harness.app, &key, &()).await.unwrap();
    assert!(harness.run_backfills().await.is_empty());
}

#[tokio::test]
async fn a_backfill_routes_all_rows_in_batches_and_restarts_on_request() {
    let harness = Harness::with_calcom().await;
    harness.store_appointments(1_400).await;
    let request = || {
        let backfill = booking_sync::backfill_task(&harness.organization, harness.app.now());
        Batch { outbox: vec![backfill.clone(), backfill], ..Batch::default() }
    };
    harness.store().commit(request()).await.unwrap();
    assert_eq!(harness.run_backfills().await, [0, 0, 500, 500, 400]);
    assert_eq!(harness.claim_of(ROUTE).await.len(), 1_400);
    harness.store().commit(request()).await.unwrap();
    assert_eq!(harness.run_backfills().await, [0, 0, 500, 500, 400]);
    assert_eq!(harness.store().waiting_tasks().await.unwrap(), (1_400, 0), "one task for each row");
}
