use sidecar_core::queue::ClaimRequest;
use std::time::Duration;

use ghl_client::sync::{CONTACT, OPPORTUNITY};
use serde_json::{Value, json};
use sidecar_core::queue::outbox::TaskOutcome;
use tower::ServiceExt;

use crate::house::{House, contact_event};

#[tokio::test]
async fn every_delivery_leaves_one_line_that_says_what_became_of_it() {
    let house = House::with_locations(1).await;
    let location = &house.locations[0];
    let outcomes = house
        .outcomes(&[
            contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "Ann"),
            json!({"type": "ContactTeleport", "locationId": location}),
            json!({"type": "ContactUpdate", "locationId": location, "id": 7}),
            json!({"type": "NoteCreate", "locationId": location, "id": "n1"}),
            contact_event("ContactUpdate", &"somebody-elses".into(), "c2", "2026-03-01T10:00:00Z", "Bob"),
            json!([1, 2, 3]),
        ])
        .await;
    assert_eq!(outcomes, ["applied", "unknown", "unexpected_schema", "no_change", "no_organization", "not_parsed"]);
}

#[tokio::test]
async fn an_event_changes_the_fields_it_carries_and_no_others() {
    let house = House::with_locations(1).await;
    let location = &house.locations[0];
    let created = json!({"type": "ContactCreate", "locationId": location, "id": "c1", "firstName": "Ann", "email": "ann@example.com",
        "timestamp": "2026-03-01T10:00:00Z", "webhookId": "w1"});
    house.deliver("w1", &created).await;
    house.deliver("w2", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:01:00Z", "Anna")).await;
    let doc = house.doc(CONTACT, "c1").await;
    assert_eq!((&doc["firstName"], &doc["email"]), (&json!("Anna"), &json!("ann@example.com")));
    assert!(["type", "timestamp", "webhookId"].iter().all(|field| !doc.contains_key(*field)), "{doc:?}");
}

#[tokio::test]
async fn an_event_that_comes_late_and_one_that_comes_twice_change_nothing() {
    let house = House::with_locations(1).await;
    let location = &house.locations[0];
    let event = |at: &str, name: &str| contact_event("ContactUpdate", location, "c1", at, name);
    house.deliver("w2", &event("2026-03-01T10:05:00Z", "Newer")).await;
    house.deliver("w1", &event("2026-03-01T10:00:00Z", "Older")).await;
    house.deliver("w2", &event("2026-03-01T10:05:00Z", "Newer")).await;
    assert_eq!(house.doc(CONTACT, "c1").await["firstName"], "Newer");
    assert_eq!(house.store().applied("ghl").await.unwrap(), (2, 2));
}

#[tokio::test]
async fn what_cannot_be_ordered_is_read_at_the_provider() {
    let house = House::with_locations(3).await;
    let location = &house.locations[0];
    let truth: Value = house.sandbox.ghl().contacts(location.as_str()).remove(0);
    let id = truth["id"].as_str().unwrap();
    house.deliver("w1", &contact_event("ContactUpdate", location, id, "2026-03-01T10:00:00Z", "This")).await;
    house.deliver("w2", &contact_event("ContactUpdate", location, id, "2026-03-01T10:00:00Z", "That")).await;
    assert_eq!(house.work_outbox().await.len(), 1, "one wish, however often it was wished");
    let doc = house.doc(CONTACT, id).await;
    assert_eq!((&doc["firstName"], &doc["email"]), (&truth["firstName"], &truth["email"]));
}

#[tokio::test]
async fn a_contact_that_the_provider_no_longer_has_ends_as_deleted() {
    let house = House::with_locations(1).await;
    let location = &house.locations[0];
    house.deliver("w1", &contact_event("ContactUpdate", location, "gone", "2026-03-01T10:00:00Z", "This")).await;
    house.deliver("w2", &contact_event("ContactDelete", location, "gone", "2026-03-01T10:00:00Z", "This")).await;
    house.work_outbox().await;
    assert!(house.record(CONTACT, "gone").await.unwrap().deleted);
}

#[tokio::test]
async fn a_read_of_what_is_not_connected_any_more_is_given_up() {
    let house = House::with_locations(1).await;
    let location = &house.locations[0];
    house.deliver("w1", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "This")).await;
    house.deliver("w2", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "That")).await;
    // As a disconnect does it: given back first, then erased.
    house.store().release_location("ghl", location.as_str(), &house.organization).await.unwrap();
    house.app.ghl.tokens(&house.organization).unwrap().disconnect_location(location).await.unwrap();
    let outcomes = house.work_outbox().await;
    assert!(
        matches!(outcomes.as_slice(), [TaskOutcome::Discard(why)] if why.contains("not connected")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_delivery_that_is_given_up_is_found_by_its_organization() {
    let house = House::with_locations(1).await;
    let (headers, body) = house.sandbox.ghl().sign_delivery(&contact_event(
        "ContactUpdate",
        &house.locations[0],
        "c1",
        &house.app.now().to_string(),
        "Ann",
    ));
    let mut request = http::Request::post("/api/webhooks/ghl").body(axum::body::Body::from(body)).unwrap();
    request.headers_mut().extend(headers);
    let answer = crm_server::router::web(house.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), http::StatusCode::OK);
    let [claim] = <[_; 1]>::try_from(
        house.store().claim(&ClaimRequest::new(1, Duration::from_secs(30), house.app.now())).await.unwrap(),
    )
    .unwrap();
    house.store().fail(&claim.claim, "poison", None).await.unwrap();
    assert_eq!(house.store().dead_letters(Some(&house.organization), -1, 10).await.unwrap().len(), 1);
    assert_eq!(house.store().dead_letters(Some(&"org_2".into()), -1, 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_opportunitys_events_change_its_copy_and_what_cannot_be_ordered_is_read() {
    let house = House::with_locations(3).await;
    let location = &house.locations[0];
    let event = |kind: &str, id: &str, at: &str, status: &str| {
        json!({"type": kind, "locationId": location, "id": id, "name": "Course", "status": status, "monetaryValue": 40,
               "dateAdded": "2026-02-01T10:00:00Z", "timestamp": at, "webhookId": format!("{kind}{at}")})
    };
    house.deliver("w1", &event("OpportunityCreate", "o1", "2026-03-01T10:00:00Z", "open")).await;
    house.deliver("w2", &event("OpportunityStatusUpdate", "o1", "2026-03-01T10:05:00Z", "won")).await;
    house.deliver("w3", &event("OpportunityUpdate", "o1", "2026-03-01T10:03:00Z", "lost")).await;
    let record = house.record(OPPORTUNITY, "o1").await.unwrap();
    assert_eq!((&record.doc["status"], &record.doc["createdAt"]), (&json!("won"), &json!("2026-02-01T10:00:00Z")));
    assert_eq!(record.position, "2026-02-01T10:00:00Z".parse().unwrap());
    house.deliver("w4", &event("OpportunityDelete", "o1", "2026-03-01T10:10:00Z", "won")).await;
    assert!(house.record(OPPORTUNITY, "o1").await.unwrap().deleted);

    let truth: Value = house.sandbox.ghl().opportunities(location.as_str()).remove(0);
    let id = truth["id"].as_str().unwrap();
    house.deliver("w5", &event("OpportunityStageUpdate", id, "2026-03-01T10:00:00Z", "open")).await;
    house.deliver("w6", &event("OpportunityStatusUpdate", id, "2026-03-01T10:00:00Z", "lost")).await;
    assert_eq!(house.work_outbox().await.len(), 1, "two events of one time are one wish to read");
    assert_eq!(house.doc(OPPORTUNITY, id).await["name"], truth["name"]);
}
