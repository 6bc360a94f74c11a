//! Which bookings are synchronized, and the report of those without a calendar.

use std::time::Duration;

use crate::harness::{Target, TestServer};
use crm_server::calcom::settings;
use provider_sandbox::calcom::{Fault, FaultRule, WebhookCommand};
use serde_json::json;
use sidecar_core::{
    commit::Batch,
    record::{Change, ChangeOrigin, Listing, Mutation, RecordKey},
};

impl TestServer {
    /// Waits for a dead letter.
    async fn wait_for_dead_letter(&self) -> Vec<String> {
        for _ in 0..200 {
            if !self.dead_lettered().await.is_empty() {
                break;
            }
            self.app().clock.sleep(Duration::from_millis(50)).await;
        }
        self.dead_lettered().await
    }

    async fn write(&self, change: impl FnOnce(&mut settings::CalcomSettings)) {
        let stored = settings::read(&*self.app().store, &self.organization).await.unwrap();
        let mut settings = stored.settings;
        change(&mut settings);
        assert!(settings::write(&*self.app().store, &self.organization, stored.revision, &settings).await.unwrap());
    }

    /// Changes the settings as the route does.
    pub(crate) async fn set(&self, change: impl FnOnce(&mut settings::CalcomSettings)) {
        self.write(change).await;
        self.app().sync_schedule.schedule_bookings(&self.organization).await.unwrap();
        self.wait_for_syncs().await;
    }

    /// Stores another host of the booking, as an administrator's key would show it.
    async fn hosted_by(&self, host: u32, uid: &str) {
        let key = RecordKey { organization: self.organization.clone(), kind: "booking".into(), id: uid.into() };
        let stored = self.app().store.record(&key).await.unwrap().unwrap();
        let mut document = (*stored.doc).clone();
        document.insert("hosts".to_owned(), json!([{"id": host, "name": "Another host"}]));
        let change = Change {
            key,
            location: None,
            version: stored.version,
            origin: ChangeOrigin::Read { revision: stored.revision },
            position: Some(stored.position),
            mutation: Mutation::Put(document.into()),
            searchable: &[],
            refetch_task: None,
            on_change: None,
        };
        self.app().records.commit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
        self.app().outbox_wake.notify_one();
    }
}

fn to(target: &Target) -> settings::Mapping {
    settings::Mapping { location_id: target.location.clone(), calendar_id: target.calendar.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmapped_event_type_is_one_dead_letter_until_it_is_mapped() {
    let server = TestServer::new(6, 1).await;
    let target = server.targets[0].clone();
    let intro = server.sandbox.calcom().event_type_id("intro").unwrap();
    let uids = [server.book(intro, 0, "ann", &json!({})), server.book(intro, 8, "bo", &json!({}))];
    assert!(server.wait_for_dead_letter().await[0].contains("set `mapping` or `defaultMapping`"));
    for (uid, slots) in uids.iter().zip([[16, 24], [32, 40]]) {
        for slot in slots {
            server.sandbox.calcom().reschedule(&server.latest_uid(uid), server.slot(slot)).unwrap();
        }
    }
    server.wait_for_work().await;
    let dead_lettered = server.dead_lettered().await;
    assert_eq!(dead_lettered.len(), 1, "{dead_lettered:?}");
    assert!(dead_lettered[0].contains(&format!("event type {intro}")), "{dead_lettered:?}");
    let listing = Listing { limit: 10, ..Default::default() };
    let stored = server.app().store.list(&server.organization, "booking", &listing).await.unwrap();
    assert!(uids.iter().all(|uid| stored.iter().any(|record| *record.key.id == **uid)), "the bookings are stored");

    server.set(|settings| drop(settings.mapping.insert(intro, to(&target)))).await;
    server.wait_until_idle().await;
    for uid in &uids {
        assert_eq!(server.ghl_state(&target, uid), Some(server.calcom_state(uid)));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_rejected_for_its_calendar_is_synced_after_the_fix() {
    let server = TestServer::new(11, 1).await;
    let target = server.targets[0].clone();
    let wrong = settings::Mapping { calendar_id: "NoSuchCalendarAtAll1".to_owned(), ..to(&target) };
    server.write(|settings| drop(settings.mapping.insert(target.event_type, wrong))).await;
    let uid = server.book(target.event_type, 0, "ann", &json!({}));
    assert!(server.wait_for_dead_letter().await[0].contains("no appointment in calendar NoSuchCalendarAtAll1"));
    server.wait_for_work().await;
    server.set(|settings| drop(settings.mapping.insert(target.event_type, to(&target)))).await;
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &uid), Some(server.calcom_state(&uid)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_of_a_public_page_does_not_exclude_a_booking() {
    let server = TestServer::new(12, 1).await;
    let target = server.targets[0].clone();
    let uid = server.book(target.event_type, 0, "ann", &json!({"sidecar_origin": "block"}));
    server.wait_until_idle().await;
    assert_eq!(server.ghl_state(&target, &uid), Some(server.calcom_state(&uid)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnecting_clears_the_dead_letter_of_an_event_type() {
    let server = TestServer::new(9, 1).await;
    let intro = server.sandbox.calcom().event_type_id("intro").unwrap();
    server.book(intro, 0, "ann", &json!({}));
    assert_eq!(server.wait_for_dead_letter().await.len(), 1);
    server.wait_for_work().await;
    assert_eq!(server.disconnect().await, 204);
    server.wait_until_idle().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_mapping_applies_to_own_bookings_only() {
    let server = TestServer::new(8, 1).await;
    let target = server.targets[0].clone();
    let intro = server.sandbox.calcom().event_type_id("intro").unwrap();
    let others = server.book(intro, 8, "bo", &json!({}));
    assert_eq!(server.wait_for_dead_letter().await.len(), 1);
    server.write(|settings| settings.default_mapping = Some(to(&target))).await;
    server.hosted_by(4_711, &others).await;
    let own = server.book(intro, 0, "ann", &json!({}));
    server.wait_for_work().await;
    assert_eq!([&own, &others].map(|uid| server.appointments(&target, uid).len()), [1, 0]);

    server.write(|settings| drop(settings.mapping.insert(intro, to(&target)))).await;
    server.hosted_by(4_712, &others).await;
    server.wait_for_work().await;
    assert_eq!(server.appointments(&target, &others).len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_refetched_for_its_hosts_is_synced_as_fetched() {
    let server = TestServer::new(9, 1).await;
    let target = server.targets[0].clone();
    let intro = server.sandbox.calcom().event_type_id("intro").unwrap();
    server.write(|settings| settings.default_mapping = Some(to(&target))).await;
    let (calcom, control) = (server.sandbox.calcom(), server.sandbox.control());
    // GHL's webhooks would cause another reconciliation.
    control.update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    let control = control.calcom();
    control.update_webhooks(&WebhookCommand { hold: Some(true), ..WebhookCommand::default() });
    let [cancelled, moved] = [(0, "ann"), (8, "bo")].map(|(slot, who)| server.book(intro, slot, who, &json!({})));
    // Only the first webhooks arrive.
    control.update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    calcom.cancel(&cancelled).unwrap();
    calcom.reschedule(&moved, server.slot(16)).unwrap();
    control.update_webhooks(&WebhookCommand { hold: Some(false), drop_percent: Some(0), ..WebhookCommand::default() });
    server.wait_until_idle().await;
    for (uid, status) in [(&cancelled, "cancelled"), (&moved, "confirmed")] {
        let there = server.calcom_state(uid);
        assert_eq!((there.2, server.ghl_state(&target, uid)), (status, Some(there)));
    }

    let not_found = FaultRule {
        method: Some("GET".to_owned()),
        path: Some("/v2/bookings/".to_owned()),
        fault: Fault::Status { status: 404 },
        ..FaultRule::default()
    };
    control.add_faults([not_found]);
    let deleted = server.book(intro, 24, "cy", &json!({}));
    server.wait_until_idle().await;
    let key =
        RecordKey { organization: server.organization.clone(), kind: "booking".into(), id: deleted.as_str().into() };
    assert!(server.app().store.record(&key).await.unwrap().unwrap().deleted, "it was refetched");
    assert_eq!(server.appointments(&target, &deleted).len(), 0);
    server.stop().await;
}
