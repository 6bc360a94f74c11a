//! After a whole copy everything is looked at once more, whatever becomes of the process that copied.

use std::{sync::Arc, time::Duration};

use crate::house::House;
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

const LOOK: &str = "booking_sync.backfill";
const FOLLOW: &str = "booking_sync.route";

impl House {
    async fn with_calcom() -> Self {
        let house = Self::new(1).await;
        let tokens = house.app.calcom.tokens(&house.organization, &CalcomSettings::default());
        tokens.adopt_api_key(house.sandbox.calcom().api_key().into()).await.unwrap();
        house
    }

    async fn claim_of(&self, kind: &str) -> Vec<Task> {
        self.store()
            .claim_tasks(&[kind], &ClaimRequest::new(5_000, Duration::from_secs(30), self.app.now()))
            .await
            .unwrap()
    }

    /// Carries out the looks, and the looks that they lead to; how many rows each looked at.
    async fn look(&self) -> Vec<usize> {
        let mut looked = Vec::new();
        loop {
            let tasks = self.claim_of(LOOK).await;
            if tasks.is_empty() {
                return looked;
            }
            for task in tasks {
                let TaskOutcome::Done(mut batch) = Tasks::new(&self.app).execute(&task).await else {
                    panic!("{task:?}")
                };
                looked.push(batch.outbox.iter().filter(|task| task.kind == FOLLOW).count());
                batch.outbox_done.push(task.claim);
                assert!(self.store().commit(*batch).await.unwrap().committed);
            }
        }
    }

    /// Appointments that are yet to come, many of them at the same time.
    async fn keep_appointments(&self, count: usize) {
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
async fn a_whole_copy_ends_with_a_look_that_any_process_carries_out_and_one_of_changes_does_not() {
    let house = House::with_calcom().await;
    house.keep_appointments(3).await;
    let calcom = house.sandbox.calcom();
    calcom.open_all_hours();
    let (intro, ann) = (calcom.event_type_id("intro").unwrap(), Attendee::new("ann", "ann@example.com"));
    let day = 86_400_000;
    let tomorrow = (house.sandbox.control().now_ms() / day + 1) * day;
    calcom.book(intro, tomorrow, &ann, &json!({})).unwrap();
    house.app.sync_schedule.schedule_bookings(&house.organization).await.unwrap();
    let key = SyncKey::new(&house.organization, "CALCOM_BOOKINGS", "calcom:account");
    run::run(&house.app, &key, &()).await.unwrap();
    assert_eq!(house.look().await, [0, 1, 3]);
    assert_eq!(house.claim_of(FOLLOW).await.len(), 4);

    run::run(&house.app, &key, &()).await.unwrap();
    assert!(house.look().await.is_empty());
}

#[tokio::test]
async fn a_look_goes_through_all_rows_in_portions_each_a_task_and_begins_anew_when_it_is_wished_for() {
    let house = House::with_calcom().await;
    house.keep_appointments(1_400).await;
    let wish = || {
        let look = booking_sync::backfill_task(&house.organization, house.app.now());
        Batch { outbox: vec![look.clone(), look], ..Batch::default() }
    };
    house.store().commit(wish()).await.unwrap();
    assert_eq!(house.look().await, [0, 0, 500, 500, 400]);
    assert_eq!(house.claim_of(FOLLOW).await.len(), 1_400);
    house.store().commit(wish()).await.unwrap();
    assert_eq!(house.look().await, [0, 0, 500, 500, 400]);
    assert_eq!(house.store().waiting_tasks().await.unwrap(), (1_400, 0), "of each row one");
}
