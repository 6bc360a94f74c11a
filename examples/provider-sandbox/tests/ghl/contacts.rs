use http::StatusCode;
use serde_json::{Value, json};

use crate::support::Fixture;

async fn create(fixture: &Fixture, fields: Value) -> crate::support::TestResponse {
    let mut body = json!({"locationId": fixture.location});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    fixture.call("POST", "/contacts/", Some(body)).await
}

#[tokio::test]
async fn create_returns_201_with_the_contact() {
    let fixture = Fixture::new().await;
    let response = create(&fixture, json!({"firstName": "Ada", "lastName": "Quist", "email": "Ada@Example.com", "phone": "(602) 555-0100", "tags": ["VIP", "vip"]})).await;
    assert_eq!(response.status, StatusCode::CREATED);
    let contact = &response.body["contact"];
    assert_eq!((contact["email"].as_str(), contact["phone"].as_str()), (Some("ada@example.com"), Some("+16025550100")));
    assert_eq!(contact["tags"], json!(["vip"]));
    assert_eq!(fixture.ghl.contact(contact["id"].as_str().unwrap()).unwrap()["name"], "Ada Quist");
}

#[tokio::test]
async fn a_duplicate_is_400_and_names_the_existing_contact() {
    let fixture = Fixture::new().await;
    let existing =
        fixture.ghl.contacts(&fixture.location).into_iter().find(|contact| contact["email"].is_string()).unwrap();
    let response = create(&fixture, json!({"email": existing["email"]})).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.message(), "This location does not allow duplicated contacts.");
    assert_eq!(
        (&response.body["meta"]["contactId"], &response.body["meta"]["matchingField"]),
        (&existing["id"], &json!("email"))
    );
    fixture.sandbox.control().set_allow_duplicates(&fixture.location, true).unwrap();
    assert_eq!(create(&fixture, json!({"email": existing["email"]})).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_changed_email_can_be_used_by_another_contact() {
    let fixture = Fixture::new().await;
    let existing =
        fixture.ghl.contacts(&fixture.location).into_iter().find(|contact| contact["email"].is_string()).unwrap();
    fixture.ghl.update_contact(existing["id"].as_str().unwrap(), &json!({"email": "moved@example.com"})).unwrap();
    assert_eq!(create(&fixture, json!({"email": existing["email"]})).await.status, StatusCode::CREATED);
    assert_eq!(create(&fixture, json!({"email": "moved@example.com"})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn invalid_bodies_are_422_with_every_error() {
    let fixture = Fixture::new().await;
    let field =
        fixture.get(&format!("/locations/{}/customFields", fixture.location)).await.body["customFields"][0]["id"]
            .clone();
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
    for (fields, expected_error) in table {
        let response = create(&fixture, fields.clone()).await;
        assert_eq!(response.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(response.message().contains(expected_error), "{fields}: {}", response.message());
    }
    let id = fixture.ghl.contacts(&fixture.location)[0]["id"].as_str().unwrap().to_owned();
    for name in ["locationId", "gender", "companyName"] {
        let response = fixture.call("PUT", &format!("/contacts/{id}"), Some(json!({name: "x"}))).await;
        assert_eq!(response.message(), format!("property {name} should not exist"));
    }
    assert_eq!(
        fixture.call("POST", "/contacts/", Some(json!({"email": "a@example.com"}))).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn custom_fields_are_written_as_field_value_and_read_as_value() {
    let fixture = Fixture::new().await;
    let response =
        create(&fixture, json!({"customFields": [{"key": "course_level", "field_value": "Advanced"}]})).await;
    let custom_field = &response.body["contact"]["customFields"][0];
    assert_eq!(custom_field["value"], "Advanced");
    assert_eq!(custom_field.as_object().unwrap().len(), 2, "id and value, no key");
}

#[tokio::test]
async fn update_replaces_tags_and_leaves_absent_fields_unchanged() {
    let fixture = Fixture::new().await;
    let created =
        create(&fixture, json!({"firstName": "Ada", "city": "Leeds", "tags": ["a", "b"]})).await.body["contact"]
            .clone();
    let path = format!("/contacts/{}", created["id"].as_str().unwrap());
    let response = fixture.call("PUT", &path, Some(json!({"tags": ["c"], "state": "NSW"}))).await;
    assert_eq!((response.status, &response.body["succeded"]), (StatusCode::OK, &json!(true)));
    let contact = fixture.get(&path).await.body["contact"].clone();
    assert_eq!(
        (&contact["tags"], &contact["city"], &contact["state"]),
        (&json!(["c"]), &json!("Leeds"), &json!("NSW"))
    );
}

#[tokio::test]
async fn upsert_creates_then_updates() {
    let fixture = Fixture::new().await;
    let body = |city: &str| json!({"locationId": fixture.location, "email": "up@example.com", "city": city});
    let first = fixture.call("POST", "/contacts/upsert", Some(body("Leeds"))).await;
    let second = fixture.call("POST", "/contacts/upsert", Some(body("Denver"))).await;
    assert_eq!((&first.body["new"], &second.body["new"]), (&json!(true), &json!(false)));
    assert_eq!(first.body["contact"]["id"], second.body["contact"]["id"]);
    assert_eq!(second.body["contact"]["city"], "Denver");
    assert!(second.body["traceId"].is_string());
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let fixture = Fixture::new().await;
    let id = create(&fixture, json!({"tags": ["a"]})).await.body["contact"]["id"].as_str().unwrap().to_owned();
    let path = format!("/contacts/{id}/tags");
    let added = fixture.call("POST", &path, Some(json!({"tags": ["b", "a"]}))).await;
    assert_eq!((added.status, &added.body["tags"]), (StatusCode::CREATED, &json!(["a", "b"])));
    let removed = fixture.call("DELETE", &path, Some(json!({"tags": ["a"]}))).await;
    assert_eq!((removed.status, &removed.body["tags"]), (StatusCode::OK, &json!(["b"])));
}

#[tokio::test]
async fn a_deleted_and_an_unknown_contact_are_400() {
    let fixture = Fixture::new().await;
    let id = fixture.ghl.contacts(&fixture.location)[3]["id"].as_str().unwrap().to_owned();
    let path = format!("/contacts/{id}");
    assert_eq!(fixture.call("DELETE", &path, None).await.body["succeded"], true);
    let response = fixture.get(&path).await;
    assert_eq!(
        (response.status, response.message()),
        (StatusCode::BAD_REQUEST, format!("Contact with id {id} not found"))
    );
    assert!(fixture.ghl.contact(&id).is_none());
    assert_eq!(fixture.ghl.contact_count(&fixture.location), 59);
}

#[tokio::test]
async fn a_contact_of_another_location_is_403() {
    let fixture = Fixture::new().await;
    let id = fixture.ghl.contacts(&fixture.other_location)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(fixture.get(&format!("/contacts/{id}")).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_duplicate_search_finds_by_email_and_by_number() {
    let fixture = Fixture::new().await;
    let existing = fixture
        .ghl
        .contacts(&fixture.location)
        .into_iter()
        .find(|contact| contact["email"].is_string() && contact["phone"].is_string())
        .unwrap();
    let number = existing["phone"].as_str().unwrap().replace('+', "%2B");
    for query in [format!("email={}", existing["email"].as_str().unwrap()), format!("number={number}")] {
        let response =
            fixture.get(&format!("/contacts/search/duplicate?locationId={}&{query}", fixture.location)).await;
        assert_eq!(response.body["contact"]["id"], existing["id"], "{query}");
    }
    let none = fixture
        .get(&format!("/contacts/search/duplicate?locationId={}&email=nobody@example.com", fixture.location))
        .await;
    assert!(none.body["contact"].is_null());
}
