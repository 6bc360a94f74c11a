//! Contacts written through the server: first at GHL, then in the store.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::connect::Fixture;

/// Returns a fixture whose first location is connected, and that location.
async fn connected() -> (Fixture, String) {
    let fixture = Fixture::start().await;
    let location = fixture.sandbox.ghl().location_ids()[0].clone();
    fixture.connect(&format!("location:{location}")).await;
    (fixture, location)
}

impl Fixture {
    fn contacts(&self, rest: &str) -> String {
        format!("/api/organizations/{}/contacts{rest}", self.organization)
    }

    async fn create(&self, request: Value) -> Value {
        let response = self.server.call(Method::POST, &self.contacts(""), Some(request)).await;
        assert_eq!(response.status, StatusCode::CREATED, "{}", response.text());
        let created = response.json();
        assert_eq!(response.header("location"), self.contacts(&format!("/{}", created["id"].as_str().unwrap())));
        created
    }
}

#[tokio::test]
async fn a_created_contact_is_at_the_provider_and_in_the_store() {
    let (fixture, location) = connected().await;
    let created = fixture
        .create(json!({"locationId": location, "firstName": "Ada", "email": "ada@example.com", "tags": ["x"]}))
        .await;
    let id = created["id"].as_str().unwrap();
    assert_eq!(fixture.sandbox.ghl().contact(id).unwrap()["firstName"], "Ada");
    let read = fixture.server.call(Method::GET, &fixture.contacts(&format!("/{id}")), None).await.json();
    assert_eq!(read, created);
}

#[tokio::test]
async fn a_duplicate_is_rejected_with_the_id_of_the_existing_contact() {
    let (fixture, location) = connected().await;
    let request = json!({"locationId": location, "email": "ada@example.com"});
    let created = fixture.create(request.clone()).await;
    let duplicate = fixture.server.call(Method::POST, &fixture.contacts(""), Some(request)).await;
    assert_eq!((duplicate.status, duplicate.problem().as_str()), (StatusCode::CONFLICT, "duplicate_contact"));
    assert_eq!(duplicate.json()["contactId"], created["id"]);
    assert_eq!(duplicate.json()["matchingField"], "email");
}

#[tokio::test]
async fn an_update_keeps_other_fields_and_null_clears_a_field() {
    let (fixture, location) = connected().await;
    let created = fixture
        .create(json!({"locationId": location, "firstName": "Ada", "email": "ada@example.com", "city": "Paris"}))
        .await;
    let path = fixture.contacts(&format!("/{}", created["id"].as_str().unwrap()));
    for method in [Method::PUT, Method::PATCH] {
        let changed = fixture.server.call(method, &path, Some(json!({"firstName": "Augusta", "city": null}))).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
        let read = fixture.server.call(Method::GET, &path, None).await.json();
        assert_eq!(read, changed.json());
        assert_eq!(
            (&read["firstName"], &read["email"], &read["city"]),
            (&json!("Augusta"), &json!("ada@example.com"), &Value::Null)
        );
    }
    let empty = fixture.server.call(Method::PUT, &path, Some(json!({}))).await;
    assert_eq!(empty.problem(), "invalid");
}

#[tokio::test]
async fn null_clears_tags_and_dnd_at_the_provider_and_in_the_store() {
    let (fixture, location) = connected().await;
    let created =
        fixture.create(json!({"locationId": location, "firstName": "Ada", "tags": ["lead", "vip"], "dnd": true})).await;
    let id = created["id"].as_str().unwrap();
    assert_eq!((&created["tags"], &created["dnd"]), (&json!(["lead", "vip"]), &json!(true)));
    let path = fixture.contacts(&format!("/{id}"));
    let changed = fixture.server.call(Method::PATCH, &path, Some(json!({"tags": null, "dnd": null}))).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let read = fixture.server.call(Method::GET, &path, None).await.json();
    let provider = fixture.sandbox.ghl().contact(id).unwrap();
    for contact in [&read, &provider] {
        assert_eq!((&contact["tags"], &contact["dnd"]), (&json!([]), &json!(false)), "{contact}");
    }
    let rejected = fixture.server.call(Method::PATCH, &path, Some(json!({"customFields": null}))).await;
    assert_eq!((rejected.status, rejected.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert!(rejected.json()["detail"].as_str().unwrap().contains("customFields"), "{}", rejected.text());
}

#[tokio::test]
async fn deleting_removes_a_contact_even_if_the_provider_already_lost_it() {
    let (fixture, location) = connected().await;
    for deleted_at_provider in [false, true] {
        let created = fixture.create(json!({"locationId": location, "firstName": "Ada"})).await;
        let id = created["id"].as_str().unwrap();
        if deleted_at_provider {
            fixture.sandbox.ghl().delete_contact(id).unwrap();
        }
        let path = fixture.contacts(&format!("/{id}"));
        assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
        assert!(fixture.sandbox.ghl().contact(id).is_none());
        assert_eq!(fixture.server.call(Method::GET, &path, None).await.problem(), "not_found");
        assert_eq!(fixture.server.call(Method::DELETE, &path, None).await.problem(), "not_found");
    }
}

#[tokio::test]
async fn updating_a_contact_deleted_at_the_provider_writes_a_tombstone() {
    let (fixture, location) = connected().await;
    let created = fixture.create(json!({"locationId": location, "firstName": "Ada"})).await;
    let id = created["id"].as_str().unwrap();
    fixture.sandbox.ghl().delete_contact(id).unwrap();
    let path = fixture.contacts(&format!("/{id}"));
    let changed = fixture.server.call(Method::PUT, &path, Some(json!({"firstName": "Augusta"}))).await;
    assert_eq!((changed.status, changed.problem().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let listed = fixture.server.call(Method::GET, &fixture.contacts(""), None).await.json();
    assert_eq!(listed, json!({"items": [], "nextCursor": null}));
}

#[tokio::test]
async fn a_rejection_by_the_provider_is_returned_with_its_message() {
    let (fixture, location) = connected().await;
    let request = json!({"locationId": location, "firstName": "Ada", "email": "not an address"});
    let rejected = fixture.server.call(Method::POST, &fixture.contacts(""), Some(request)).await;
    assert_eq!((rejected.status, rejected.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert!(rejected.json()["detail"].as_str().unwrap().contains("email"), "{}", rejected.text());
}

#[tokio::test]
async fn a_write_to_an_unconnected_location_requires_a_connection() {
    let (fixture, _) = connected().await;
    for location in ["unknown", fixture.sandbox.ghl().location_ids()[1].as_str()] {
        let request = json!({"locationId": location, "firstName": "Ada"});
        let rejected = fixture.server.call(Method::POST, &fixture.contacts(""), Some(request)).await;
        assert_eq!((rejected.status, rejected.problem().as_str()), (StatusCode::CONFLICT, "reconnect_required"));
    }
    let invalid = json!({"locationId": "../x", "firstName": "Ada"});
    assert_eq!(fixture.server.call(Method::POST, &fixture.contacts(""), Some(invalid)).await.problem(), "invalid");
}

#[tokio::test]
async fn contacts_are_listed_in_pages_and_can_be_searched() {
    let (fixture, location) = connected().await;
    for name in ["Ada", "Grace", "Barbara", "Katherine", "Frances"] {
        fixture
            .create(json!({"locationId": location, "firstName": name, "email": format!("{name}@example.com")}))
            .await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = fixture.server.call(Method::GET, &fixture.contacts(&format!("?limit=2{cursor}")), None).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|row| row["firstName"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Barbara", "Frances", "Grace", "Katherine"]);
    let found = fixture.server.call(Method::GET, &fixture.contacts("?query=GRACE%40example"), None).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    let elsewhere = fixture.server.call(Method::GET, &fixture.contacts("?locationId=other"), None).await.json();
    assert!(elsewhere["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_location_disconnected_by_another_process_is_not_written_to() {
    let (fixture, location) = connected().await;
    let other = fixture.server.another_process();
    // This write makes the other process cache the location's tokens.
    let request = |name: &str| Some(json!({"locationId": location, "email": format!("{name}@example.com")}));
    let created = other.call(Method::POST, &fixture.contacts(""), request("ada")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
    let contact = fixture.contacts(&format!("/{}", created.json()["id"].as_str().unwrap()));

    let disconnect = format!("/api/integrations/ghl?organizationId={}", fixture.organization);
    let disconnected = fixture.server.call(Method::DELETE, &disconnect, None).await;
    assert_eq!(disconnected.status, StatusCode::NO_CONTENT, "{}", disconnected.text());

    let before = fixture.sandbox.ghl().contacts(&location);
    for (method, path, body) in [
        (Method::POST, fixture.contacts(""), request("bob")),
        (Method::PUT, contact.clone(), Some(json!({"city": "Paris"}))),
        (Method::DELETE, contact, None),
    ] {
        let rejected = other.call(method, &path, body).await;
        assert_eq!((rejected.status, rejected.problem().as_str()), (StatusCode::CONFLICT, "reconnect_required"));
    }
    assert_eq!(fixture.sandbox.ghl().contacts(&location), before, "nothing reached the provider");
}
