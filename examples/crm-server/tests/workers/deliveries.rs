use sidecar_core::queue::ClaimRequest;
use std::time::Duration;

use ghl_client::sync::{CONTACT, OPPORTUNITY};
use serde_json::{Value, json};
use sidecar_core::queue::outbox::TaskOutcome;
use tower::ServiceExt;

use crate::harness::{Harness, contact_event};

#[tokio::test]
async fn every_delivery_writes_one_event_log_entry_with_its_outcome() {
    let harness = Harness::with_locations(1).await;
    let location = &harness.locations[0];
    let outcomes = harness
        .outcomes(&[
            contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "Ann"),
            json!({"type": "ContactTeleport", "locationId": location}),
            json!({"type": "ContactUpdate", "locationId": location, "id": 7}),
            json!({"type": "NoteCreate", "locationId": location, "id": "n1"}),
            contact_event(
                "ContactUpdate",
                &"location-of-another-organization".into(),
                "c2",
                "2026-03-01T10:00:00Z",
                "Bob",
            ),
            json!([1, 2, 3]),
        ])
        .await;
    assert_eq!(outcomes, ["applied", "unknown", "unexpected_schema", "no_change", "no_organization", "not_parsed"]);
}

#[tokio::test]
async fn an_event_changes_only_the_fields_it_carries() {
    let harness = Harness::with_locations(1).await;
    let location = &harness.locations[0];
    let created = json!({"type": "ContactCreate", "locationId": location, "id": "c1", "firstName": "Ann", "email": "ann@example.com",
        "timestamp": "2026-03-01T10:00:00Z", "webhookId": "w1"});
    harness.deliver("w1", &created).await;
    harness.deliver("w2", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:01:00Z", "Anna")).await;
    let doc = harness.doc(CONTACT, "c1").await;
    assert_eq!((&doc["firstName"], &doc["email"]), (&json!("Anna"), &json!("ann@example.com")));
    assert!(["type", "timestamp", "webhookId"].iter().all(|field| !doc.contains_key(*field)), "{doc:?}");
}

#[tokio::test]
async fn late_and_duplicate_events_change_nothing() {
    let harness = Harness::with_locations(1).await;
    let location = &harness.locations[0];
    let event = |at: &str, name: &str| contact_event("ContactUpdate", location, "c1", at, name);
    harness.deliver("w2", &event("2026-03-01T10:05:00Z", "Newer")).await;
    harness.deliver("w1", &event("2026-03-01T10:00:00Z", "Older")).await;
    harness.deliver("w2", &event("2026-03-01T10:05:00Z", "Newer")).await;
    assert_eq!(harness.doc(CONTACT, "c1").await["firstName"], "Newer");
    assert_eq!(harness.store().applied("ghl").await.unwrap(), (2, 2));
}

#[tokio::test]
async fn events_that_cannot_be_ordered_lead_to_a_refetch() {
    let harness = Harness::with_locations(3).await;
    let location = &harness.locations[0];
    let expected: Value = harness.sandbox.ghl().contacts(location.as_str()).remove(0);
    let id = expected["id"].as_str().unwrap();
    harness.deliver("w1", &contact_event("ContactUpdate", location, id, "2026-03-01T10:00:00Z", "This")).await;
    harness.deliver("w2", &contact_event("ContactUpdate", location, id, "2026-03-01T10:00:00Z", "That")).await;
    assert_eq!(harness.execute_tasks().await.len(), 1, "duplicate refetch tasks are coalesced");
    let doc = harness.doc(CONTACT, id).await;
    assert_eq!((&doc["firstName"], &doc["email"]), (&expected["firstName"], &expected["email"]));
}

#[tokio::test]
async fn a_contact_that_the_provider_no_longer_has_becomes_a_tombstone() {
    let harness = Harness::with_locations(1).await;
    let location = &harness.locations[0];
    harness.deliver("w1", &contact_event("ContactUpdate", location, "gone", "2026-03-01T10:00:00Z", "This")).await;
    harness.deliver("w2", &contact_event("ContactDelete", location, "gone", "2026-03-01T10:00:00Z", "This")).await;
    harness.execute_tasks().await;
    assert!(harness.record(CONTACT, "gone").await.unwrap().deleted);
}

#[tokio::test]
async fn a_refetch_for_a_disconnected_location_is_discarded() {
    let harness = Harness::with_locations(1).await;
    let location = &harness.locations[0];
    harness.deliver("w1", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "This")).await;
    harness.deliver("w2", &contact_event("ContactUpdate", location, "c1", "2026-03-01T10:00:00Z", "That")).await;
    // In the order of a disconnect: the location is released first, then its tokens are deleted.
    harness.store().release_location("ghl", location.as_str(), &harness.organization).await.unwrap();
    harness.app.ghl.tokens(&harness.organization).unwrap().disconnect_location(location).await.unwrap();
    let outcomes = harness.execute_tasks().await;
    assert!(
        matches!(outcomes.as_slice(), [TaskOutcome::Discard(why)] if why.contains("not connected")),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_dead_letter_is_listed_for_its_organization() {
    let harness = Harness::with_locations(1).await;
    let (headers, body) = harness.sandbox.ghl().sign_delivery(&contact_event(
        "ContactUpdate",
        &harness.locations[0],
        "c1",
        &harness.app.now().to_string(),
        "Ann",
    ));
    let mut request = http::Request::post("/api/webhooks/ghl").body(axum::body::Body::from(body)).unwrap();
    request.headers_mut().extend(headers);
    let response = crm_server::router::web(harness.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), http::StatusCode::OK);
    let [claim] = <[_; 1]>::try_from(
        harness.store().claim(&ClaimRequest::new(1, Duration::from_secs(30), harness.app.now())).await.unwrap(),
    )
    .unwrap();
    harness.store().fail(&claim.claim, "poison", None).await.unwrap();
    assert_eq!(harness.store().dead_letters(Some(&harness.organization), -1, 10).await.unwrap().len(), 1);
    assert_eq!(harness.store().dead_letters(Some(&"org_2".into()), -1, 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn opportunity_events_change_the_copy_or_lead_to_a_refetch() {
    let harness = Harness::with_locations(3).await;
    let location = &harness.locations[0];
    let event = |kind: &str, id: &str, at: &str, status: &str| {
        json!({"type": kind, "locationId": location, "id": id, "name": "Course", "status": status, "monetaryValue": 40,
               "dateAdded": "2026-02-01T10:00:00Z", "timestamp": at, "webhookId": format!("{kind}{at}")})
    };
    harness.deliver("w1", &event("OpportunityCreate", "o1", "2026-03-01T10:00:00Z", "open")).await;
    harness.deliver("w2", &event("OpportunityStatusUpdate", "o1", "2026-03-01T10:05:00Z", "won")).await;
    harness.deliver("w3", &event("OpportunityUpdate", "o1", "2026-03-01T10:03:00Z", "lost")).await;
    let record = harness.record(OPPORTUNITY, "o1").await.unwrap();
    assert_eq!((&record.doc["status"], &record.doc["createdAt"]), (&json!("won"), &json!("2026-02-01T10:00:00Z")));
    assert_eq!(record.position, "2026-02-01T10:00:00Z".parse().unwrap());
    harness.deliver("w4", &event("OpportunityDelete", "o1", "2026-03-01T10:10:00Z", "won")).await;
    assert!(harness.record(OPPORTUNITY, "o1").await.unwrap().deleted);

    let expected: Value = harness.sandbox.ghl().opportunities(location.as_str()).remove(0);
    let id = expected["id"].as_str().unwrap();
    harness.deliver("w5", &event("OpportunityStageUpdate", id, "2026-03-01T10:00:00Z", "open")).await;
    harness.deliver("w6", &event("OpportunityStatusUpdate", id, "2026-03-01T10:00:00Z", "lost")).await;
    assert_eq!(harness.execute_tasks().await.len(), 1, "two events of one time lead to one refetch");
    assert_eq!(harness.doc(OPPORTUNITY, id).await["name"], expected["name"]);
}
