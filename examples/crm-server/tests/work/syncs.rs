use std::time::Duration;

use crate::house::House;
use crm_server::{
    config::Role,
    sync::{run, schedule::SyncOptions},
    workers,
};
use ghl_client::sync::{APPOINTMENT, CONTACT, LOCATION, OPPORTUNITY, PIPELINE};
use serde_json::{Value, json};
use sidecar_core::{
    record::Listing,
    sync::{SyncError, SyncHealth, SyncKey},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) const FULL: SyncOptions = SyncOptions { full: true, force: false };
const PATIENCE: Duration = Duration::from_secs(20);

impl House {
    async fn count(&self, kind: &str) -> u64 {
        self.store().count(&self.organization, kind, None).await.unwrap()
    }
}

#[tokio::test]
async fn a_sync_now_copies_locations_contacts_and_events() {
    let house = House::with_locations(150).await;
    let ended = run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    assert_eq!(ended.len(), 9);
    for (key, outcome) in &ended {
        assert!(outcome.is_ok(), "{key}: {outcome:?}");
    }
    assert_eq!((house.count(LOCATION).await, house.count(CONTACT).await), (2, 300));
    assert_eq!((house.count(PIPELINE).await, house.count(OPPORTUNITY).await), (4, 240));
    let events: usize = house.locations.iter().map(|id| house.sandbox.ghl().appointments(id.as_str()).len()).sum();
    assert!(house.count(APPOINTMENT).await > 0 && house.count(APPOINTMENT).await <= events as u64);
}

/// Calls the provider as a person with a token of their own would.
async fn by_hand(house: &House, method: http::Method, path: &str, body: Value) -> Value {
    let (_, url) = house.sandbox.env().into_iter().find(|(name, _)| *name == "GHL_API_URL").unwrap();
    let token = house.sandbox.ghl().private_integration_token(house.locations[0].as_str()).unwrap();
    let client = ghl_client::GhlClient::builder().base_url(url).private_integration_token(token).build().unwrap();
    client.raw().request(method, path).body(&body).json().await.unwrap()
}

#[tokio::test]
async fn an_opportunity_follows_its_webhooks_and_what_they_missed_the_next_pass_brings() {
    let house = House::with_locations(3).await;
    let (organization, location) = (&house.organization, house.locations[0].as_str());
    run::sync_now(&house.app, organization, FULL, &()).await.unwrap();
    let wish = Listing { location: Some(location.into()), limit: 10, ..Listing::default() };
    let listed = house.store().list(organization, OPPORTUNITY, &wish).await.unwrap();
    let [first, second, _] = &listed[..] else { panic!("{} of three", listed.len()) };

    let at = house.app.now() + Duration::from_secs(60);
    let event = json!({"type": "OpportunityStatusUpdate", "locationId": location, "id": first.key.id, "status": "lost",
        "dateAdded": first.doc["createdAt"], "timestamp": at.to_string(), "webhookId": "w1"});
    house.deliver("w1", &event).await;
    let told = house.doc(OPPORTUNITY, &first.key.id).await;
    assert_eq!((&told["status"], &told["name"]), (&json!("lost"), &first.doc["name"]));
    assert!(!told.contains_key("dateAdded"), "it is `createdAt` where it is read: {told:?}");

    let later = at + Duration::from_secs(60);
    let event = json!({"type": "OpportunityDelete", "locationId": location, "id": first.key.id,
        "timestamp": later.to_string(), "webhookId": "w2"});
    house.deliver("w2", &event).await;
    assert!(house.record(OPPORTUNITY, &first.key.id).await.unwrap().deleted, "an end is an end");

    let path = format!("/opportunities/{}", second.key.id);
    by_hand(&house, http::Method::PUT, &path, json!({"name": "Renamed"})).await;
    run::sync_now(&house.app, organization, SyncOptions::default(), &()).await.unwrap();
    assert_eq!(house.doc(OPPORTUNITY, &second.key.id).await["name"], "Renamed");
    by_hand(&house, http::Method::DELETE, &path, json!({})).await;
    house.app.clock.sleep(Duration::from_millis(1)).await;
    run::sync_now(&house.app, organization, FULL, &()).await.unwrap();
    assert_eq!(house.count(OPPORTUNITY).await, 5, "one that a pass does not find is no proof yet");
}

#[tokio::test]
async fn a_second_sync_asks_only_for_what_changed() {
    let house = House::with_locations(150).await;
    run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    let before = house.sandbox.ghl().counts().calls("POST /contacts/search");
    let ended = run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    let pages = house.sandbox.ghl().counts().calls("POST /contacts/search") - before;
    assert!(pages <= 2, "{pages} pages: {ended:?}");
}

#[tokio::test]
async fn locations_whose_installation_was_never_told_are_found_by_the_next_pass() {
    let house = House::with_company(10).await;
    let ended = run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    house.work_outbox().await;
    assert_eq!(house.connected().await.len(), 3);
    assert!(house.scheduled().await.contains(&format!("GHL_CONTACTS/{}", house.locations[1])));
}

#[tokio::test]
async fn without_a_connection_there_is_nothing_to_copy() {
    let house = House::new(1).await;
    assert_eq!(house.app.sync_schedule.schedule_all(&house.organization, FULL).await.unwrap(), []);
}

#[tokio::test]
async fn the_workers_copy_what_is_due_and_end_when_asked() {
    let house = House::with_company(120).await;
    let stop = CancellationToken::new();
    let workers = workers::start(&house.app, Role::All, stop.clone());
    house.app.sync_schedule.schedule_all(&house.organization, FULL).await.unwrap();
    let clock = &*house.app.clock;
    let copied = async {
        while house.count(CONTACT).await < 240 {
            clock.sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(clock, PATIENCE, copied).await.expect("the contacts are copied");
    stop.cancel();
    timeout(clock, PATIENCE, workers.join()).await.expect("the workers end");
}

#[tokio::test]
async fn a_pass_that_is_stopped_is_no_failure_and_its_lease_is_free() {
    let house = House::with_locations(1_000).await;
    let stop = CancellationToken::new();
    let workers = workers::start(&house.app, Role::Worker, stop.clone());
    house.app.sync_schedule.schedule_all(&house.organization, FULL).await.unwrap();
    let clock = &*house.app.clock;
    let begun = async {
        while house.count(CONTACT).await < 200 {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(clock, PATIENCE, begun).await.expect("the copying begins");
    stop.cancel();
    timeout(clock, PATIENCE, workers.join()).await.expect("the workers end");
    assert!(house.count(CONTACT).await < 2_000, "the test stops a pass half way");
    for status in house.store().statuses(&house.organization).await.unwrap() {
        assert_eq!((status.health, status.error_count), (SyncHealth::Healthy, 0), "{status:?}");
    }

    let ended = run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    assert_eq!(house.count(CONTACT).await, 2_000);
}

#[tokio::test]
async fn a_process_that_only_answers_requests_works_on_nothing() {
    let house = House::with_company(1).await;
    house.app.sync_schedule.schedule_all(&house.organization, FULL).await.unwrap();
    let stop = CancellationToken::new();
    let workers = workers::start(&house.app, Role::Web, stop.clone());
    house.app.clock.sleep(Duration::from_millis(500)).await;
    let statuses = house.store().statuses(&house.organization).await.unwrap();
    assert!(statuses.iter().all(|status| status.last_sync_at.is_none() && status.progress.is_none()), "{statuses:?}");
    let alive = Duration::from_secs(60);
    assert_eq!(
        house.store().heartbeat("the test", alive).await.unwrap(),
        2,
        "it is counted among those that share limits"
    );
    stop.cancel();
    workers.join().await;
    assert_eq!(house.store().heartbeat("the test", alive).await.unwrap(), 1, "it took its leave");
}

#[tokio::test]
async fn when_the_provider_fails_the_source_says_so_and_is_due_again() {
    let house = House::with_locations(10).await;
    let storm = provider_sandbox::ghl::FaultRule {
        path: Some("/contacts/search".to_owned()),
        fault: provider_sandbox::ghl::Fault::Status { status: 401 },
        ..Default::default()
    };
    house.sandbox.control().add_faults([storm]);
    let ended = run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    assert_eq!(ended.iter().filter(|(_, outcome)| outcome.is_err()).count(), 2, "{ended:?}");
    let statuses = house.store().statuses(&house.organization).await.unwrap();
    let failed: Vec<_> = statuses.iter().filter(|status| status.health == SyncHealth::Error).collect();
    assert_eq!(failed.len(), 2, "{statuses:?}");
    for status in failed {
        assert!(status.last_error.as_ref().is_some_and(|why| why.contains("contacts.search")), "{status:?}");
        assert!(status.next_run_at.is_some_and(|at| at > house.app.now()), "{status:?}");
    }
}

#[tokio::test]
async fn a_mass_delete_waits_until_somebody_insists() {
    let house = House::with_locations(60).await;
    run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    let location = house.locations[0].as_str();
    for contact in house.sandbox.ghl().contacts(location).iter().take(30) {
        house.sandbox.ghl().delete_contact(contact["id"].as_str().unwrap()).unwrap();
    }
    house.sandbox.control().set_index_lag(0);

    let ended = run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    let refused = ended.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).collect::<Vec<_>>();
    assert!(matches!(refused.as_slice(), [SyncError::MassDelete { missing: 30, .. }]), "{ended:?}");
    assert_eq!(house.count(CONTACT).await, 120);

    // As the route does: the wish is kept for whoever runs the pass.
    let insist = SyncOptions { full: false, force: true };
    house.app.sync_schedule.schedule_all(&house.organization, insist).await.unwrap();
    let key = SyncKey::new(&house.organization, "GHL_CONTACTS", location);
    run::run(&house.app, &key, &()).await.unwrap();
    assert_eq!(house.count(CONTACT).await, 90);
    let ended = run::sync_now(&house.app, &house.organization, insist, &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    assert_eq!(house.count(CONTACT).await, 90);
}

#[tokio::test]
async fn a_sync_right_after_connecting_copies_what_the_company_has() {
    let house = House::with_company(10).await;
    let ended = run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    assert_eq!((ended.len(), house.count(CONTACT).await), (9, 20));
}

#[tokio::test]
async fn a_sync_says_which_locations_could_not_be_connected() {
    let house = House::with_company(1).await;
    let other = "org_2".into();
    let row =
        sidecar_store::Organization { id: other, slug: "two".into(), name: "Two".into(), created_at: house.app.now() };
    house.store().create_organization(&row).await.unwrap();
    let taken = house.store().claim_location("ghl", house.locations[0].as_str(), &row.id).await.unwrap();
    assert_eq!(taken, sidecar_store::Claimed::Claimed);
    let ended = run::sync_now(&house.app, &house.organization, SyncOptions::default(), &()).await.unwrap();
    let wrong: Vec<_> = ended.iter().filter(|(_, outcome)| outcome.is_err()).collect();
    assert!(matches!(wrong.as_slice(), [(key, _)] if *key.location == *house.locations[0].as_str()), "{ended:?}");
}

#[tokio::test]
async fn an_opportunity_that_is_gone_is_removed_by_a_full_pass_and_one_that_moved_is_kept() {
    let house = House::with_locations(30).await;
    run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    let location = house.locations[0].as_str();
    let truth = house.sandbox.ghl().opportunities(location);
    let (gone, moved) = (truth[0]["id"].as_str().unwrap(), truth[1]["id"].as_str().unwrap());
    house.sandbox.ghl().delete_opportunity(gone).unwrap();
    house.sandbox.ghl().update_opportunity(moved, &json!({"name": "Moved"})).unwrap();
    // The events of both were lost, and the pass removes nothing that is younger than its lag.
    house.sandbox.control().advance_clock(300_000);
    let ended = run::sync_now(&house.app, &house.organization, FULL, &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    assert_eq!(house.count(OPPORTUNITY).await, 59);
    assert!(house.record(OPPORTUNITY, gone).await.unwrap().deleted);
    assert_eq!(house.doc(OPPORTUNITY, moved).await["name"], "Moved");
}
