//! What happens while an answer is on its way, which tells of a moment that is over when it arrives; and what nobody tells of.

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

use crate::house::{House, LENGTH, Place, ms};

/// An answer takes seconds, longer than an event of what happens meanwhile: GHL's have some hundred bytes, Cal.com's some thousand.
const SLOWLY: Fault = Fault::SlowDrip { bytes: 30, ms: 200 };
const SLOWLY_AT_CALCOM: Fault = Fault::SlowDrip { bytes: 120, ms: 200 };
const LOOK: Duration = Duration::from_millis(20);
const APPOINTMENTS: &str = "/calendars/events/appointments";

/// What happens to the answer of the next call of this kind.
pub(crate) fn once(fault: Fault, method: &str, path: &str) -> FaultRule {
    let (method, path) = (Some(method.to_owned()), Some(path.to_owned()));
    FaultRule { method, path, fault, times: Some(1), ..FaultRule::default() }
}

fn to(start: i64) -> Value {
    let at = |ms| Timestamp::from_millis(ms).to_string();
    json!({"startTime": at(start), "endTime": at(start + LENGTH), "ignoreFreeSlotValidation": true})
}

pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
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

/// A house with a booking and its appointment's id.
async fn settled(seed: u64) -> (House, Place, String, String) {
    let house = House::new(seed, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    house.rest().await;
    let id = made(&house, &place, &uid).await;
    (house, place, uid, id)
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
    house.sandbox.control().add_faults([once(SLOWLY, "POST", APPOINTMENTS)]);
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
    let (house, place, uid, id) = settled(21).await;
    house.sandbox.control().add_faults([once(SLOWLY, "PUT", APPOINTMENTS)]);
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
    let (house, place, uid, id) = settled(22).await;
    house.sandbox.control().calcom().add_faults([once(
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
    house.sandbox.control().add_faults([once(Fault::ResetAfter, "POST", APPOINTMENTS)]);
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
    let (house, place, uid, id) = settled(24).await;
    house.deliver(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    house.rest().await;
    assert_eq!(house.at_calcom(&uid).2, "confirmed", "nobody has told");
    house.sync().await;
    house.rest().await;
    assert_eq!((house.at_calcom(&uid).2, house.at_ghl(&place, &uid)), ("cancelled", None));
    house.stop().await;
}

/// The calls of this kind that GHL carried out.
fn calls(house: &House, operation: &str) -> u64 {
    house.sandbox.ghl().counts().calls(operation)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_comes_late_is_the_only_one_and_its_booking_stays_where_it_was_moved_meanwhile() {
    let house = House::new(25, 1).await;
    let place = house.places[0].clone();
    house.sandbox.control().add_faults([once(Fault::Reset, "POST", APPOINTMENTS)]);
    let looks = calls(&house, "GET /calendars/events");
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    let key =
        RecordKey { organization: house.organization.clone(), kind: "calcom_link".into(), id: uid.as_str().into() };
    let link = until(async || house.app().store.record(&key).await.unwrap()).await;
    let start = house.slot(3);
    house.sandbox.calcom().reschedule(&uid, start).unwrap();
    until(async || (calls(&house, "GET /calendars/events") > looks).then_some(())).await;
    assert_eq!(house.appointments(&place, &uid).len(), 0, "it was looked for too soon");
    let mut late = to(house.slot(0));
    late["calendarId"] = json!(place.calendar);
    late["contactId"] = link.doc["contact"].clone();
    late["description"] = json!(format!("Cal.com booking {uid}"));
    house.sandbox.ghl().create_appointment(&place.location, &late).unwrap();
    house.rest().await;
    let said = (start, start + LENGTH, "confirmed");
    assert_eq!((house.at_calcom(&uid), house.at_ghl(&place, &uid)), (said, Some(said)));
    assert_eq!(calls(&house, "POST /calendars/events/appointments"), 1, "it was asked for once");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_not_found_makes_no_second_appointment_while_the_first_is_there() {
    let (house, place, uid, id) = settled(26).await;
    house.sandbox.control().add_faults([once(Fault::Status { status: 404 }, "PUT", APPOINTMENTS)]);
    let start = house.slot(3);
    house.sandbox.calcom().reschedule(&uid, start).unwrap();
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &uid), Some((start, start + LENGTH, "confirmed")));
    assert_eq!(made(&house, &place, &uid).await, id);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calcom_forbids_the_appointment_takes_back() {
    let (house, place, uid, id) = settled(27).await;
    let refusal = once(Fault::Status { status: 403 }, "POST", "/v2/bookings/");
    house.sandbox.control().calcom().add_faults([refusal]);
    house.sandbox.ghl().update_appointment(&id, &to(house.slot(3))).unwrap();
    house.rest().await;
    let said = (house.slot(0), house.slot(0) + LENGTH, "confirmed");
    assert_eq!((house.at_calcom(&uid), house.at_ghl(&place, &uid)), (said, Some(said)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_whose_answer_was_lost_is_answered_when_it_is_asked_for_again_by_its_key() {
    let house = House::new(28, 1).await;
    let place = house.places[0].clone();
    let wish = json!({
        "eventTypeId": place.event_type,
        "start": Timestamp::from_millis(house.slot(0)).to_string(),
        "attendee": {"name": "Ann", "email": "ann@example.com"},
    });
    let book = async || house.ask_once("bookings", "job-1", &wish).await;
    let bookings = || house.sandbox.calcom().bookings().len();
    let before = bookings();
    house.sandbox.control().calcom().add_faults([once(Fault::ResetAfter, "POST", "/v2/bookings")]);
    let (status, answer) = book().await;
    assert_eq!((status.as_u16(), bookings()), (200, before + 1), "{answer}");
    let (status, again) = book().await;
    assert_eq!((status.as_u16(), bookings()), (200, before + 1), "{again}");
    assert_eq!(again["bookings"][0]["uid"], answer["bookings"][0]["uid"]);
    let uid = answer["bookings"][0]["uid"].as_str().unwrap().to_owned();
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &uid), Some(house.at_calcom(&uid)));
    house.stop().await;
}
