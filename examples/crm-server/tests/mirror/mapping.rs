//! Which bookings go to GHL, and what is said of those that nobody has named a calendar for.

use std::time::Duration;

use crate::house::{House, Place};
use crm_server::calcom::settings;
use provider_sandbox::calcom::{Fault, FaultRule, WebhookCommand};
use serde_json::json;
use sidecar_core::{
    commit::Batch,
    record::{Change, ChangeOrigin, Listing, Mutation, RecordKey},
};

impl House {
    /// Waits until something was given up.
    async fn trouble(&self) -> Vec<String> {
        for _ in 0..200 {
            if !self.given_up().await.is_empty() {
                break;
            }
            self.app().clock.sleep(Duration::from_millis(50)).await;
        }
        self.given_up().await
    }

    async fn write(&self, change: impl FnOnce(&mut settings::CalcomSettings)) {
        let settled = settings::read(&*self.app().store, &self.organization).await.unwrap();
        let mut wanted = settled.settings;
        change(&mut wanted);
        assert!(settings::write(&*self.app().store, &self.organization, settled.revision, &wanted).await.unwrap());
    }

    /// As the route does that changes settings.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut settings::CalcomSettings)) {
        self.write(change).await;
        self.app().sync_schedule.schedule_bookings(&self.organization).await.unwrap();
        self.rest_of_passes().await;
    }

    /// Lets the copy say that somebody else hosts the booking, as an administrator's key would show it.
    async fn hosted_by(&self, host: u32, uid: &str) {
        let key = RecordKey { organization: self.organization.clone(), kind: "booking".into(), id: uid.into() };
        let stored = self.app().store.record(&key).await.unwrap().unwrap();
        let mut document = (*stored.doc).clone();
        document.insert("hosts".to_owned(), json!([{"id": host, "name": "Somebody else"}]));
        let change = Change {
            key,
            location: None,
            version: stored.version,
            origin: ChangeOrigin::Read { revision: stored.revision },
            position: Some(stored.position),
            mutation: Mutation::Put(document.into()),
            searchable: &[],
            refetch_task: None,
            on_change: Some("mirror.follow".into()),
        };
        self.app().store.commit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
        self.app().outbox_wake.notify_one();
    }
}

fn to(place: &Place) -> settings::Mapping {
    settings::Mapping { location_id: place.location.clone(), calendar_id: place.calendar.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_calendar_one_letter_says_what_to_set_and_setting_it_repairs_all_of_them() {
    let house = House::new(6, 1).await;
    let place = house.places[0].clone();
    let intro = house.sandbox.calcom().event_type_id("intro").unwrap();
    let uids = [house.book(intro, 0, "ann", &json!({})), house.book(intro, 8, "bo", &json!({}))];
    assert!(house.trouble().await[0].contains("set `mapping` or `defaultMapping`"));
    for (uid, slots) in uids.iter().zip([[16, 24], [32, 40]]) {
        for slot in slots {
            house.sandbox.calcom().reschedule(&house.head(uid), house.slot(slot)).unwrap();
        }
    }
    house.quiet().await;
    let given_up = house.given_up().await;
    assert_eq!(given_up.len(), 1, "{given_up:?}");
    assert!(given_up[0].contains(&format!("event type {intro}")), "{given_up:?}");
    let listing = Listing { limit: 10, ..Default::default() };
    let kept = house.app().store.list(&house.organization, "booking", &listing).await.unwrap();
    assert!(uids.iter().all(|uid| kept.iter().any(|record| *record.key.id == **uid)), "the bookings are kept");

    house.set(|settings| drop(settings.mapping.insert(intro, to(&place)))).await;
    house.rest().await;
    for uid in &uids {
        assert_eq!(house.at_ghl(&place, uid), Some(house.at_calcom(uid)));
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wrong_calendar_kept_from_ghl_is_there_when_the_right_one_is_set() {
    let house = House::new(11, 1).await;
    let place = house.places[0].clone();
    let wrong = settings::Mapping { calendar_id: "NoSuchCalendarAtAll1".to_owned(), ..to(&place) };
    house.write(|settings| drop(settings.mapping.insert(place.event_type, wrong))).await;
    let uid = house.book(place.event_type, 0, "ann", &json!({}));
    assert!(house.trouble().await[0].contains("no appointment in calendar NoSuchCalendarAtAll1"));
    house.quiet().await;
    house.set(|settings| drop(settings.mapping.insert(place.event_type, to(&place)))).await;
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &uid), Some(house.at_calcom(&uid)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_public_page_says_of_a_booking_does_not_keep_it_from_ghl() {
    let house = House::new(12, 1).await;
    let place = house.places[0].clone();
    let uid = house.book(place.event_type, 0, "ann", &json!({"sidecar_origin": "block"}));
    house.rest().await;
    assert_eq!(house.at_ghl(&place, &uid), Some(house.at_calcom(&uid)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_letter_goes_with_the_connection() {
    let house = House::new(9, 1).await;
    let intro = house.sandbox.calcom().event_type_id("intro").unwrap();
    house.book(intro, 0, "ann", &json!({}));
    assert_eq!(house.trouble().await.len(), 1);
    house.quiet().await;
    assert_eq!(house.disconnect().await, 204);
    house.rest().await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_is_for_ones_own_bookings_and_a_mapping_for_everybodys() {
    let house = House::new(8, 1).await;
    let place = house.places[0].clone();
    let intro = house.sandbox.calcom().event_type_id("intro").unwrap();
    let others = house.book(intro, 8, "bo", &json!({}));
    assert_eq!(house.trouble().await.len(), 1);
    house.write(|settings| settings.default_mapping = Some(to(&place))).await;
    house.hosted_by(4_711, &others).await;
    let own = house.book(intro, 0, "ann", &json!({}));
    house.quiet().await;
    assert_eq!([&own, &others].map(|uid| house.appointments(&place, uid).len()), [1, 0]);

    house.write(|settings| drop(settings.mapping.insert(intro, to(&place)))).await;
    house.hosted_by(4_712, &others).await;
    house.quiet().await;
    assert_eq!(house.appointments(&place, &others).len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_to_find_the_hosts_is_what_the_appointment_says() {
    let house = House::new(9, 1).await;
    let place = house.places[0].clone();
    let intro = house.sandbox.calcom().event_type_id("intro").unwrap();
    house.write(|settings| settings.default_mapping = Some(to(&place))).await;
    let (calcom, control) = (house.sandbox.calcom(), house.sandbox.control());
    // GHL's own would lead to another look.
    control.update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    let control = control.calcom();
    control.update_webhooks(&WebhookCommand { hold: Some(true), ..WebhookCommand::default() });
    let [cancelled, moved] = [(0, "ann"), (8, "bo")].map(|(slot, who)| house.book(intro, slot, who, &json!({})));
    // Nothing but what was said of them at first arrives.
    control.update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    calcom.cancel(&cancelled).unwrap();
    calcom.reschedule(&moved, house.slot(16)).unwrap();
    control.update_webhooks(&WebhookCommand { hold: Some(false), drop_percent: Some(0), ..WebhookCommand::default() });
    house.rest().await;
    for (uid, stand) in [(&cancelled, "cancelled"), (&moved, "confirmed")] {
        let there = house.at_calcom(uid);
        assert_eq!((there.2, house.at_ghl(&place, uid)), (stand, Some(there)));
    }

    let gone = FaultRule {
        method: Some("GET".to_owned()),
        path: Some("/v2/bookings/".to_owned()),
        fault: Fault::Status { status: 404 },
        ..FaultRule::default()
    };
    control.add_faults([gone]);
    let gone = house.book(intro, 24, "cy", &json!({}));
    house.rest().await;
    let key = RecordKey { organization: house.organization.clone(), kind: "booking".into(), id: gone.as_str().into() };
    assert!(house.app().store.record(&key).await.unwrap().unwrap().deleted, "it was looked for");
    assert_eq!(house.appointments(&place, &gone).len(), 0);
    house.stop().await;
}
