use bytes::Bytes;
use serde_json::{Value, json};
use sidecar_core::outbox::TaskOutcome;
use sidecar_store::{Claimed, Organization};

use crate::house::House;

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
    for source in ["GHL_CONTACTS", "GHL_EVENTS"] {
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
    assert!(matches!(&outcome, TaskOutcome::Refused(why) if why.contains("location_taken")), "{outcome:?}");
    assert_eq!(house.connected().await.len(), 1);
}

#[tokio::test]
async fn a_location_where_the_app_is_not_installed_any_more_is_given_up_at_once() {
    let house = House::with_company(1).await;
    let order =
        provider_sandbox::control::TokenOrder { uninstall: Some(house.locations[0].to_string()), ..Default::default() };
    house.sandbox.control().tokens(&order).unwrap();
    let outcome =
        house.carry_out("ghl.install", json!({"company": house.company, "location": house.locations[0]})).await;
    assert!(matches!(outcome, TaskOutcome::Refused(_)), "{outcome:?}");
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
