//! Changes while a response is in flight, and changes without a webhook.

use std::time::Duration;

use provider_sandbox::{
    calcom::WebhookCommand,
    ghl::{Fault, FaultRule},
};
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock, Timestamp,
    record::{Record, RecordKey},
};

use crate::harness::{SLOT_MS, Target, TestServer, ms};

/// A response takes seconds, longer than a webhook of a concurrent change: GHL's has some hundred bytes, Cal.com's some thousand.
const SLOW_RESPONSE: Fault = Fault::SlowDrip { bytes: 30, ms: 200 };
const SLOW_CALCOM_RESPONSE: Fault = Fault::SlowDrip { bytes: 120, ms: 200 };
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const APPOINTMENTS: &str = "/calendars/events/appointments";

/// A fault of the next call of this kind.
pub(crate) fn fault_once(fault: Fault, method: &str, path: &str) -> FaultRule {
    let (method, path) = (Some(method.to_owned()), Some(path.to_owned()));
    FaultRule { method, path, fault, times: Some(1), ..FaultRule::default() }
}

fn to(start: i64) -> Value {
    let at = |ms| Timestamp::from_millis(ms).to_string();
    json!({"startTime": at(start), "endTime": at(start + SLOT_MS), "ignoreFreeSlotValidation": true})
}

/// Polls until the result is `Some`.
pub(crate) async fn until<T>(mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        clock.sleep(POLL_INTERVAL).await;
    }
}

/// Waits for the booking's appointment and returns its id.
async fn created_appointment(server: &TestServer, target: &Target, uid: &str) -> String {
    until(async || Some(server.appointments(target, uid).first()?["id"].as_str()?.to_owned())).await
}

/// A server with a synchronized booking: its target, uid, and appointment.
async fn server_with_booking(seed: u64) -> (TestServer, Target, String, String) {
    let server = TestServer::new(seed, 1).await;
    let target = server.targets[0].clone();
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    server.wait_until_idle().await;
    let id = created_appointment(&server, &target, &uid).await;
    (server, target, uid, id)
}

/// Waits until the expected record is stored, while the reconciler still waits for its response.
async fn wait_for_record(server: &TestServer, kind: &'static str, id: &str, is_so: impl Fn(&Record) -> bool) {
    let key = RecordKey { organization: server.organization.clone(), kind: kind.into(), id: id.into() };
    let store = &server.app().store;
    until(async || store.record(&key).await.unwrap().filter(&is_so)).await;
    assert!(store.waiting_tasks().await.unwrap().0 > 0, "the response was meant to take longer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_deleted_during_its_creation_cancels_the_booking() {
    let server = TestServer::new(20, 1).await;
    let target = server.targets[0].clone();
    server.sandbox.control().add_faults([fault_once(SLOW_RESPONSE, "POST", APPOINTMENTS)]);
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    let id = created_appointment(&server, &target, &uid).await;
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    wait_for_record(&server, "appointment", &id, |record| record.deleted).await;
    server.wait_until_idle().await;
    assert_eq!((server.calcom_state(&uid).2, server.ghl_state(&target, &uid)), ("cancelled", None));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_moved_during_its_update_reschedules_the_booking() {
    let (server, target, uid, id) = server_with_booking(21).await;
    server.sandbox.control().add_faults([fault_once(SLOW_RESPONSE, "PUT", APPOINTMENTS)]);
    server.sandbox.calcom().reschedule(&uid, server.slot(3)).unwrap();
    until(async || (server.ghl_state(&target, &uid)?.0 == server.slot(3)).then_some(())).await;
    let start = server.slot(6);
    server.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    let is_there = |record: &Record| ms(&record.doc["startTime"]) == start;
    wait_for_record(&server, "appointment", &id, is_there).await;
    server.wait_until_idle().await;
    let state = (start, start + SLOT_MS, "confirmed");
    assert_eq!((server.calcom_state(&uid), server.ghl_state(&target, &uid)), (state, Some(state)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_cancelled_during_its_reschedule_cancels_the_appointment() {
    let (server, target, uid, id) = server_with_booking(22).await;
    server.sandbox.control().calcom().add_faults([fault_once(
        SLOW_CALCOM_RESPONSE,
        "POST",
        &format!("/v2/bookings/{uid}/reschedule"),
    )]);
    let start = server.slot(3);
    server.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    let later = until(async || Some(server.latest_uid(&uid)).filter(|head| *head != uid)).await;
    server.sandbox.calcom().cancel(&later).unwrap();
    wait_for_record(&server, "booking", &later, |record| record.doc["status"] == "cancelled").await;
    server.wait_until_idle().await;
    let state = (start, start + SLOT_MS, "cancelled");
    assert_eq!((server.calcom_state(&uid), server.ghl_state(&target, &uid)), (state, Some(state)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_moved_before_it_was_adopted_moves_its_booking() {
    let server = TestServer::new(23, 1).await;
    let target = server.targets[0].clone();
    server.sandbox.control().add_faults([fault_once(Fault::ResetAfter, "POST", APPOINTMENTS)]);
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    let id = created_appointment(&server, &target, &uid).await;
    let start = server.slot(3);
    server.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    server.wait_until_idle().await;
    let state = (start, start + SLOT_MS, "confirmed");
    assert_eq!((server.calcom_state(&uid), server.ghl_state(&target, &uid)), (state, Some(state)));
    assert_eq!(server.sandbox.ghl().counts().calls("POST /calendars/events/appointments"), 1, "it was adopted");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_without_a_webhook_cancels_the_booking_at_the_next_sync() {
    let (server, target, uid, id) = server_with_booking(24).await;
    server.deliver(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.calcom_state(&uid).2, "confirmed", "no webhook arrived");
    server.sync().await;
    server.wait_until_idle().await;
    assert_eq!((server.calcom_state(&uid).2, server.ghl_state(&target, &uid)), ("cancelled", None));
    server.stop().await;
}

/// How many calls of this kind GHL executed.
fn calls(server: &TestServer, operation: &str) -> u64 {
    server.sandbox.ghl().counts().calls(operation)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_appointment_is_adopted_and_a_concurrent_reschedule_wins() {
    let server = TestServer::new(25, 1).await;
    let target = server.targets[0].clone();
    server.sandbox.control().add_faults([fault_once(Fault::Reset, "POST", APPOINTMENTS)]);
    let looks = calls(&server, "GET /calendars/events");
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    let key =
        RecordKey { organization: server.organization.clone(), kind: "booking_link".into(), id: uid.as_str().into() };
    let link = until(async || server.app().store.record(&key).await.unwrap()).await;
    let start = server.slot(3);
    server.sandbox.calcom().reschedule(&uid, start).unwrap();
    until(async || (calls(&server, "GET /calendars/events") > looks).then_some(())).await;
    assert_eq!(server.appointments(&target, &uid).len(), 0, "the search came too early");
    let mut late = to(server.slot(0));
    late["calendarId"] = json!(target.calendar);
    late["contactId"] = link.doc["contact"].clone();
    late["description"] = json!(format!("Cal.com booking {uid}"));
    server.sandbox.ghl().create_appointment(&target.location, &late).unwrap();
    server.wait_until_idle().await;
    let state = (start, start + SLOT_MS, "confirmed");
    assert_eq!((server.calcom_state(&uid), server.ghl_state(&target, &uid)), (state, Some(state)));
    assert_eq!(calls(&server, "POST /calendars/events/appointments"), 1, "it was requested once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_not_found_update_creates_no_second_appointment_by_itself() {
    let (server, target, uid, id) = server_with_booking(26).await;
    server.sandbox.control().add_faults([fault_once(Fault::Status { status: 404 }, "PUT", APPOINTMENTS)]);
    let start = server.slot(3);
    server.sandbox.calcom().reschedule(&uid, start).unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &uid), Some((start, start + SLOT_MS, "confirmed")));
    assert_eq!(created_appointment(&server, &target, &uid).await, id);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_reverts_a_change_that_calcom_forbids() {
    let (server, target, uid, id) = server_with_booking(27).await;
    let rejection = fault_once(Fault::Status { status: 403 }, "POST", "/v2/bookings/");
    server.sandbox.control().calcom().add_faults([rejection]);
    server.sandbox.ghl().update_appointment(&id, &to(server.slot(3))).unwrap();
    server.wait_until_idle().await;
    let state = (server.slot(0), server.slot(0) + SLOT_MS, "confirmed");
    assert_eq!((server.calcom_state(&uid), server.ghl_state(&target, &uid)), (state, Some(state)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_with_a_lost_response_is_found_by_its_idempotency_key() {
    let server = TestServer::new(28, 1).await;
    let target = server.targets[0].clone();
    let request = json!({
        "eventTypeId": target.event_type,
        "start": Timestamp::from_millis(server.slot(0)).to_string(),
        "attendee": {"name": "Ann", "email": "ann@example.com"},
    });
    let book = async || server.post_with_key("bookings", "job-1", &request).await;
    let bookings = || server.sandbox.calcom().bookings().len();
    let before = bookings();
    server.sandbox.control().calcom().add_faults([fault_once(Fault::ResetAfter, "POST", "/v2/bookings")]);
    let (status, body) = book().await;
    assert_eq!((status.as_u16(), bookings()), (200, before + 1), "{body}");
    let (status, again) = book().await;
    assert_eq!((status.as_u16(), bookings()), (200, before + 1), "{again}");
    assert_eq!(again["bookings"][0]["uid"], body["bookings"][0]["uid"]);
    let uid = body["bookings"][0]["uid"].as_str().unwrap().to_owned();
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &uid), Some(server.calcom_state(&uid)));
    server.stop().await;
}
