//! Times that somebody blocks by hand, beside those that appointments block.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use provider_sandbox::{
    Sandbox,
    ghl::{Fault, FaultRule},
};
use serde_json::{Value, json};

use crate::{
    blocks::{at, booked_at_ghl, is_free},
    house::{House, LENGTH},
    races::once,
};

const SCHEDULES: &str = "/v2/schedules";

impl House {
    /// Blocks stretches of slots, each from its first one to before its last.
    async fn block(&self, stretches: &[(usize, usize)]) -> (u16, Value) {
        let slot =
            |(from, to): &(usize, usize)| json!({"start": at(self.slot(*from)), "end": at(self.slot(to - 1) + LENGTH)});
        let slots: Vec<Value> = stretches.iter().map(slot).collect();
        let (status, answer) = self.ask(Method::POST, "blocked-slots", Some(&json!({"slots": slots}))).await;
        (status.as_u16(), answer)
    }

    /// The handles of what is blocked.
    async fn blocked(&self, stretches: &[(usize, usize)]) -> Vec<String> {
        let (status, answer) = self.block(stretches).await;
        assert_eq!(status, 201, "{answer}");
        handles(&answer)
    }

    async fn free(&self, handle: &str) -> u16 {
        self.ask(Method::DELETE, &format!("blocked-slots/{handle}"), None).await.0.as_u16()
    }
}

fn handles(answer: &Value) -> Vec<String> {
    serde_json::from_value(answer["handles"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_an_appointment_and_somebody_block_is_free_when_neither_does() {
    let house = House::new(30, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();

    let id = booked_at_ghl(&house, &place, 8);
    house.rest().await;
    let handle = house.blocked(&[(6, 10)]).await.remove(0);
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await && !is_free(&house, &place, 6).await, "it is blocked by hand");
    assert_eq!(house.free(&handle).await, 204);
    assert_eq!(house.sandbox.calcom().schedules(), before);

    let handle = house.blocked(&[(6, 10)]).await.remove(0);
    let id = booked_at_ghl(&house, &place, 8);
    house.rest().await;
    assert_eq!(house.free(&handle).await, 204);
    assert!(!is_free(&house, &place, 8).await && is_free(&house, &place, 6).await, "the appointment's time is left");
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    house.rest().await;
    assert_eq!((house.blocks().await.len(), house.sandbox.calcom().schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_blocks_of_the_same_time_are_two_and_a_handle_frees_its_own_once() {
    let house = House::new(31, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();
    let [one, other] = <[String; 2]>::try_from(house.blocked(&[(8, 9), (8, 9)]).await).unwrap();
    assert_ne!(one, other);
    for _ in 0..2 {
        assert_eq!(house.free(&one).await, 204);
        assert!(!is_free(&house, &place, 8).await, "the other one is left");
    }
    assert_eq!(house.free(&other).await, 204);
    assert_eq!((house.blocks().await.len(), house.sandbox.calcom().schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_blocked_and_freed_at_the_same_time_is_as_if_it_were_one_after_another() {
    let house = House::new(32, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();
    let stretches = [(4, 9), (5, 10), (6, 8), (6, 8), (8, 12)];
    let ids: Vec<String> = (5..9).map(|slot| booked_at_ghl(&house, &place, slot)).collect();
    let blocking = stretches.iter().map(|stretch| house.blocked(std::slice::from_ref(stretch)));
    let blocked: Vec<String> = futures_util::future::join_all(blocking).await.concat();
    house.rest().await;
    let (mine, others) = blocked.split_at(2);
    // Those that stay hold 6 to 12 by hand, and 7 and 8 by appointments.
    for id in &ids[..2] {
        house.sandbox.ghl().delete_appointment(id).unwrap();
    }
    futures_util::future::join_all(mine.iter().map(|handle| house.free(handle))).await;
    house.rest().await;
    for slot in 3..14 {
        assert_eq!(is_free(&house, &place, slot).await, !(6..12).contains(&slot), "slot {slot}");
    }
    for id in &ids[2..] {
        house.sandbox.ghl().delete_appointment(id).unwrap();
    }
    futures_util::future::join_all(others.iter().map(|handle| house.free(handle))).await;
    house.rest().await;
    assert_eq!((house.blocks().await.len(), house.sandbox.calcom().schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_blocked_by_hand_outlives_the_connection_and_is_freed_by_the_next_one_to_the_same_account() {
    let (house, other) = (House::new(33, 1).await, Sandbox::builder().seed(34).start().await.unwrap());
    let place = house.places[0].clone();
    house.rest().await;
    let (first, second) = (house.sandbox.calcom(), other.calcom());
    let before = first.schedules();
    let handle = house.blocked(&[(6, 10)]).await.remove(0);
    let alone = first.schedules();
    booked_at_ghl(&house, &place, 8);
    booked_at_ghl(&house, &place, 20);
    house.rest().await;
    assert_eq!(house.disconnect().await, 204);
    assert_eq!(
        first.schedules(),
        alone,
        "only the appointments' times are given back, but for what is blocked by hand"
    );
    let (status, answer) = house.ask(Method::DELETE, &format!("blocked-slots/{handle}"), None).await;
    assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("reconnect_required")));

    assert_eq!(house.change(&json!({"baseUrl": second.base_url(), "apiKey": second.api_key()})).await, 200);
    let (status, answer) = house.ask(Method::DELETE, &format!("blocked-slots/{handle}"), None).await;
    assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("other_account")));
    assert_eq!(first.schedules(), alone);

    assert_eq!(house.change(&json!({"baseUrl": null, "apiKey": first.api_key()})).await, 200);
    assert_eq!(house.free(&handle).await, 204);
    assert_eq!((house.blocks().await.len(), first.schedules()), (0, before));
    house.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_announced_that_ended_then_is_given_back_whether_it_was_taken_or_not() {
    let house = House::new(35, 1).await;
    house.rest().await;
    let calcom = house.sandbox.calcom();
    let before = calcom.schedules();
    house.blocked(&[(6, 10)]).await;
    let row = house.blocks().await.remove(0);
    let mut note = Value::Object((*row.doc).clone());
    note["done"] = json!(false);
    house.note(&row.key.id, row.revision, row.position, note.clone()).await;
    house.note("slot-not-taken", 0, row.position, note).await;
    house.look_at_all().await;
    house.rest().await;
    assert_eq!((house.blocks().await.len(), calcom.schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_not_answered_may_hold_and_one_that_is_refused_does_not() {
    let house = House::new(36, 1).await;
    house.rest().await;
    let (calcom, control) = (house.sandbox.calcom(), house.sandbox.control());
    let before = calcom.schedules();
    control.calcom().add_faults([once(Fault::Status { status: 400 }, "PATCH", SCHEDULES)]);
    let (status, answer) = house.block(&[(6, 10)]).await;
    assert_eq!((status, answer.get("handles"), house.blocks().await.len()), (422, None, 0), "{answer}");

    let always = FaultRule { times: None, ..once(Fault::ResetAfter, "PATCH", SCHEDULES) };
    control.calcom().add_faults([always]);
    let (status, answer) = house.block(&[(6, 10), (6, 10)]).await;
    control.calcom().clear_faults();
    assert!(status >= 500, "{status} {answer}");
    assert_ne!(calcom.schedules(), before, "it was carried out");
    house.look_at_all().await;
    house.rest().await;
    assert_ne!(calcom.schedules(), before, "somebody has its handles");
    for handle in handles(&answer) {
        assert_eq!(house.free(&handle).await, 204);
    }
    assert_eq!((house.blocks().await.len(), calcom.schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_from_before_there_were_notes_frees_what_no_other_block_holds() {
    let house = House::new(37, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();
    let handle = house.blocked(&[(6, 10)]).await.remove(0);
    let row = house.blocks().await.remove(0);
    let old = URL_SAFE_NO_PAD.encode(row.doc["handles"][0].to_string());
    booked_at_ghl(&house, &place, 20);
    house.rest().await;
    // Its note stands for another block of the same time.
    assert_eq!(house.free(&old).await, 204);
    assert!(!is_free(&house, &place, 6).await && !is_free(&house, &place, 20).await);
    let mut over = Value::Object((*row.doc).clone());
    over["handles"] = json!([]);
    house.note(&row.key.id, row.revision, row.position, over).await;
    for _ in 0..2 {
        assert_eq!(house.free(&old).await, 204);
        assert!(is_free(&house, &place, 6).await && !is_free(&house, &place, 20).await);
    }
    assert_eq!(house.free(&handle).await, 204);
    assert_ne!(house.sandbox.calcom().schedules(), before, "the appointment's");
    house.stop().await;
}
