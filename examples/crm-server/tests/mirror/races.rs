//! What happens while an answer is on its way, which tells of a moment that is over when it arrives; and what nobody tells of.

use std::time::Duration;

use provider_sandbox::{
    calcom::WebhookOrder,
    ghl::{Fault, FaultRule},
};
use serde_json::{Value, json};
use sidecar_core::{
    Clock, SystemClock, Timestamp,
    record::{Record, RecordKey},
};

use crate::house::{House, LENGTH, Place, ms};

/// An answer takes seconds, longer than an event of what happens meanwhile: GHL's have some hundred bytes, Cal.com's some thousand.
const SLOWLY: Fault = Fault::SlowDrip { bytes: 30, ms: 200 };
const SLOWLY_AT_CALCOM: Fault = Fault::SlowDrip { bytes: 120, ms: 200 };
const LOOK: Duration = Duration::from_millis(20);
const APPOINTMENTS: &str = "/calendars/events/appointments";

/// What happens to the answer of the next call of this kind.
fn once(fault: Fault, method: &str, path: &str) -> FaultRule {
    let (method, path) = (Some(method.to_owned()), Some(path.to_owned()));
    FaultRule { method, path, fault, times: Some(1), ..FaultRule::default() }
}

fn to(start: i64) -> Value {
    let at = |ms| Timestamp::from_millis(ms).to_string();
    json!({"startTime": at(start), "endTime": at(start + LENGTH), "ignoreFreeSlotValidation": true})
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        clock.sleep(LOOK).await;
    }
}

/// The booking's appointment as soon as GHL has it.
async fn made(house: &House, place: &Place, uid: &str) -> String {
    until(async || Some(house.appointments(place, uid).first()?["id"].as_str()?.to_owned())).await
}

/// Waits until the record is stored as expected, while the step is still waiting for its answer.
async fn heard(house: &House, kind: &'static str, id: &str, is_so: impl Fn(&Record) -> bool) {
    let key = RecordKey { organization: house.organization.clone(), kind: kind.into(), id: id.into() };
    let store = &house.app().store;
    until(async || store.record(&key).await.unwrap().filter(&is_so)).await;
    assert!(store.waiting_tasks().await.unwrap().0 > 0, "the answer was to take longer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_is_deleted_before_its_creation_was_answered_ends_its_booking() {
    let house = House::new(20, 1).await;
    let place = house.places[0].clone();
    house.sandbox.control().faults([once(SLOWLY, "POST", APPOINTMENTS)]);
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    let id = made(&house, &place, &uid).await;
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    heard(&house, "appointment", &id, |record| record.deleted).await;
    house.rest().await;
    assert_eq!((house.at_calcom(&uid).2, house.at_ghl(&place, &uid)), ("cancelled", None));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_is_moved_before_a_change_of_it_was_answered_moves_its_booking() {
    let house = House::new(21, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let id = made(&house, &place, &uid).await;
    house.sandbox.control().faults([once(SLOWLY, "PUT", APPOINTMENTS)]);
    house.sandbox.calcom().reschedule(&uid, house.slot(3)).unwrap();
    until(async || (house.at_ghl(&place, &uid)?.0 == house.slot(3)).then_some(())).await;
    let start = house.slot(6);
    house.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    let is_there = |record: &Record| ms(&record.doc["startTime"]) == start;
    heard(&house, "appointment", &id, is_there).await;
    house.rest().await;
    let said = (start, start + LENGTH, "confirmed");
    assert_eq!((house.at_calcom(&uid), house.at_ghl(&place, &uid)), (said, Some(said)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_that_is_cancelled_before_its_move_was_answered_cancels_its_appointment() {
    let house = House::new(22, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let id = made(&house, &place, &uid).await;
    house.sandbox.control().calcom().faults([once(
        SLOWLY_AT_CALCOM,
        "POST",
        &format!("/v2/bookings/{uid}/reschedule"),
    )]);
    let start = house.slot(3);
    house.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    let later = until(async || Some(house.head(&uid)).filter(|head| *head != uid)).await;
    house.sandbox.calcom().cancel(&later).unwrap();
    heard(&house, "booking", &later, |record| record.doc["status"] == "cancelled").await;
    house.rest().await;
    let said = (start, start + LENGTH, "cancelled");
    assert_eq!((house.at_calcom(&uid), house.at_ghl(&place, &uid)), (said, Some(said)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_is_moved_before_its_lost_creation_was_found_moves_its_booking() {
    let house = House::new(23, 1).await;
    let place = house.places[0].clone();
    house.sandbox.control().faults([once(Fault::ResetAfter, "POST", APPOINTMENTS)]);
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    let id = made(&house, &place, &uid).await;
    let start = house.slot(3);
    house.sandbox.ghl().update_appointment(&id, &to(start)).unwrap();
    house.rest().await;
    let said = (start, start + LENGTH, "confirmed");
    assert_eq!((house.at_calcom(&uid), house.at_ghl(&place, &uid)), (said, Some(said)));
    assert_eq!(house.sandbox.ghl().counts().calls("POST /calendars/events/appointments"), 1, "it was found");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_was_never_delivered_ends_its_booking_at_the_next_pass() {
    let house = House::new(24, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let id = made(&house, &place, &uid).await;
    house.deliver(&WebhookOrder { drop_percent: Some(100), ..WebhookOrder::default() });
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    house.rest().await;
    assert_eq!(house.at_calcom(&uid).2, "confirmed", "nobody has told");
    house.sync().await;
    house.rest().await;
    assert_eq!((house.at_calcom(&uid).2, house.at_ghl(&place, &uid)), ("cancelled", None));
    house.stop().await;
}
