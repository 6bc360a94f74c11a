use http::StatusCode;
use serde_json::{Value, json};

use crate::support::World;

async fn create(world: &World, fields: Value) -> crate::support::Answer {
    let mut body = json!({"locationId": world.location});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    world.call("POST", "/contacts/", Some(body)).await
}

#[tokio::test]
async fn create_answers_201_with_the_contact() {
    let world = World::new().await;
    let answer = create(&world, json!({"firstName": "Ada", "lastName": "Quist", "email": "Ada@Example.com", "phone": "(602) 555-0100", "tags": ["VIP", "vip"]})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let contact = &answer.body["contact"];
    assert_eq!((contact["email"].as_str(), contact["phone"].as_str()), (Some("ada@example.com"), Some("+16025550100")));
    assert_eq!(contact["tags"], json!(["vip"]));
    assert_eq!(world.ghl.contact(contact["id"].as_str().unwrap()).unwrap()["name"], "Ada Quist");
}

#[tokio::test]
async fn a_duplicate_is_400_and_names_the_one_that_is_there() {
    let world = World::new().await;
    let there = world.ghl.contacts(&world.location).into_iter().find(|contact| contact["email"].is_string()).unwrap();
    let answer = create(&world, json!({"email": there["email"]})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.message(), "This location does not allow duplicated contacts.");
    assert_eq!(
        (&answer.body["meta"]["contactId"], &answer.body["meta"]["matchingField"]),
        (&there["id"], &json!("email"))
    );
    world.sandbox.control().allow_duplicates(&world.location, true).unwrap();
    assert_eq!(create(&world, json!({"email": there["email"]})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn an_address_given_up_is_free_again() {
    let world = World::new().await;
    let there = world.ghl.contacts(&world.location).into_iter().find(|contact| contact["email"].is_string()).unwrap();
    world.ghl.update_contact(there["id"].as_str().unwrap(), &json!({"email": "moved@example.com"})).unwrap();
    assert_eq!(create(&world, json!({"email": there["email"]})).await.status, StatusCode::CREATED);
    assert_eq!(create(&world, json!({"email": "moved@example.com"})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn bad_bodies_are_422_with_every_complaint() {
    let world = World::new().await;
    let field =
        world.get(&format!("/locations/{}/customFields", world.location)).await.body["customFields"][0]["id"].clone();
    let table = [
        (json!({"shoeSize": 43, "additionalEmails": []}), "property shoeSize should not exist"),
        (json!({"firstName": 5}), "firstName must be a string"),
        (json!({"email": "nobody"}), "email must be an email"),
        (json!({"phone": "call me"}), "phone must be a valid phone number"),
        (json!({"tags": "vip"}), "tags must be an array of strings"),
        (json!({"customFields": {"level": "A"}}), "customFields must be an array"),
        (json!({"customFields": [{"id": field, "value": "A"}]}), "property value should not exist"),
        (json!({"customFields": [{"id": "nothing", "field_value": "A"}]}), "custom field of the location"),
        (json!({"dndSettings": {"sms": {"status": "active"}}}), "property sms should not exist"),
    ];
    for (fields, word) in table {
        let answer = create(&world, fields.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.message().contains(word), "{fields}: {}", answer.message());
    }
    let id = world.ghl.contacts(&world.location)[0]["id"].as_str().unwrap().to_owned();
    for name in ["locationId", "gender", "companyName"] {
        let answer = world.call("PUT", &format!("/contacts/{id}"), Some(json!({name: "x"}))).await;
        assert_eq!(answer.message(), format!("property {name} should not exist"));
    }
    assert_eq!(
        world.call("POST", "/contacts/", Some(json!({"email": "a@example.com"}))).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn custom_fields_are_written_as_field_value_and_read_as_value() {
    let world = World::new().await;
    let answer = create(&world, json!({"customFields": [{"key": "course_level", "field_value": "Advanced"}]})).await;
    let held = &answer.body["contact"]["customFields"][0];
    assert_eq!(held["value"], "Advanced");
    assert_eq!(held.as_object().unwrap().len(), 2, "id and value, no key");
}

#[tokio::test]
async fn update_replaces_tags_and_keeps_what_it_does_not_name() {
    let world = World::new().await;
    let created =
        create(&world, json!({"firstName": "Ada", "city": "Leeds", "tags": ["a", "b"]})).await.body["contact"].clone();
    let path = format!("/contacts/{}", created["id"].as_str().unwrap());
    let answer = world.call("PUT", &path, Some(json!({"tags": ["c"], "state": "NSW"}))).await;
    assert_eq!((answer.status, &answer.body["succeded"]), (StatusCode::OK, &json!(true)));
    let contact = world.get(&path).await.body["contact"].clone();
    assert_eq!(
        (&contact["tags"], &contact["city"], &contact["state"]),
        (&json!(["c"]), &json!("Leeds"), &json!("NSW"))
    );
}

#[tokio::test]
async fn upsert_creates_then_changes() {
    let world = World::new().await;
    let body = |city: &str| json!({"locationId": world.location, "email": "up@example.com", "city": city});
    let first = world.call("POST", "/contacts/upsert", Some(body("Leeds"))).await;
    let second = world.call("POST", "/contacts/upsert", Some(body("Denver"))).await;
    assert_eq!((&first.body["new"], &second.body["new"]), (&json!(true), &json!(false)));
    assert_eq!(first.body["contact"]["id"], second.body["contact"]["id"]);
    assert_eq!(second.body["contact"]["city"], "Denver");
    assert!(second.body["traceId"].is_string());
}

#[tokio::test]
async fn tags_are_added_and_removed_one_by_one() {
    let world = World::new().await;
    let id = create(&world, json!({"tags": ["a"]})).await.body["contact"]["id"].as_str().unwrap().to_owned();
    let path = format!("/contacts/{id}/tags");
    let added = world.call("POST", &path, Some(json!({"tags": ["b", "a"]}))).await;
    assert_eq!((added.status, &added.body["tags"]), (StatusCode::CREATED, &json!(["a", "b"])));
    let removed = world.call("DELETE", &path, Some(json!({"tags": ["a"]}))).await;
    assert_eq!((removed.status, &removed.body["tags"]), (StatusCode::OK, &json!(["b"])));
}

#[tokio::test]
async fn a_deleted_and_an_unknown_contact_are_400() {
    let world = World::new().await;
    let id = world.ghl.contacts(&world.location)[3]["id"].as_str().unwrap().to_owned();
    let path = format!("/contacts/{id}");
    assert_eq!(world.call("DELETE", &path, None).await.body["succeded"], true);
    let answer = world.get(&path).await;
    assert_eq!((answer.status, answer.message()), (StatusCode::BAD_REQUEST, format!("Contact with id {id} not found")));
    assert!(world.ghl.contact(&id).is_none());
    assert_eq!(world.ghl.contact_count(&world.location), 59);
}

#[tokio::test]
async fn another_location_s_contact_is_403() {
    let world = World::new().await;
    let id = world.ghl.contacts(&world.other_location)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.get(&format!("/contacts/{id}")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_duplicate_search_finds_by_email_and_by_number() {
    let world = World::new().await;
    let there = world
        .ghl
        .contacts(&world.location)
        .into_iter()
        .find(|contact| contact["email"].is_string() && contact["phone"].is_string())
        .unwrap();
    let number = there["phone"].as_str().unwrap().replace('+', "%2B");
    for query in [format!("email={}", there["email"].as_str().unwrap()), format!("number={number}")] {
        let answer = world.get(&format!("/contacts/search/duplicate?locationId={}&{query}", world.location)).await;
        assert_eq!(answer.body["contact"]["id"], there["id"], "{query}");
    }
    let none =
        world.get(&format!("/contacts/search/duplicate?locationId={}&email=nobody@example.com", world.location)).await;
    assert!(none.body["contact"].is_null());
}
