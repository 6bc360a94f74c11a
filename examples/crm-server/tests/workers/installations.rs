use std::time::Duration;

use crate::harness::Harness;
use bytes::Bytes;
use crm_server::{sync::run, sync::sources::GHL_LOCATIONS};
use serde_json::{Value, json};
use sidecar_core::{OrganizationId, Timestamp, queue::outbox::TaskOutcome, sync::SyncKey, token::TokenSet};
use sidecar_store::{Claimed, Organization};

fn install(harness: &Harness, app: &str, location: usize) -> Value {
    json!({"type": "INSTALL", "appId": app, "installType": "Location", "companyId": harness.company,
        "locationId": harness.locations[location], "timestamp": "2026-03-01T10:00:00Z"})
}

fn uninstall(harness: &Harness, target: &Value) -> Value {
    let mut event = json!({"type": "UNINSTALL", "appId": harness.sandbox.ghl().app_id()});
    event.as_object_mut().unwrap().extend(target.as_object().cloned().unwrap());
    event
}

#[tokio::test]
async fn an_installed_location_gets_a_token_and_its_first_sync_is_due() {
    let harness = Harness::with_company(1).await;
    harness.deliver("w1", &install(&harness, harness.sandbox.ghl().app_id(), 0)).await;
    assert!(matches!(harness.execute_tasks().await.as_slice(), [TaskOutcome::Done(_)]));

    let (company, location) = (harness.company.as_str(), harness.locations[0].as_str());
    assert_eq!(harness.token_resources().await, [format!("ghl:company:{company}"), format!("ghl:location:{location}")]);
    let scheduled = harness.scheduled().await;
    for source in ["GHL_CONTACTS", "GHL_EVENTS", "GHL_PIPELINES", "GHL_OPPORTUNITIES"] {
        assert!(scheduled.contains(&format!("{source}/{location}")), "{scheduled:?}");
    }
    let owner = harness.store().organization_of_location("ghl", location).await.unwrap();
    assert_eq!(owner, Some(harness.organization.clone()));
}

#[tokio::test]
async fn a_repeated_installation_mints_no_second_token() {
    let harness = Harness::with_company(1).await;
    for delivery in ["w1", "w2"] {
        harness.deliver(delivery, &install(&harness, harness.sandbox.ghl().app_id(), 0)).await;
    }
    harness.execute_tasks().await;
    assert_eq!(harness.sandbox.ghl().counts().connections[harness.locations[0].as_str()].minted, 1);
}

#[tokio::test]
async fn a_location_of_another_organization_is_not_taken_from_it() {
    let harness = Harness::with_company(1).await;
    let other =
        Organization { id: "org_2".into(), slug: "two".into(), name: "Two".into(), created_at: harness.app.now() };
    harness.store().create_organization(&other).await.unwrap();
    let taken = harness.store().claim_location("ghl", harness.locations[0].as_str(), &other.id).await.unwrap();
    assert_eq!(taken, Claimed::Claimed);

    let payload = json!({"company": harness.company, "location": harness.locations[0]});
    let outcome = harness.execute_task("ghl.install", payload).await;
    assert!(matches!(&outcome, TaskOutcome::Discard(why) if why.contains("location_taken")), "{outcome:?}");
    assert_eq!(harness.token_resources().await.len(), 1);
}

#[tokio::test]
async fn the_installation_of_an_uninstalled_location_is_discarded() {
    let harness = Harness::with_company(1).await;
    let command = provider_sandbox::control::TokenCommand {
        uninstall: Some(harness.locations[0].to_string()),
        ..Default::default()
    };
    harness.sandbox.control().update_tokens(&command).unwrap();
    let outcome = harness
        .execute_task("ghl.install", json!({"company": harness.company, "location": harness.locations[0]}))
        .await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
    assert_eq!(harness.owner(0).await, None, "the claim of the location is released");
}

#[tokio::test]
async fn an_uninstalled_location_loses_its_token_and_its_syncs() {
    let harness = Harness::with_locations(1).await;
    let (removed, remaining) = (harness.locations[0].clone(), harness.locations[1].clone());
    harness.deliver("w1", &uninstall(&harness, &json!({"locationId": removed}))).await;
    harness.execute_tasks().await;

    assert!(!harness.token_resources().await.contains(&format!("ghl:location:{removed}")));
    assert!(harness.token_resources().await.contains(&format!("ghl:location:{remaining}")));
    let scheduled = harness.scheduled().await;
    assert!(!scheduled.iter().any(|source| source.ends_with(removed.as_str())), "{scheduled:?}");
    assert!(scheduled.contains(&format!("GHL_CONTACTS/{remaining}")), "{scheduled:?}");
    assert_eq!(harness.store().organization_of_location("ghl", removed.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn an_uninstalled_company_disconnects_its_locations() {
    let harness = Harness::with_locations(1).await;
    harness.deliver("w1", &uninstall(&harness, &json!({"companyId": harness.company}))).await;
    harness.execute_tasks().await;
    assert_eq!(harness.token_resources().await, Vec::<String>::new());
    assert_eq!(harness.scheduled().await, Vec::<String>::new());
    assert_eq!(harness.store().organization_of_company("ghl", harness.company.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn uninstall_events_of_another_app_are_ignored() {
    let harness = Harness::with_locations(1).await;
    let mut foreign = uninstall(&harness, &json!({"companyId": harness.company}));
    foreign["appId"] = json!("anotherapp");
    harness.enqueue("w1", Bytes::from(foreign.to_string())).await;
    let mut without_app = foreign.clone();
    without_app.as_object_mut().unwrap().remove("appId");
    harness.enqueue("w2", Bytes::from(without_app.to_string())).await;
    harness.process_inbox().await;
    assert!(harness.claim_tasks().await.is_empty());
    assert_eq!(harness.token_resources().await.len(), 3);
}

impl Harness {
    async fn owner(&self, location: usize) -> Option<OrganizationId> {
        self.store().organization_of_location("ghl", self.locations[location].as_str()).await.unwrap()
    }

    fn minted(&self, location: usize) -> u64 {
        self.sandbox.ghl().counts().connections[self.locations[location].as_str()].minted
    }
}

fn with_timestamp(mut event: Value, at: Timestamp) -> Value {
    event["timestamp"] = json!(at.to_string());
    event
}

#[tokio::test]
async fn an_impossible_installation_is_discarded_and_blocks_no_other() {
    let harness = Harness::with_company(1).await;
    let mut stuck = install(&harness, harness.sandbox.ghl().app_id(), 0);
    stuck["companyId"] = json!("not-connected");
    let claimed =
        harness.store().claim_location("ghl", harness.locations[0].as_str(), &harness.organization).await.unwrap();
    assert_eq!(claimed, Claimed::Claimed);
    harness.deliver("w1", &stuck).await;
    harness.deliver("w2", &install(&harness, harness.sandbox.ghl().app_id(), 1)).await;
    let tasks = harness.claim_tasks().await;
    assert_eq!(tasks.len(), 2, "each installation has its own task: {tasks:?}");
    let outcome = harness.execute_task("ghl.install", json!({"company": "unknown", "location": "unknown"})).await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
}

#[tokio::test]
async fn an_installation_waits_until_its_companys_tokens_are_stored() {
    let harness = Harness::new(1).await;
    // The connect route of another process has claimed the company but has not stored its tokens yet.
    let claimed = harness.store().claim_company("ghl", harness.company.as_str(), &harness.organization).await.unwrap();
    assert_eq!(claimed, Claimed::Claimed);
    let payload = json!({"company": harness.company, "location": harness.locations[0]});
    let outcome = harness.execute_task("ghl.install", payload).await;
    assert!(
        matches!(outcome, TaskOutcome::RetryAt(at, _) if at <= harness.app.now() + Duration::from_secs(1)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_installation_does_not_wait_for_a_company_that_needs_reauth() {
    let harness = Harness::with_company(1).await;
    harness
        .store()
        .set_state(
            &harness.app.ghl.tokens(&harness.organization).unwrap().company_key(&harness.company),
            1,
            &sidecar_core::token::ConnectionState::NeedsReauth {
                reason: "revoked".to_owned(),
                since: harness.app.now(),
            },
        )
        .await
        .unwrap();
    let outcome = harness
        .execute_task("ghl.install", json!({"company": harness.company, "location": harness.locations[0]}))
        .await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
    assert_eq!(harness.owner(0).await, None);
}

#[tokio::test]
async fn an_uninstall_event_older_than_the_connection_changes_nothing() {
    let harness = Harness::with_locations(1).await;
    let before = harness.app.now() - Duration::from_secs(3_600);
    harness
        .deliver("w1", &with_timestamp(uninstall(&harness, &json!({"locationId": harness.locations[0]})), before))
        .await;
    harness.execute_tasks().await;
    assert_eq!(
        (harness.token_resources().await.len(), harness.owner(0).await),
        (3, Some(harness.organization.clone()))
    );
}

#[tokio::test]
async fn an_installation_newer_than_a_late_uninstall_event_remains() {
    let harness = Harness::with_locations(1).await;
    let removed = harness.app.now();
    let installed = harness.app.now() + Duration::from_micros(1);
    harness.deliver("w2", &with_timestamp(install(&harness, harness.sandbox.ghl().app_id(), 0), installed)).await;
    harness.execute_tasks().await;
    assert_eq!(harness.minted(0), 2, "the newer installation replaces the token of the earlier one");
    harness
        .deliver("w1", &with_timestamp(uninstall(&harness, &json!({"locationId": harness.locations[0]})), removed))
        .await;
    harness.execute_tasks().await;
    assert_eq!(
        (harness.token_resources().await.len(), harness.owner(0).await),
        (3, Some(harness.organization.clone()))
    );
}

#[tokio::test]
async fn the_next_sync_run_does_not_reconnect_a_removed_location() {
    let harness = Harness::with_locations(1).await;
    let ended = run::sync_now(&harness.app, &harness.organization, crate::syncs::FULL, &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    let command = provider_sandbox::control::TokenCommand {
        uninstall: Some(harness.locations[0].to_string()),
        ..Default::default()
    };
    harness.sandbox.control().update_tokens(&command).unwrap();
    harness.deliver("w1", &uninstall(&harness, &json!({"locationId": harness.locations[0]}))).await;
    harness.execute_tasks().await;

    run::run(&harness.app, &SyncKey::new(&harness.organization, GHL_LOCATIONS, ""), &()).await.unwrap();
    assert!(harness.claim_tasks().await.is_empty());
    assert_eq!(harness.owner(0).await, None);
}

#[tokio::test]
async fn a_sync_run_enqueues_the_installations_it_finds() {
    let harness = Harness::with_company(1).await;
    harness.app.sync_schedule.schedule_full(&harness.organization).await.unwrap();
    run::run(&harness.app, &SyncKey::new(&harness.organization, GHL_LOCATIONS, ""), &()).await.unwrap();
    assert_eq!(harness.execute_tasks().await.len(), 2);
    assert_eq!(harness.token_resources().await.len(), 3);
}

#[tokio::test]
async fn uninstalling_a_company_keeps_locations_with_their_own_connection() {
    let harness = Harness::with_locations(1).await;
    let own = &harness.locations[0];
    let extra = json!({"userType": "Location", "locationId": own, "companyId": harness.company});
    let set = TokenSet {
        access: "own".into(),
        refresh: Some("own".into()),
        expires_at: None,
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: None,
        extra: extra.as_object().cloned().unwrap(),
    };
    harness.app.ghl.tokens(&harness.organization).unwrap().adopt(&set).await.unwrap();
    let waiting = harness.store().claim_location("ghl", "waiting", &harness.organization).await.unwrap();
    assert_eq!(waiting, Claimed::Claimed);

    harness.deliver("w1", &uninstall(&harness, &json!({"companyId": harness.company}))).await;
    harness.execute_tasks().await;
    assert_eq!(harness.token_resources().await, [format!("ghl:location:{own}")]);
    assert_eq!(harness.store().locations_of(&harness.organization, "ghl").await.unwrap(), [own.to_string()]);
}

#[tokio::test]
async fn an_installation_stores_no_token_if_the_company_was_disconnected() {
    let harness = Harness::with_company(1).await;
    assert!(harness.store().release_company("ghl", harness.company.as_str(), &harness.organization).await.unwrap());
    let outcome = harness
        .execute_task("ghl.install", json!({"company": harness.company, "location": harness.locations[0]}))
        .await;
    assert!(matches!(&outcome, TaskOutcome::Discard(why) if why.contains("disconnected")), "{outcome:?}");
    assert!(!harness.token_resources().await.contains(&format!("ghl:location:{}", harness.locations[0])));
    assert_eq!(
        (
            harness.owner(0).await,
            harness.scheduled().await.iter().any(|key| key.ends_with(harness.locations[0].as_str()))
        ),
        (None, false)
    );
}
