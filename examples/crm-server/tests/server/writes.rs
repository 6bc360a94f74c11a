//! Contacts written through the server: at GHL first, and the store follows.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::connect::Scene;

/// A scene with the first location connected.
async fn connected() -> (Scene, String) {
    let scene = Scene::start().await;
    let location = scene.sandbox.ghl().location_ids()[0].clone();
    scene.connect(&format!("location:{location}")).await;
    (scene, location)
}

impl Scene {
    fn contacts(&self, rest: &str) -> String {
        format!("/api/organizations/{}/contacts{rest}", self.organization)
    }

    async fn create(&self, wish: Value) -> Value {
        let answer = self.server.call(Method::POST, &self.contacts(""), Some(wish)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let made = answer.json();
        assert_eq!(answer.header("location"), self.contacts(&format!("/{}", made["id"].as_str().unwrap())));
        made
    }
}

#[tokio::test]
async fn a_created_contact_is_at_the_provider_and_in_the_store() {
    let (scene, location) = connected().await;
    let made = scene
        .create(json!({"locationId": location, "firstName": "Ada", "email": "ada@example.com", "tags": ["x"]}))
        .await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(scene.sandbox.ghl().contact(id).unwrap()["firstName"], "Ada");
    let read = scene.server.call(Method::GET, &scene.contacts(&format!("/{id}")), None).await.json();
    assert_eq!(read, made);
}

#[tokio::test]
async fn a_duplicate_names_the_contact_that_is_there() {
    let (scene, location) = connected().await;
    let wish = json!({"locationId": location, "email": "ada@example.com"});
    let made = scene.create(wish.clone()).await;
    let twin = scene.server.call(Method::POST, &scene.contacts(""), Some(wish)).await;
    assert_eq!((twin.status, twin.problem().as_str()), (StatusCode::CONFLICT, "duplicate_contact"));
    assert_eq!(twin.json()["contactId"], made["id"]);
    assert_eq!(twin.json()["matchingField"], "email");
}

#[tokio::test]
async fn a_change_leaves_other_fields_and_null_clears_one() {
    let (scene, location) = connected().await;
    let made = scene
        .create(json!({"locationId": location, "firstName": "Ada", "email": "ada@example.com", "city": "Paris"}))
        .await;
    let path = scene.contacts(&format!("/{}", made["id"].as_str().unwrap()));
    for method in [Method::PUT, Method::PATCH] {
        let changed = scene.server.call(method, &path, Some(json!({"firstName": "Augusta", "city": null}))).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
        let read = scene.server.call(Method::GET, &path, None).await.json();
        assert_eq!(read, changed.json());
        assert_eq!(
            (&read["firstName"], &read["email"], &read["city"]),
            (&json!("Augusta"), &json!("ada@example.com"), &Value::Null)
        );
    }
    let nothing = scene.server.call(Method::PUT, &path, Some(json!({}))).await;
    assert_eq!(nothing.problem(), "invalid");
}

#[tokio::test]
async fn null_clears_tags_and_dnd_at_the_provider_and_in_the_store() {
    let (scene, location) = connected().await;
    let made =
        scene.create(json!({"locationId": location, "firstName": "Ada", "tags": ["lead", "vip"], "dnd": true})).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["tags"], &made["dnd"]), (&json!(["lead", "vip"]), &json!(true)));
    let path = scene.contacts(&format!("/{id}"));
    let changed = scene.server.call(Method::PATCH, &path, Some(json!({"tags": null, "dnd": null}))).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let read = scene.server.call(Method::GET, &path, None).await.json();
    let provider = scene.sandbox.ghl().contact(id).unwrap();
    for contact in [&read, &provider] {
        assert_eq!((&contact["tags"], &contact["dnd"]), (&json!([]), &json!(false)), "{contact}");
    }
    let refused = scene.server.call(Method::PATCH, &path, Some(json!({"customFields": null}))).await;
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("customFields"), "{}", refused.text());
}

#[tokio::test]
async fn a_deleted_contact_is_gone_in_both_places_also_when_the_provider_was_faster() {
    let (scene, location) = connected().await;
    for faster in [false, true] {
        let made = scene.create(json!({"locationId": location, "firstName": "Ada"})).await;
        let id = made["id"].as_str().unwrap();
        if faster {
            scene.sandbox.ghl().delete_contact(id).unwrap();
        }
        let path = scene.contacts(&format!("/{id}"));
        assert_eq!(scene.server.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
        assert!(scene.sandbox.ghl().contact(id).is_none());
        assert_eq!(scene.server.call(Method::GET, &path, None).await.problem(), "not_found");
        assert_eq!(scene.server.call(Method::DELETE, &path, None).await.problem(), "not_found");
    }
}

#[tokio::test]
async fn a_change_to_a_contact_that_the_provider_lost_buries_it() {
    let (scene, location) = connected().await;
    let made = scene.create(json!({"locationId": location, "firstName": "Ada"})).await;
    let id = made["id"].as_str().unwrap();
    scene.sandbox.ghl().delete_contact(id).unwrap();
    let path = scene.contacts(&format!("/{id}"));
    let changed = scene.server.call(Method::PUT, &path, Some(json!({"firstName": "Augusta"}))).await;
    assert_eq!((changed.status, changed.problem().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    let listed = scene.server.call(Method::GET, &scene.contacts(""), None).await.json();
    assert_eq!(listed, json!({"items": [], "nextCursor": null}));
}

#[tokio::test]
async fn what_the_provider_refuses_is_refused_in_its_words() {
    let (scene, location) = connected().await;
    let wish = json!({"locationId": location, "firstName": "Ada", "email": "no address"});
    let refused = scene.server.call(Method::POST, &scene.contacts(""), Some(wish)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("email"), "{}", refused.text());
}

#[tokio::test]
async fn a_location_that_is_not_connected_asks_for_a_connection() {
    let (scene, _) = connected().await;
    for location in ["unknown", scene.sandbox.ghl().location_ids()[1].as_str()] {
        let wish = json!({"locationId": location, "firstName": "Ada"});
        let refused = scene.server.call(Method::POST, &scene.contacts(""), Some(wish)).await;
        assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::CONFLICT, "reconnect_required"));
    }
    let strange = json!({"locationId": "../x", "firstName": "Ada"});
    assert_eq!(scene.server.call(Method::POST, &scene.contacts(""), Some(strange)).await.problem(), "invalid");
}

#[tokio::test]
async fn a_listing_is_read_page_by_page_and_searched() {
    let (scene, location) = connected().await;
    for name in ["Ada", "Grace", "Barbara", "Katherine", "Frances"] {
        scene.create(json!({"locationId": location, "firstName": name, "email": format!("{name}@example.com")})).await;
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = scene.server.call(Method::GET, &scene.contacts(&format!("?limit=2{cursor}")), None).await.json();
        names.extend(page["items"].as_array().unwrap().iter().map(|row| row["firstName"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort_unstable();
    assert_eq!(names, ["Ada", "Barbara", "Frances", "Grace", "Katherine"]);
    let found = scene.server.call(Method::GET, &scene.contacts("?query=GRACE%40example"), None).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    let elsewhere = scene.server.call(Method::GET, &scene.contacts("?locationId=other"), None).await.json();
    assert!(elsewhere["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_another_process_disconnected_is_not_written_to() {
    let (scene, location) = connected().await;
    let other = scene.server.twin();
    // From now on it has the location's tokens in hand.
    let wish = |name: &str| Some(json!({"locationId": location, "email": format!("{name}@example.com")}));
    let made = other.call(Method::POST, &scene.contacts(""), wish("ada")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let contact = scene.contacts(&format!("/{}", made.json()["id"].as_str().unwrap()));

    let disconnect = format!("/api/integrations/ghl?organizationId={}", scene.organization);
    let gone = scene.server.call(Method::DELETE, &disconnect, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());

    let before = scene.sandbox.ghl().contacts(&location);
    for (method, path, body) in [
        (Method::POST, scene.contacts(""), wish("bob")),
        (Method::PUT, contact.clone(), Some(json!({"city": "Paris"}))),
        (Method::DELETE, contact, None),
    ] {
        let refused = other.call(method, &path, body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::CONFLICT, "reconnect_required"));
    }
    assert_eq!(scene.sandbox.ghl().contacts(&location), before, "nothing reached the provider");
}
