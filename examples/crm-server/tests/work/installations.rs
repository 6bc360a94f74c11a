use std::time::Duration;

use crate::house::House;
use bytes::Bytes;
use crm_server::{sync::run, sync::sources::GHL_LOCATIONS};
use serde_json::{Value, json};
use sidecar_core::{OrganizationId, Timestamp, queue::outbox::TaskOutcome, sync::SyncKey, token::TokenSet};
use sidecar_store::{Claimed, Organization};

fn install(house: &House, app: &str, location: usize) -> Value {
    json!({"type": "INSTALL", "appId": app, "installType": "Location", "companyId": house.company,
        "locationId": house.locations[location], "timestamp": "2026-03-01T10:00:00Z"})
}

fn uninstall(house: &House, what: &Value) -> Value {
    let mut event = json!({"type": "UNINSTALL", "appId": house.sandbox.ghl().app_id()});
    event.as_object_mut().unwrap().extend(what.as_object().cloned().unwrap());
    event
}

#[tokio::test]
async fn an_installed_location_gets_a_token_and_its_first_copy_is_due() {
    let house = House::with_company(1).await;
    house.deliver("w1", &install(&house, house.sandbox.ghl().app_id(), 0)).await;
    assert!(matches!(house.work_outbox().await.as_slice(), [TaskOutcome::Done(_)]));

    let (company, location) = (house.company.as_str(), house.locations[0].as_str());
    assert_eq!(house.connected().await, [format!("ghl:company:{company}"), format!("ghl:location:{location}")]);
    let scheduled = house.scheduled().await;
    for source in ["GHL_CONTACTS", "GHL_EVENTS", "GHL_PIPELINES", "GHL_OPPORTUNITIES"] {
        assert!(scheduled.contains(&format!("{source}/{location}")), "{scheduled:?}");
    }
    let owner = house.store().organization_of_location("ghl", location).await.unwrap();
    assert_eq!(owner, Some(house.organization.clone()));
}

#[tokio::test]
async fn a_second_installation_of_a_location_mints_no_second_token() {
    let house = House::with_company(1).await;
    for delivery in ["w1", "w2"] {
        house.deliver(delivery, &install(&house, house.sandbox.ghl().app_id(), 0)).await;
    }
    house.work_outbox().await;
    assert_eq!(house.sandbox.ghl().counts().connections[house.locations[0].as_str()].minted, 1);
}

#[tokio::test]
async fn a_location_of_another_organization_is_not_taken_from_it() {
    let house = House::with_company(1).await;
    let other =
        Organization { id: "org_2".into(), slug: "two".into(), name: "Two".into(), created_at: house.app.now() };
    house.store().create_organization(&other).await.unwrap();
    let taken = house.store().claim_location("ghl", house.locations[0].as_str(), &other.id).await.unwrap();
    assert_eq!(taken, Claimed::Claimed);

    let payload = json!({"company": house.company, "location": house.locations[0]});
    let outcome = house.carry_out("ghl.install", payload).await;
    assert!(matches!(&outcome, TaskOutcome::Discard(why) if why.contains("location_taken")), "{outcome:?}");
    assert_eq!(house.connected().await.len(), 1);
}

#[tokio::test]
async fn a_location_where_the_app_is_not_installed_any_more_is_given_up_at_once() {
    let house = House::with_company(1).await;
    let order = provider_sandbox::control::TokenCommand {
        uninstall: Some(house.locations[0].to_string()),
        ..Default::default()
    };
    house.sandbox.control().update_tokens(&order).unwrap();
    let outcome =
        house.carry_out("ghl.install", json!({"company": house.company, "location": house.locations[0]})).await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
    assert_eq!(house.owner(0).await, None, "a claim that was made for it is given back");
}

#[tokio::test]
async fn an_uninstalled_location_loses_its_token_and_is_copied_no_more() {
    let house = House::with_locations(1).await;
    let (gone, stays) = (house.locations[0].clone(), house.locations[1].clone());
    house.deliver("w1", &uninstall(&house, &json!({"locationId": gone}))).await;
    house.work_outbox().await;

    assert!(!house.connected().await.contains(&format!("ghl:location:{gone}")));
    assert!(house.connected().await.contains(&format!("ghl:location:{stays}")));
    let scheduled = house.scheduled().await;
    assert!(!scheduled.iter().any(|source| source.ends_with(gone.as_str())), "{scheduled:?}");
    assert!(scheduled.contains(&format!("GHL_CONTACTS/{stays}")), "{scheduled:?}");
    assert_eq!(house.store().organization_of_location("ghl", gone.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn an_uninstalled_company_takes_its_locations_with_it() {
    let house = House::with_locations(1).await;
    house.deliver("w1", &uninstall(&house, &json!({"companyId": house.company}))).await;
    house.work_outbox().await;
    assert_eq!(house.connected().await, Vec::<String>::new());
    assert_eq!(house.scheduled().await, Vec::<String>::new());
    assert_eq!(house.store().organization_of_company("ghl", house.company.as_str()).await.unwrap(), None);
}

#[tokio::test]
async fn another_apps_events_do_not_touch_the_connection() {
    let house = House::with_locations(1).await;
    let mut foreign = uninstall(&house, &json!({"companyId": house.company}));
    foreign["appId"] = json!("somebodyelsesapp");
    house.keep("w1", Bytes::from(foreign.to_string())).await;
    let mut nameless = foreign.clone();
    nameless.as_object_mut().unwrap().remove("appId");
    house.keep("w2", Bytes::from(nameless.to_string())).await;
    house.work_inbox().await;
    assert!(house.tasks().await.is_empty());
    assert_eq!(house.connected().await.len(), 3);
}

impl House {
    async fn owner(&self, location: usize) -> Option<OrganizationId> {
        self.store().organization_of_location("ghl", self.locations[location].as_str()).await.unwrap()
    }

    fn minted(&self, location: usize) -> u64 {
        self.sandbox.ghl().counts().connections[self.locations[location].as_str()].minted
    }
}

fn at(mut event: Value, at: Timestamp) -> Value {
    event["timestamp"] = json!(at.to_string());
    event
}

#[tokio::test]
async fn an_installation_that_cannot_be_carried_out_is_given_up_and_keeps_no_other_waiting() {
    let house = House::with_company(1).await;
    let mut stuck = install(&house, house.sandbox.ghl().app_id(), 0);
    stuck["companyId"] = json!("nobody-connected-it");
    let claimed = house.store().claim_location("ghl", house.locations[0].as_str(), &house.organization).await.unwrap();
    assert_eq!(claimed, Claimed::Claimed);
    house.deliver("w1", &stuck).await;
    house.deliver("w2", &install(&house, house.sandbox.ghl().app_id(), 1)).await;
    let tasks = house.tasks().await;
    assert_eq!(tasks.len(), 2, "each has its turn: {tasks:?}");
    let outcome = house.carry_out("ghl.install", json!({"company": "nobody", "location": "anywhere"})).await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
}

#[tokio::test]
async fn an_installation_that_is_told_of_before_its_companys_tokens_are_kept_waits_for_them() {
    let house = House::new(1).await;
    // As far as the connect route of another process has come.
    let claimed = house.store().claim_company("ghl", house.company.as_str(), &house.organization).await.unwrap();
    assert_eq!(claimed, Claimed::Claimed);
    let what = json!({"company": house.company, "location": house.locations[0]});
    let outcome = house.carry_out("ghl.install", what).await;
    assert!(
        matches!(outcome, TaskOutcome::RetryAt(at, _) if at <= house.app.now() + Duration::from_secs(1)),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_company_that_has_to_be_connected_again_is_not_waited_for() {
    let house = House::with_company(1).await;
    house
        .store()
        .set_state(
            &house.app.ghl.tokens(&house.organization).unwrap().company_key(&house.company),
            1,
            &sidecar_core::token::ConnectionState::NeedsReauth { reason: "revoked".to_owned(), since: house.app.now() },
        )
        .await
        .unwrap();
    let outcome =
        house.carry_out("ghl.install", json!({"company": house.company, "location": house.locations[0]})).await;
    assert!(matches!(outcome, TaskOutcome::Discard(_)), "{outcome:?}");
    assert_eq!(house.owner(0).await, None);
}

#[tokio::test]
async fn a_removal_that_comes_after_the_connection_it_preceded_changes_nothing() {
    let house = House::with_locations(1).await;
    let before = house.app.now() - Duration::from_secs(3_600);
    house.deliver("w1", &at(uninstall(&house, &json!({"locationId": house.locations[0]})), before)).await;
    house.work_outbox().await;
    assert_eq!((house.connected().await.len(), house.owner(0).await), (3, Some(house.organization.clone())));
}

#[tokio::test]
async fn an_installation_that_overtakes_a_removal_outlives_it() {
    let house = House::with_locations(1).await;
    let removed = house.app.now();
    let installed = house.app.now() + Duration::from_micros(1);
    house.deliver("w2", &at(install(&house, house.sandbox.ghl().app_id(), 0), installed)).await;
    house.work_outbox().await;
    assert_eq!(house.minted(0), 2, "the token of the installation before ended with it");
    house.deliver("w1", &at(uninstall(&house, &json!({"locationId": house.locations[0]})), removed)).await;
    house.work_outbox().await;
    assert_eq!((house.connected().await.len(), house.owner(0).await), (3, Some(house.organization.clone())));
}

#[tokio::test]
async fn a_removed_location_is_not_connected_again_by_the_next_pass() {
    let house = House::with_locations(1).await;
    let ended = run::sync_now(&house.app, &house.organization, crate::syncs::FULL, &()).await.unwrap();
    assert!(ended.iter().all(|(_, outcome)| outcome.is_ok()), "{ended:?}");
    let order = provider_sandbox::control::TokenCommand {
        uninstall: Some(house.locations[0].to_string()),
        ..Default::default()
    };
    house.sandbox.control().update_tokens(&order).unwrap();
    house.deliver("w1", &uninstall(&house, &json!({"locationId": house.locations[0]}))).await;
    house.work_outbox().await;

    run::run(&house.app, &SyncKey::new(&house.organization, GHL_LOCATIONS, ""), &()).await.unwrap();
    assert!(house.tasks().await.is_empty());
    assert_eq!(house.owner(0).await, None);
}

#[tokio::test]
async fn a_pass_leaves_what_it_finds_installed_to_the_workers() {
    let house = House::with_company(1).await;
    house.app.sync_schedule.schedule_full(&house.organization).await.unwrap();
    run::run(&house.app, &SyncKey::new(&house.organization, GHL_LOCATIONS, ""), &()).await.unwrap();
    assert_eq!(house.work_outbox().await.len(), 2);
    assert_eq!(house.connected().await.len(), 3);
}

#[tokio::test]
async fn a_removed_company_leaves_what_was_connected_by_itself_and_gives_back_what_it_claimed() {
    let house = House::with_locations(1).await;
    let own = &house.locations[0];
    let extra = json!({"userType": "Location", "locationId": own, "companyId": house.company});
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
    house.app.ghl.tokens(&house.organization).unwrap().adopt(&set).await.unwrap();
    let waiting = house.store().claim_location("ghl", "waiting", &house.organization).await.unwrap();
    assert_eq!(waiting, Claimed::Claimed);

    house.deliver("w1", &uninstall(&house, &json!({"companyId": house.company}))).await;
    house.work_outbox().await;
    assert_eq!(house.connected().await, [format!("ghl:location:{own}")]);
    assert_eq!(house.store().locations_of(&house.organization, "ghl").await.unwrap(), [own.to_string()]);
}

#[tokio::test]
async fn a_location_whose_company_was_disconnected_meanwhile_keeps_no_token() {
    let house = House::with_company(1).await;
    assert!(house.store().release_company("ghl", house.company.as_str(), &house.organization).await.unwrap());
    let outcome =
        house.carry_out("ghl.install", json!({"company": house.company, "location": house.locations[0]})).await;
    assert!(matches!(&outcome, TaskOutcome::Discard(why) if why.contains("disconnected")), "{outcome:?}");
    assert!(!house.connected().await.contains(&format!("ghl:location:{}", house.locations[0])));
    assert_eq!(
        (house.owner(0).await, house.scheduled().await.iter().any(|key| key.ends_with(house.locations[0].as_str()))),
        (None, false)
    );
}
