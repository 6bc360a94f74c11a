//! The life of one booking, step by step.

use crate::house::{House, LENGTH};
use crm_server::mirror::MirrorTasks;
use provider_sandbox::{
    calcom::WebhookCommand,
    ghl::{Fault, FaultRule},
};
use serde_json::json;
use sidecar_core::queue::outbox::{Task, TaskHandler, TaskOutcome, TaskRef};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_has_one_appointment_that_moves_and_ends_with_it() {
    let house = House::new(1, 2).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let start = house.slot(0);
    assert_eq!(house.at_ghl(&place, &uid), Some((start, start + LENGTH, "confirmed")));
    let made = house.appointments(&place, &uid);
    let contact = house.sandbox.ghl().contact(made[0]["contactId"].as_str().unwrap()).unwrap();
    assert_eq!(contact["email"], "ann@example.com");

    let moved = house.sandbox.calcom().reschedule(&uid, house.slot(4)).unwrap();
    house.rest().await;
    let start = house.slot(4);
    assert_eq!(house.at_ghl(&place, &uid), Some((start, start + LENGTH, "confirmed")));
    assert_eq!(house.appointments(&place, &uid)[0]["id"], made[0]["id"], "the same one");

    house.sandbox.calcom().cancel(moved["uid"].as_str().unwrap()).unwrap();
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &uid), Some((start, start + LENGTH, "cancelled")));
    let writes = ["POST /calendars/events/appointments", "PUT /calendars/events/appointments/{eventId}"];
    let counts = house.sandbox.ghl().counts();
    assert_eq!(writes.map(|operation| counts.calls(operation)), [1, 2], "nothing is written twice");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_moves_and_ends_its_booking() {
    let house = House::new(2, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "bo", &json!({}));
    house.rest().await;
    let id = house.appointments(&place, &uid)[0]["id"].as_str().unwrap().to_owned();
    let start = house.slot(3);
    let at = |ms: i64| sidecar_core::Timestamp::from_millis(ms).to_string();
    house
        .sandbox
        .ghl()
        .update_appointment(&id, &json!({"startTime": at(start), "endTime": at(start + LENGTH)}))
        .unwrap();
    house.rest().await;
    assert_eq!(house.at_calcom(&uid), (start, start + LENGTH, "confirmed"));
    assert_ne!(house.head(&uid), uid, "a move is a new booking");
    house.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "cancelled"})).unwrap();
    house.rest().await;
    assert_eq!(house.at_calcom(&uid).2, "cancelled");
    assert_eq!(house.at_ghl(&place, &uid), Some((start, start + LENGTH, "cancelled")));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_new_until_the_host_has_said_yes_and_a_no_cancels_it() {
    let house = House::new(3, 1).await;
    let place = house.places[0].clone();
    let (yes, no) = (house.book(place.asking, 0, "ann", &json!({})), house.book(place.asking, 5, "bo", &json!({})));
    house.rest().await;
    assert_eq!((house.at_ghl(&place, &yes).unwrap().2, house.at_ghl(&place, &no).unwrap().2), ("new", "new"));
    house.sandbox.calcom().confirm(&yes).unwrap();
    house.sandbox.calcom().decline(&no).unwrap();
    house.rest().await;
    assert_eq!(
        (house.at_ghl(&place, &yes).unwrap().2, house.at_ghl(&place, &no).unwrap().2),
        ("confirmed", "cancelled")
    );
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contact_that_a_booking_names_is_taken_and_one_of_nobody_or_of_another_location_is_not() {
    let house = House::new(4, 2).await;
    let [place, elsewhere] = [house.places[0].clone(), house.places[1].clone()];
    let book = |slot, who, contact: &str| house.book(place.event_type, slot, who, &json!({"ghlContactId": contact}));
    let right = book(0, "ann", &place.contact);
    let wrong = [(book(5, "bo", "nobody"), "bo@example.com"), (book(10, "cy", &elsewhere.contact), "cy@example.com")];
    house.rest().await;
    assert_eq!(house.appointments(&place, &right)[0]["contactId"], json!(place.contact));
    for (uid, email) in wrong {
        let contact = house.appointments(&place, &uid)[0]["contactId"].as_str().unwrap().to_owned();
        let contact = house.sandbox.ghl().contact(&contact).unwrap();
        assert_eq!((&contact["email"], &contact["locationId"]), (&json!(email), &json!(place.location)));
    }
    let writes = house.sandbox.ghl().counts().calls("POST /calendars/events/appointments");
    assert_eq!(writes, 3, "nothing was tried with a contact that is not the location's");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_contact_that_is_refused_gives_way_to_the_attendees_at_the_last_attempt_too() {
    let house = House::new(10, 1).await;
    let place = house.places[0].clone();
    house.deliver(&WebhookCommand { hold: Some(true), ..WebhookCommand::default() });
    let uid = house.book(place.event_type, 0, "ann", &json!({"ghlContactId": place.contact}));
    let refusal = FaultRule {
        method: Some("POST".to_owned()),
        path: Some("/calendars/events/appointments".to_owned()),
        fault: Fault::Status { status: 400 },
        times: Some(1),
        ..FaultRule::default()
    };
    house.sandbox.control().add_faults([refusal]);
    let task = Task {
        claim: TaskRef { seq: 1, fence: 1 },
        organization: house.organization.clone(),
        kind: "mirror.step".to_owned(),
        key: format!("mirror.step:{uid}"),
        payload: json!({"booking": uid}),
        // Those before it failed otherwise.
        attempt: 8,
    };
    let outcome = MirrorTasks::new(house.app().clone()).execute(&task).await;
    let TaskOutcome::Done(batch) = outcome else { panic!("{outcome:?}") };
    house.app().store.commit(*batch).await.unwrap();
    house.deliver(&WebhookCommand { hold: Some(false), ..WebhookCommand::default() });
    house.rest().await;
    let made = house.appointments(&place, &uid);
    let contact = house.sandbox.ghl().contact(made[0]["contactId"].as_str().unwrap()).unwrap();
    assert_eq!((made.len(), &contact["email"]), (1, &json!("ann@example.com")));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_not_come_is_told_on_the_other_side() {
    let house = House::new(5, 1).await;
    let place = house.places[0].clone();
    let (here, there) =
        (house.book(place.event_type, 0, "ann", &json!({})), house.book(place.event_type, 5, "bo", &json!({})));
    house.rest().await;
    house.sandbox.calcom().mark_absent(&here).unwrap();
    let id = house.appointments(&place, &there)[0]["id"].as_str().unwrap().to_owned();
    house.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "noshow"})).unwrap();
    house.rest().await;
    assert_eq!((house.at_ghl(&place, &here).unwrap().2, house.at_calcom(&there).2), ("noshow", "noshow"));
    house.sandbox.calcom().unmark_absent(&here).unwrap();
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &here).unwrap().2, "confirmed", "they came after all");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_was_deleted_cancels_its_booking() {
    let house = House::new(7, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let id = house.appointments(&place, &uid)[0]["id"].as_str().unwrap().to_owned();
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    house.rest().await;
    assert_eq!((house.at_calcom(&uid).2, house.at_ghl(&place, &uid)), ("cancelled", None));
    house.stop().await;
}
