//! Appointments that were created at GHL block their times in Cal.com's schedule.

use std::time::Duration;

use crate::{
    harness::{SLOT_MS, Target, TestServer},
    races::{fault_once, until},
};
use calcom_client::{CalcomClient, blocking::BlockHandle, model::Slots};
use crm_server::{booking_sync, calcom::settings::Block};
use provider_sandbox::{Sandbox, ghl::Fault};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, Listing, Mutation, Record, RecordKey},
};

/// A response of some hundred bytes takes seconds.
const SLOW_RESPONSE: Fault = Fault::SlowDrip { bytes: 40, ms: 200 };
const SCHEDULES: &str = "/v2/schedules";

pub(crate) fn at(ms: i64) -> String {
    Timestamp::from_millis(ms).to_string()
}

impl TestServer {
    /// The records of the blocked times.
    pub(crate) async fn blocks(&self) -> Vec<Record> {
        let listing = Listing { limit: 1_000, ..Listing::default() };
        self.app().store.list(&self.organization, "busy_block", &listing).await.unwrap()
    }

    /// Writes a record as a worker does that has read this revision.
    pub(crate) async fn write_block(&self, id: &str, revision: u64, at: Timestamp, record: Value) {
        let Value::Object(fields) = record else { panic!("not an object") };
        let key = RecordKey { organization: self.organization.clone(), kind: "busy_block".into(), id: id.into() };
        let change = Change {
            key,
            location: None,
            version: Timestamp::EPOCH,
            origin: ChangeOrigin::Read { revision },
            position: Some(at),
            mutation: Mutation::Put(fields.into()),
            searchable: &[],
            refetch_task: None,
            on_change: None,
        };
        self.app().records.commit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
    }
}

/// Waits until the expected appointment is stored and routed, while its block is being reconciled.
async fn wait_until_routed(server: &TestServer, id: &str, is_so: impl Fn(&Record) -> bool) {
    let key = RecordKey { organization: server.organization.clone(), kind: "appointment".into(), id: id.into() };
    let store = &server.app().store;
    until(async || store.record(&key).await.unwrap().filter(&is_so)).await;
    until(async || (store.waiting_tasks().await.unwrap().0 == 1).then_some(())).await;
}

/// Whether the slot can be booked.
pub(crate) async fn is_free(server: &TestServer, target: &Target, slot: usize) -> bool {
    let calcom = server.sandbox.calcom();
    let client = CalcomClient::builder().base_url(calcom.base_url()).build().unwrap();
    let (from, to) = (Timestamp::from_millis(server.slot(slot)), Timestamp::from_millis(server.slot(slot) + SLOT_MS));
    let slots: Slots = client.slots().list(target.event_type).between(from, to).await.unwrap();
    slots.iter().any(|free| free.start.timestamp() == Some(from))
}

pub(crate) fn booked_at_ghl(server: &TestServer, target: &Target, slot: usize) -> String {
    let start = server.slot(slot);
    let fields = json!({
        "calendarId": target.calendar, "locationId": target.location, "contactId": target.contact,
        "startTime": at(start), "endTime": at(start + SLOT_MS), "ignoreFreeSlotValidation": true,
    });
    server.sandbox.ghl().create_appointment(&target.location, &fields).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_of_ghl_blocks_its_time_until_it_is_cancelled() {
    let server = TestServer::new(11, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    assert!(is_free(&server, &target, 8).await && is_free(&server, &target, 20).await);
    let id = booked_at_ghl(&server, &target, 8);
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await && is_free(&server, &target, 9).await);

    let start = server.slot(20);
    server
        .sandbox
        .ghl()
        .update_appointment(
            &id,
            &json!({"startTime": at(start), "endTime": at(start + SLOT_MS), "ignoreFreeSlotValidation": true}),
        )
        .unwrap();
    server.wait_until_idle().await;
    assert!(is_free(&server, &target, 8).await && !is_free(&server, &target, 20).await);

    server.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "cancelled"})).unwrap();
    server.wait_until_idle().await;
    assert!(is_free(&server, &target, 20).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_appointments_without_a_booking_block_their_times() {
    let server = TestServer::new(12, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let before = server.sandbox.calcom().schedules();
    let uid = server.book(target.event_type, 30, "ann", &json!({}));
    server.wait_until_idle().await;
    assert_eq!(server.appointments(&target, &uid).len(), 1);
    assert_eq!(server.sandbox.calcom().schedules(), before, "the booking takes the time at Cal.com already");
    let ids = [booked_at_ghl(&server, &target, 8), booked_at_ghl(&server, &target, 9)];
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await && !is_free(&server, &target, 9).await);
    for id in ids {
        server.sandbox.ghl().delete_appointment(&id).unwrap();
    }
    server.wait_until_idle().await;
    assert_eq!(server.sandbox.calcom().schedules(), before, "everything was unblocked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_moves_to_another_schedule_and_ends_with_the_connection() {
    let server = TestServer::new(13, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let calcom = server.sandbox.calcom();
    let client = server.app().calcom.client(&server.organization).await.unwrap();
    let other = client.schedules().create("Other", "UTC").await.unwrap().id;
    let before = calcom.schedules();
    let overrides = async || client.schedules().get(other).await.unwrap().overrides.unwrap_or_default();
    // Two at night, outside of the other schedule's hours, and one by day.
    for slot in [8, 9, 40] {
        booked_at_ghl(&server, &target, slot);
    }
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await && !is_free(&server, &target, 40).await);
    assert!(overrides().await.is_empty());

    server.set(|settings| settings.block = Some(Block { schedule_id: other })).await;
    server.wait_until_idle().await;
    assert!(is_free(&server, &target, 8).await && is_free(&server, &target, 40).await);

    server.set(|settings| settings.block = None).await;
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await && !is_free(&server, &target, 40).await);

    let writes = || calcom.counts().calls("PATCH /v2/schedules/{scheduleId}");
    let written = writes();
    assert_eq!(server.disconnect().await, 204);
    assert_eq!((calcom.schedules(), writes()), (before, written + 1), "everything was unblocked by one write");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_being_placed_during_a_disconnect_is_removed() {
    let server = TestServer::new(14, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let calcom = server.sandbox.calcom();
    let before = calcom.schedules();
    server.sandbox.control().calcom().add_faults([fault_once(SLOW_RESPONSE, "PATCH", SCHEDULES)]);
    booked_at_ghl(&server, &target, 8);
    until(async || (calcom.schedules() != before).then_some(())).await;
    let records = server.blocks().await;
    assert!(records.len() == 1 && records[0].doc["placed"] == json!(false), "Cal.com has not responded yet");
    assert_eq!(server.disconnect().await, 204);
    assert_eq!(calcom.schedules(), before, "nothing stays blocked");
    server.wait_until_idle().await;
    assert!(server.blocks().await.is_empty());
    assert_eq!(calcom.schedules(), before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_appointments_at_the_same_time_may_end_first() {
    let server = TestServer::new(25, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let before = server.sandbox.calcom().schedules();
    for first in [0, 1] {
        let mut ids = vec![booked_at_ghl(&server, &target, 8), booked_at_ghl(&server, &target, 8)];
        server.wait_until_idle().await;
        server.sandbox.ghl().delete_appointment(&ids.remove(first)).unwrap();
        server.wait_until_idle().await;
        assert!(!is_free(&server, &target, 8).await, "the other appointment still blocks it");
        server.sandbox.ghl().delete_appointment(&ids.remove(0)).unwrap();
        server.wait_until_idle().await;
        assert_eq!(server.sandbox.calcom().schedules(), before);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_deleted_before_its_block_is_planned_blocks_nothing() {
    let server = TestServer::new(26, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let calcom = server.sandbox.calcom();
    let before = calcom.schedules();
    let reads = || calcom.counts().calls("GET /v2/schedules/default");
    let read = reads();
    server.sandbox.control().calcom().add_faults([fault_once(SLOW_RESPONSE, "GET", SCHEDULES)]);
    let id = booked_at_ghl(&server, &target, 8);
    until(async || (reads() > read).then_some(())).await;
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    wait_until_routed(&server, &id, |appointment| appointment.deleted).await;
    assert!(server.blocks().await.is_empty(), "the response was meant to take longer");
    server.wait_until_idle().await;
    assert_eq!((server.blocks().await.len(), calcom.schedules()), (0, before));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_restored_while_its_block_is_removed_blocks_again() {
    let server = TestServer::new(27, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let calcom = server.sandbox.calcom();
    let before = calcom.schedules();
    let id = booked_at_ghl(&server, &target, 8);
    server.wait_until_idle().await;
    server.sandbox.control().calcom().add_faults([fault_once(SLOW_RESPONSE, "PATCH", SCHEDULES)]);
    let change = |status: &str| {
        server.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": status})).unwrap();
    };
    change("cancelled");
    until(async || (calcom.schedules() == before).then_some(())).await;
    change("confirmed");
    wait_until_routed(&server, &id, |appointment| appointment.doc["appointmentStatus"] == "confirmed").await;
    assert_eq!(server.blocks().await.len(), 1, "the response was meant to take longer");
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_expired_blocks_are_removed() {
    let server = TestServer::new(15, 1).await;
    server.wait_until_idle().await;
    let end = server.app().now() - Duration::from_secs(3 * 86_400);
    let start = end - Duration::from_secs(900);
    let account = server.app().calcom.account(&server.organization).await.unwrap();
    for number in 0..501 {
        let record = json!({"start": start, "end": end, "account": account, "handles": [], "placed": true});
        server.write_block(&format!("past-{number}"), 0, start, record).await;
    }
    assert_eq!(server.blocks().await.len(), 501);
    let backfill = booking_sync::backfill_task(&server.organization, server.app().now());
    server.app().records.commit(Batch { outbox: vec![backfill], ..Batch::default() }).await.unwrap();
    server.wait_until_idle().await;
    assert!(server.blocks().await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_move_to_the_account_that_replaces_the_first() {
    let (server, other) = (TestServer::new(16, 1).await, Sandbox::builder().seed(17).start().await.unwrap());
    server.wait_until_idle().await;
    let (first, second) = (server.sandbox.calcom(), other.calcom());
    second.open_all_hours();
    let before = (first.schedules(), second.schedules());
    booked_at_ghl(&server, &server.targets[0], 8);
    server.wait_until_idle().await;
    assert_ne!(first.schedules(), before.0);

    let request = json!({"baseUrl": second.base_url(), "apiKey": second.api_key()});
    assert_eq!(server.change(&request).await, 200);
    assert_eq!(first.schedules(), before.0, "unblocked before its credentials are gone");
    server.wait_for_syncs().await;
    server.wait_for_work().await;
    assert_ne!(second.schedules(), before.1);
    assert_eq!(server.disconnect().await, 204);
    assert_eq!((first.schedules(), second.schedules()), before);
    server.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_of_a_former_account_blocks_nothing_in_the_next_one() {
    let server = TestServer::new(18, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let client = server.app().calcom.client(&server.organization).await.unwrap();
    booked_at_ghl(&server, &target, 8);
    server.wait_until_idle().await;
    let row = server.blocks().await.remove(0);
    let mut record = Value::Object((*row.doc).clone());
    let handles: Vec<BlockHandle> = serde_json::from_value(record["handles"].clone()).unwrap();
    client.unblock_all(handles).await.unwrap();
    record["account"] = json!("4711@https://calcom.example.com/");
    server.write_block(&row.key.id, row.revision, row.position, record).await;
    server.set(|_| {}).await;
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await);
    server.stop().await;
}
