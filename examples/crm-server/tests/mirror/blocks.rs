//! Appointments that came about at GHL take their time out of Cal.com's schedule.

use std::time::Duration;

use crate::{
    house::{House, LENGTH, Place},
    races::{once, until},
};
use calcom_client::{CalcomClient, compat::BlockHandle, model::Slots};
use crm_server::{calcom::settings::Block, mirror};
use provider_sandbox::{Sandbox, ghl::Fault};
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    commit::Batch,
    record::{Change, ChangeOrigin, Listing, Mutation, Record, RecordKey},
};

/// An answer takes seconds: it has some hundred bytes.
const SLOWLY: Fault = Fault::SlowDrip { bytes: 40, ms: 200 };
const SCHEDULES: &str = "/v2/schedules";

pub(crate) fn at(ms: i64) -> String {
    Timestamp::from_millis(ms).to_string()
}

impl House {
    /// The notes of what is blocked.
    pub(crate) async fn blocks(&self) -> Vec<Record> {
        let listing = Listing { limit: 1_000, ..Listing::default() };
        self.app().store.list(&self.organization, "calcom_block", &listing).await.unwrap()
    }

    /// Writes a note as a worker does that has read this revision.
    pub(crate) async fn note(&self, id: &str, revision: u64, at: Timestamp, note: Value) {
        let Value::Object(fields) = note else { panic!("no object") };
        let key = RecordKey { organization: self.organization.clone(), kind: "calcom_block".into(), id: id.into() };
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
        self.app().store.commit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
    }
}

/// Waits until the appointment is stored as expected and what follows from that is found out, while a block is being worked on.
async fn followed(house: &House, id: &str, is_so: impl Fn(&Record) -> bool) {
    let key = RecordKey { organization: house.organization.clone(), kind: "appointment".into(), id: id.into() };
    let store = &house.app().store;
    until(async || store.record(&key).await.unwrap().filter(&is_so)).await;
    until(async || (store.waiting_tasks().await.unwrap().0 == 1).then_some(())).await;
}

/// Whether somebody could book the slot.
pub(crate) async fn is_free(house: &House, place: &Place, slot: usize) -> bool {
    let calcom = house.sandbox.calcom();
    let client = CalcomClient::builder().base_url(calcom.base_url()).build().unwrap();
    let (from, to) = (Timestamp::from_millis(house.slot(slot)), Timestamp::from_millis(house.slot(slot) + LENGTH));
    let slots: Slots = client.slots().list(place.event_type).between(from, to).await.unwrap();
    slots.iter().any(|free| free.start.timestamp() == Some(from))
}

pub(crate) fn booked_at_ghl(house: &House, place: &Place, slot: usize) -> String {
    let start = house.slot(slot);
    let fields = json!({
        "calendarId": place.calendar, "locationId": place.location, "contactId": place.contact,
        "startTime": at(start), "endTime": at(start + LENGTH), "ignoreFreeSlotValidation": true,
    });
    house.sandbox.ghl().create_appointment(&place.location, &fields).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_of_ghls_own_blocks_its_time_and_gives_it_back() {
    let house = House::new(11, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    assert!(is_free(&house, &place, 8).await && is_free(&house, &place, 20).await);
    let id = booked_at_ghl(&house, &place, 8);
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await && is_free(&house, &place, 9).await);

    let start = house.slot(20);
    house
        .sandbox
        .ghl()
        .update_appointment(
            &id,
            &json!({"startTime": at(start), "endTime": at(start + LENGTH), "ignoreFreeSlotValidation": true}),
        )
        .unwrap();
    house.rest().await;
    assert!(is_free(&house, &place, 8).await && !is_free(&house, &place, 20).await);

    house.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": "cancelled"})).unwrap();
    house.rest().await;
    assert!(is_free(&house, &place, 20).await);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_appointments_of_one_day_block_it_together_and_a_mirrored_one_blocks_nothing() {
    let house = House::new(12, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();
    let uid = house.book(place.event_type, 30, "ann", &json!({}));
    house.rest().await;
    assert_eq!(house.appointments(&place, &uid).len(), 1);
    assert_eq!(house.sandbox.calcom().schedules(), before, "its time is taken at Cal.com already");
    let ids = [booked_at_ghl(&house, &place, 8), booked_at_ghl(&house, &place, 9)];
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await && !is_free(&house, &place, 9).await);
    for id in ids {
        house.sandbox.ghl().delete_appointment(&id).unwrap();
    }
    house.rest().await;
    assert_eq!(house.sandbox.calcom().schedules(), before, "everything was given back");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_follows_another_schedule_and_ends_with_the_connection() {
    let house = House::new(13, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let calcom = house.sandbox.calcom();
    let client = house.app().calcom.client(&house.organization).await.unwrap();
    let other = client.schedules().create("Other", "UTC").await.unwrap().id;
    let before = calcom.schedules();
    let overrides = async || client.schedules().get(other).await.unwrap().overrides.unwrap_or_default();
    // Two at night, when nobody can be booked in the other schedule, and one by day.
    for slot in [8, 9, 40] {
        booked_at_ghl(&house, &place, slot);
    }
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await && !is_free(&house, &place, 40).await);
    assert!(overrides().await.is_empty());

    house.set(|settings| settings.block = Some(Block { schedule_id: other })).await;
    house.rest().await;
    assert!(is_free(&house, &place, 8).await && is_free(&house, &place, 40).await);

    house.set(|settings| settings.block = None).await;
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await && !is_free(&house, &place, 40).await);

    let writes = || calcom.counts().calls("PATCH /v2/schedules/{scheduleId}");
    let written = writes();
    assert_eq!(house.disconnect().await, 204);
    assert_eq!((calcom.schedules(), writes()), (before, written + 1), "everything was given back at once");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_being_taken_while_the_connection_ends_is_given_back_too() {
    let house = House::new(14, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let calcom = house.sandbox.calcom();
    let before = calcom.schedules();
    house.sandbox.control().calcom().add_faults([once(SLOWLY, "PATCH", SCHEDULES)]);
    booked_at_ghl(&house, &place, 8);
    until(async || (calcom.schedules() != before).then_some(())).await;
    let notes = house.blocks().await;
    assert!(notes.len() == 1 && notes[0].doc["done"] == json!(false), "it is not answered yet");
    assert_eq!(house.disconnect().await, 204);
    assert_eq!(calcom.schedules(), before, "nothing stays blocked");
    house.rest().await;
    assert!(house.blocks().await.is_empty());
    assert_eq!(calcom.schedules(), before);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_appointments_at_the_same_time_either_may_end_first() {
    let house = House::new(25, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let before = house.sandbox.calcom().schedules();
    for first in [0, 1] {
        let mut ids = vec![booked_at_ghl(&house, &place, 8), booked_at_ghl(&house, &place, 8)];
        house.rest().await;
        house.sandbox.ghl().delete_appointment(&ids.remove(first)).unwrap();
        house.rest().await;
        assert!(!is_free(&house, &place, 8).await, "the other one is still then");
        house.sandbox.ghl().delete_appointment(&ids.remove(0)).unwrap();
        house.rest().await;
        assert_eq!(house.sandbox.calcom().schedules(), before);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_is_deleted_before_its_block_is_noted_blocks_nothing() {
    let house = House::new(26, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let calcom = house.sandbox.calcom();
    let before = calcom.schedules();
    let reads = || calcom.counts().calls("GET /v2/schedules/default");
    let read = reads();
    house.sandbox.control().calcom().add_faults([once(SLOWLY, "GET", SCHEDULES)]);
    let id = booked_at_ghl(&house, &place, 8);
    until(async || (reads() > read).then_some(())).await;
    house.sandbox.ghl().delete_appointment(&id).unwrap();
    followed(&house, &id, |appointment| appointment.deleted).await;
    assert!(house.blocks().await.is_empty(), "the answer was to take longer");
    house.rest().await;
    assert_eq!((house.blocks().await.len(), calcom.schedules()), (0, before));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_appointment_that_is_on_again_before_its_time_was_given_back_blocks_it() {
    let house = House::new(27, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let calcom = house.sandbox.calcom();
    let before = calcom.schedules();
    let id = booked_at_ghl(&house, &place, 8);
    house.rest().await;
    house.sandbox.control().calcom().add_faults([once(SLOWLY, "PATCH", SCHEDULES)]);
    let change = |status: &str| {
        house.sandbox.ghl().update_appointment(&id, &json!({"appointmentStatus": status})).unwrap();
    };
    change("cancelled");
    until(async || (calcom.schedules() == before).then_some(())).await;
    change("confirmed");
    followed(&house, &id, |appointment| appointment.doc["appointmentStatus"] == "confirmed").await;
    assert_eq!(house.blocks().await.len(), 1, "the answer was to take longer");
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_blocks_are_over_all_are_let_go_of() {
    let house = House::new(15, 1).await;
    house.rest().await;
    let end = house.app().now() - Duration::from_secs(3 * 86_400);
    let start = end - Duration::from_secs(900);
    for number in 0..501 {
        let note = json!({"start": start, "end": end, "handles": [], "done": true});
        house.note(&format!("past-{number}"), 0, start, note).await;
    }
    assert_eq!(house.blocks().await.len(), 501);
    let look = mirror::look_at_all(&house.organization, house.app().now());
    house.app().store.commit(Batch { outbox: vec![look], ..Batch::default() }).await.unwrap();
    house.rest().await;
    assert!(house.blocks().await.is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_another_account_the_times_are_blocked_anew_and_the_first_ones_are_freed() {
    let (house, other) = (House::new(16, 1).await, Sandbox::builder().seed(17).start().await.unwrap());
    house.rest().await;
    let (first, second) = (house.sandbox.calcom(), other.calcom());
    second.open_all_hours();
    let before = (first.schedules(), second.schedules());
    booked_at_ghl(&house, &house.places[0], 8);
    house.rest().await;
    assert_ne!(first.schedules(), before.0);

    let wish = json!({"baseUrl": second.base_url(), "apiKey": second.api_key()});
    assert_eq!(house.change(&wish).await, 200);
    assert_eq!(first.schedules(), before.0, "freed before its credentials are gone");
    house.rest_of_passes().await;
    house.quiet().await;
    assert_ne!(second.schedules(), before.1);
    assert_eq!(house.disconnect().await, 204);
    assert_eq!((first.schedules(), second.schedules()), before);
    house.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_an_account_that_did_not_answer_any_more_holds_no_time_of_the_next_one() {
    let house = House::new(18, 1).await;
    let place = house.places[0].clone();
    house.rest().await;
    let client = house.app().calcom.client(&house.organization).await.unwrap();
    booked_at_ghl(&house, &place, 8);
    house.rest().await;
    let row = house.blocks().await.remove(0);
    let mut note = Value::Object((*row.doc).clone());
    let handles: Vec<BlockHandle> = serde_json::from_value(note["handles"].clone()).unwrap();
    client.unblock_all(handles).await.unwrap();
    note["account"] = json!("4711@https://calcom.example.com/");
    house.note(&row.key.id, row.revision, row.position, note).await;
    house.set(|_| {}).await;
    house.rest().await;
    assert!(!is_free(&house, &place, 8).await);
    house.stop().await;
}
