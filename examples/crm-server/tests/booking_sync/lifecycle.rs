//! The lifecycle of one booking.

use crate::harness::{SLOT_MS, TestServer};
use crm_server::booking_sync::BookingSyncTasks;
use provider_sandbox::{
    calcom::WebhookCommand,
    ghl::{Fault, FaultRule},
};
use serde_json::json;
use sidecar_core::queue::outbox::{Task, TaskHandler, TaskOutcome, TaskRef};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_has_one_appointment_that_moves_and_ends_with_it() {
    let server = TestServer::new(1, 2).await;
    let target = server.targets[0].clone();
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    server.wait_until_idle().await;
    let start = server.slot(0);
    assert_eq!(server.ghl_state(&target, &uid), Some((start, start + SLOT_MS, "confirmed")));
    let appointments = server.appointments(&target, &uid);
    let contact = server.sandbox.ghl().contact(appointments[0]["contactId"].as_str().unwrap()).unwrap();
    assert_eq!(contact["email"], "ann@example.com");

    let moved = server.sandbox.calcom().reschedule(&uid, server.slot(4)).unwrap();
    server.wait_until_idle().await;
    let start = server.slot(4);
    assert_eq!(server.ghl_state(&target, &uid), Some((start, start + SLOT_MS, "confirmed")));
    assert_eq!(server.appointments(&target, &uid)[0]["id"], appointments[0]["id"], "the appointment is the same");

    server.sandbox.calcom().cancel(moved["uid"].as_str().unwrap()).unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &uid), Some((start, start + SLOT_MS, "cancelled")));
    let writes = ["POST /calendars/events/appointments", "PUT /calendars/events/appointments/{eventId}"];
    let counts = server.sandbox.ghl().counts();
    assert_eq!(writes.map(|operation| counts.calls(operation)), [1, 2], "each change is written once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_moves_and_ends_its_booking() {
    let server = TestServer::new(2, 1).await;
    let target = server.targets[0].clone();
    let uid = server.book(target.event_type, 0, "bo", &json!({}));
    server.wait_until_idle().await;
    let id = server.appointments(&target, &uid)[0]["id"].as_str().unwrap().to_owned();
    let start = server.slot(3);
    let at = |ms: i64| sidecar_core::Timestamp::from_millis(ms).to_string();
    server
        .sandbox
        .ghl()
        .update_appointment(&id, &json!({"startTime": at(start), "endTime": at(start + SLOT_MS)}))
        .unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.calcom_state(&uid), (start, start + SLOT_MS, "confirmed"));
    assert_ne!(server.latest_uid(&uid), uid, "a reschedule creates a new booking");
    server.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "cancelled"})).unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.calcom_state(&uid).2, "cancelled");
    assert_eq!(server.ghl_state(&target, &uid), Some((start, start + SLOT_MS, "cancelled")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_is_new_until_the_host_confirms_or_declines() {
    let server = TestServer::new(3, 1).await;
    let target = server.targets[0].clone();
    let (yes, no) = (
        server.book(target.confirmed_by_host, 0, "ann", &json!({})),
        server.book(target.confirmed_by_host, 5, "bo", &json!({})),
    );
    server.wait_until_idle().await;
    assert_eq!((server.ghl_state(&target, &yes).unwrap().2, server.ghl_state(&target, &no).unwrap().2), ("new", "new"));
    server.sandbox.calcom().confirm(&yes).unwrap();
    server.sandbox.calcom().decline(&no).unwrap();
    server.wait_until_idle().await;
    assert_eq!(
        (server.ghl_state(&target, &yes).unwrap().2, server.ghl_state(&target, &no).unwrap().2),
        ("confirmed", "cancelled")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_contact_is_used_only_if_it_belongs_to_the_location() {
    let server = TestServer::new(4, 2).await;
    let [target, other] = [server.targets[0].clone(), server.targets[1].clone()];
    let book = |slot, who, contact: &str| server.book(target.event_type, slot, who, &json!({"ghlContactId": contact}));
    let right = book(0, "ann", &target.contact);
    let wrong = [(book(5, "bo", "unknown"), "bo@example.com"), (book(10, "cy", &other.contact), "cy@example.com")];
    server.wait_until_idle().await;
    assert_eq!(server.appointments(&target, &right)[0]["contactId"], json!(target.contact));
    for (uid, email) in wrong {
        let contact = server.appointments(&target, &uid)[0]["contactId"].as_str().unwrap().to_owned();
        let contact = server.sandbox.ghl().contact(&contact).unwrap();
        assert_eq!((&contact["email"], &contact["locationId"]), (&json!(email), &json!(target.location)));
    }
    let writes = server.sandbox.ghl().counts().calls("POST /calendars/events/appointments");
    assert_eq!(writes, 3, "no create used a contact of another location");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_contact_is_replaced_by_the_attendees_in_one_attempt() {
    let server = TestServer::new(10, 1).await;
    let target = server.targets[0].clone();
    server.deliver(&WebhookCommand { hold: Some(true), ..WebhookCommand::default() });
    let uid = server.book(target.event_type, 0, "ann", &json!({"ghlContactId": target.contact}));
    let rejection = FaultRule {
        method: Some("POST".to_owned()),
        path: Some("/calendars/events/appointments".to_owned()),
        fault: Fault::Status { status: 400 },
        times: Some(1),
        ..FaultRule::default()
    };
    server.sandbox.control().add_faults([rejection]);
    let task = Task {
        claim: TaskRef { seq: 1, fence: 1 },
        organization: server.organization.clone(),
        kind: "booking_sync.reconcile".to_owned(),
        key: format!("booking_sync.reconcile:{uid}"),
        payload: json!({"booking": uid}),
        // The last attempt.
        attempt: 8,
    };
    let outcome = BookingSyncTasks::new(server.app().clone()).execute(&task).await;
    let TaskOutcome::Done(batch) = outcome else { panic!("{outcome:?}") };
    server.app().records.commit(*batch).await.unwrap();
    server.deliver(&WebhookCommand { hold: Some(false), ..WebhookCommand::default() });
    server.wait_until_idle().await;
    let appointments = server.appointments(&target, &uid);
    let contact = server.sandbox.ghl().contact(appointments[0]["contactId"].as_str().unwrap()).unwrap();
    assert_eq!((appointments.len(), &contact["email"]), (1, &json!("ann@example.com")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_no_show_is_synchronized_in_both_directions() {
    let server = TestServer::new(5, 1).await;
    let target = server.targets[0].clone();
    let (here, there) =
        (server.book(target.event_type, 0, "ann", &json!({})), server.book(target.event_type, 5, "bo", &json!({})));
    server.wait_until_idle().await;
    server.sandbox.calcom().mark_absent(&here).unwrap();
    let id = server.appointments(&target, &there)[0]["id"].as_str().unwrap().to_owned();
    server.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "noshow"})).unwrap();
    server.wait_until_idle().await;
    assert_eq!((server.ghl_state(&target, &here).unwrap().2, server.calcom_state(&there).2), ("noshow", "noshow"));
    server.sandbox.calcom().unmark_absent(&here).unwrap();
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &here).unwrap().2, "confirmed", "the attendee came after all");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_appointment_cancels_its_booking() {
    let server = TestServer::new(7, 1).await;
    let target = server.targets[0].clone();
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    server.wait_until_idle().await;
    let id = server.appointments(&target, &uid)[0]["id"].as_str().unwrap().to_owned();
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    server.wait_until_idle().await;
    assert_eq!((server.calcom_state(&uid).2, server.ghl_state(&target, &uid)), ("cancelled", None));
    server.stop().await;
}
