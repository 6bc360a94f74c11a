use std::time::Duration;

use crate::harness::Harness;
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
const TIMEOUT: Duration = Duration::from_secs(20);

impl Harness {
    async fn count(&self, kind: &str) -> u64 {
        self.store().count(&self.organization, kind, None).await.unwrap()
    }
}

#[tokio::test]
async fn a_sync_now_copies_locations_contacts_and_events() {
    let harness = Harness::with_locations(150).await;
    let results = run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    assert_eq!(results.len(), 9);
    for (key, outcome) in &results {
        assert!(outcome.is_ok(), "{key}: {outcome:?}");
    }
    assert_eq!((harness.count(LOCATION).await, harness.count(CONTACT).await), (2, 300));
    assert_eq!((harness.count(PIPELINE).await, harness.count(OPPORTUNITY).await), (4, 240));
    let events: usize = harness.locations.iter().map(|id| harness.sandbox.ghl().appointments(id.as_str()).len()).sum();
    assert!(harness.count(APPOINTMENT).await > 0 && harness.count(APPOINTMENT).await <= events as u64);
}

/// Calls the provider as a user with a private integration token.
async fn call_provider(harness: &Harness, method: http::Method, path: &str, body: Value) -> Value {
    let (_, url) = harness.sandbox.env().into_iter().find(|(name, _)| *name == "GHL_API_URL").unwrap();
    let token = harness.sandbox.ghl().private_integration_token(harness.locations[0].as_str()).unwrap();
    let client = ghl_client::GhlClient::builder().base_url(url).private_integration_token(token).build().unwrap();
    client.raw().request(method, path).body(&body).json().await.unwrap()
}

#[tokio::test]
async fn opportunities_follow_webhooks_and_sync_runs_add_missed_changes() {
    let harness = Harness::with_locations(3).await;
    let (organization, location) = (&harness.organization, harness.locations[0].as_str());
    run::sync_now(&harness.app, organization, FULL, &()).await.unwrap();
    let listing = Listing { location: Some(location.into()), limit: 10, ..Listing::default() };
    let listed = harness.store().list(organization, OPPORTUNITY, &listing).await.unwrap();
    let [first, second, _] = &listed[..] else { panic!("{} of three", listed.len()) };

    let at = harness.app.now() + Duration::from_secs(60);
    let event = json!({"type": "OpportunityStatusUpdate", "locationId": location, "id": first.key.id, "status": "lost",
        "dateAdded": first.doc["createdAt"], "timestamp": at.to_string(), "webhookId": "w1"});
    harness.deliver("w1", &event).await;
    let doc = harness.doc(OPPORTUNITY, &first.key.id).await;
    assert_eq!((&doc["status"], &doc["name"]), (&json!("lost"), &first.doc["name"]));
    assert!(!doc.contains_key("dateAdded"), "the API calls it `createdAt`: {doc:?}");

    let later = at + Duration::from_secs(60);
    let event = json!({"type": "OpportunityDelete", "locationId": location, "id": first.key.id,
        "timestamp": later.to_string(), "webhookId": "w2"});
    harness.deliver("w2", &event).await;
    assert!(harness.record(OPPORTUNITY, &first.key.id).await.unwrap().deleted, "the delete event writes a tombstone");

    let path = format!("/opportunities/{}", second.key.id);
    call_provider(&harness, http::Method::PUT, &path, json!({"name": "Renamed"})).await;
    run::sync_now(&harness.app, organization, SyncOptions::default(), &()).await.unwrap();
    assert_eq!(harness.doc(OPPORTUNITY, &second.key.id).await["name"], "Renamed");
    call_provider(&harness, http::Method::DELETE, &path, json!({})).await;
    harness.app.clock.sleep(Duration::from_millis(1)).await;
    run::sync_now(&harness.app, organization, FULL, &()).await.unwrap();
    assert_eq!(harness.count(OPPORTUNITY).await, 5, "a record that one run does not find is not deleted yet");
}

#[tokio::test]
async fn a_second_sync_requests_only_changes() {
    let harness = Harness::with_locations(150).await;
    run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    let before = harness.sandbox.ghl().counts().calls("POST /contacts/search");
    let results = run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    let pages = harness.sandbox.ghl().counts().calls("POST /contacts/search") - before;
    assert!(pages <= 2, "{pages} pages: {results:?}");
}

#[tokio::test]
async fn the_next_sync_run_finds_locations_without_an_install_event() {
    let harness = Harness::with_company(10).await;
    let results = run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(results.iter().all(|(_, outcome)| outcome.is_ok()), "{results:?}");
    harness.execute_tasks().await;
    assert_eq!(harness.token_resources().await.len(), 3);
    assert!(harness.scheduled().await.contains(&format!("GHL_CONTACTS/{}", harness.locations[1])));
}

#[tokio::test]
async fn without_a_connection_nothing_is_scheduled() {
    let harness = Harness::new(1).await;
    assert_eq!(harness.app.sync_schedule.schedule_all(&harness.organization, FULL).await.unwrap(), []);
}

#[tokio::test]
async fn the_workers_run_due_syncs_and_stop_on_request() {
    let harness = Harness::with_company(120).await;
    let stop = CancellationToken::new();
    let workers = workers::start(&harness.app, Role::All, stop.clone());
    harness.app.sync_schedule.schedule_all(&harness.organization, FULL).await.unwrap();
    let clock = &*harness.app.clock;
    let copied = async {
        while harness.count(CONTACT).await < 240 {
            clock.sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(clock, TIMEOUT, copied).await.expect("timed out waiting for the contacts");
    stop.cancel();
    timeout(clock, TIMEOUT, workers.join()).await.expect("timed out waiting for the workers to stop");
}

#[tokio::test]
async fn a_stopped_sync_run_is_not_a_failure_and_releases_its_lease() {
    let harness = Harness::with_locations(1_000).await;
    let stop = CancellationToken::new();
    let workers = workers::start(&harness.app, Role::Worker, stop.clone());
    harness.app.sync_schedule.schedule_all(&harness.organization, FULL).await.unwrap();
    let clock = &*harness.app.clock;
    let started = async {
        while harness.count(CONTACT).await < 200 {
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(clock, TIMEOUT, started).await.expect("timed out waiting for the first contacts");
    stop.cancel();
    timeout(clock, TIMEOUT, workers.join()).await.expect("timed out waiting for the workers to stop");
    assert!(harness.count(CONTACT).await < 2_000, "the run was complete before the test stopped it");
    for status in harness.store().statuses(&harness.organization).await.unwrap() {
        assert_eq!((status.health, status.error_count), (SyncHealth::Healthy, 0), "{status:?}");
    }

    let results = run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(results.iter().all(|(_, outcome)| outcome.is_ok()), "{results:?}");
    assert_eq!(harness.count(CONTACT).await, 2_000);
}

#[tokio::test]
async fn a_web_process_runs_no_workers() {
    let harness = Harness::with_company(1).await;
    harness.app.sync_schedule.schedule_all(&harness.organization, FULL).await.unwrap();
    let stop = CancellationToken::new();
    let workers = workers::start(&harness.app, Role::Web, stop.clone());
    harness.app.clock.sleep(Duration::from_millis(500)).await;
    let statuses = harness.store().statuses(&harness.organization).await.unwrap();
    assert!(statuses.iter().all(|status| status.last_sync_at.is_none() && status.progress.is_none()), "{statuses:?}");
    let ttl = Duration::from_secs(60);
    assert_eq!(
        harness.store().heartbeat("the test", ttl).await.unwrap(),
        2,
        "the web process counts among those that share limits"
    );
    stop.cancel();
    workers.join().await;
    assert_eq!(harness.store().heartbeat("the test", ttl).await.unwrap(), 1, "the web process has deregistered");
}

#[tokio::test]
async fn a_provider_failure_is_reported_by_the_source_and_retried() {
    let harness = Harness::with_locations(10).await;
    let rule = provider_sandbox::ghl::FaultRule {
        path: Some("/contacts/search".to_owned()),
        fault: provider_sandbox::ghl::Fault::Status { status: 401 },
        ..Default::default()
    };
    harness.sandbox.control().add_faults([rule]);
    let results = run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    assert_eq!(results.iter().filter(|(_, outcome)| outcome.is_err()).count(), 2, "{results:?}");
    let statuses = harness.store().statuses(&harness.organization).await.unwrap();
    let failed: Vec<_> = statuses.iter().filter(|status| status.health == SyncHealth::Error).collect();
    assert_eq!(failed.len(), 2, "{statuses:?}");
    for status in failed {
        assert!(status.last_error.as_ref().is_some_and(|why| why.contains("contacts.search")), "{status:?}");
        assert!(status.next_run_at.is_some_and(|at| at > harness.app.now()), "{status:?}");
    }
}

#[tokio::test]
async fn a_mass_delete_needs_a_forced_run() {
    let harness = Harness::with_locations(60).await;
    run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    let location = harness.locations[0].as_str();
    for contact in harness.sandbox.ghl().contacts(location).iter().take(30) {
        harness.sandbox.ghl().delete_contact(contact["id"].as_str().unwrap()).unwrap();
    }
    harness.sandbox.control().set_index_lag(0);

    let results = run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    let errors = results.iter().filter_map(|(_, outcome)| outcome.as_ref().err()).collect::<Vec<_>>();
    assert!(matches!(errors.as_slice(), [SyncError::MassDelete { missing: 30, .. }]), "{results:?}");
    assert_eq!(harness.count(CONTACT).await, 120);

    // As the route does: the request is stored for the next run in any process.
    let force = SyncOptions { full: false, force: true };
    harness.app.sync_schedule.schedule_all(&harness.organization, force).await.unwrap();
    let key = SyncKey::new(&harness.organization, "GHL_CONTACTS", location);
    run::run(&harness.app, &key, &()).await.unwrap();
    assert_eq!(harness.count(CONTACT).await, 90);
    let results = run::sync_now(&harness.app, &harness.organization, force, &()).await.unwrap();
    assert!(results.iter().all(|(_, outcome)| outcome.is_ok()), "{results:?}");
    assert_eq!(harness.count(CONTACT).await, 90);
}

#[tokio::test]
async fn a_sync_right_after_connecting_copies_the_companys_locations() {
    let harness = Harness::with_company(10).await;
    let results = run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    assert!(results.iter().all(|(_, outcome)| outcome.is_ok()), "{results:?}");
    assert_eq!((results.len(), harness.count(CONTACT).await), (9, 20));
}

#[tokio::test]
async fn a_sync_reports_the_locations_that_could_not_be_connected() {
    let harness = Harness::with_company(1).await;
    let other = "org_2".into();
    let row = sidecar_store::Organization {
        id: other,
        slug: "two".into(),
        name: "Two".into(),
        created_at: harness.app.now(),
    };
    harness.store().create_organization(&row).await.unwrap();
    let taken = harness.store().claim_location("ghl", harness.locations[0].as_str(), &row.id).await.unwrap();
    assert_eq!(taken, sidecar_store::Claimed::Claimed);
    let results = run::sync_now(&harness.app, &harness.organization, SyncOptions::default(), &()).await.unwrap();
    let failed: Vec<_> = results.iter().filter(|(_, outcome)| outcome.is_err()).collect();
    assert!(matches!(failed.as_slice(), [(key, _)] if *key.location == *harness.locations[0].as_str()), "{results:?}");
}

#[tokio::test]
async fn a_full_run_removes_a_deleted_opportunity_and_updates_a_changed_one() {
    let harness = Harness::with_locations(30).await;
    run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    let location = harness.locations[0].as_str();
    let opportunities = harness.sandbox.ghl().opportunities(location);
    let (deleted, renamed) = (opportunities[0]["id"].as_str().unwrap(), opportunities[1]["id"].as_str().unwrap());
    harness.sandbox.ghl().delete_opportunity(deleted).unwrap();
    harness.sandbox.ghl().update_opportunity(renamed, &json!({"name": "Renamed"})).unwrap();
    // Both events were lost, and the run deletes nothing newer than its index lag.
    harness.sandbox.control().advance_clock(300_000);
    let results = run::sync_now(&harness.app, &harness.organization, FULL, &()).await.unwrap();
    assert!(results.iter().all(|(_, outcome)| outcome.is_ok()), "{results:?}");
    assert_eq!(harness.count(OPPORTUNITY).await, 59);
    assert!(harness.record(OPPORTUNITY, deleted).await.unwrap().deleted);
    assert_eq!(harness.doc(OPPORTUNITY, renamed).await["name"], "Renamed");
}
