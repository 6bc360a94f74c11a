use http::StatusCode;

use crate::support::World;

#[tokio::test]
async fn a_company_token_finds_all_locations_page_by_page() {
    let world = World::new().await;
    let company = world.company_token().access;
    let mut seen = Vec::new();
    for skip in 0..3 {
        let answer = world.call_as(&company, "GET", &format!("/locations/search?skip={skip}&limit=1"), None).await;
        seen.extend(
            answer.body["locations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|location| location["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, world.ghl.location_ids());
}

#[tokio::test]
async fn a_location_token_finds_only_its_own() {
    let world = World::new().await;
    let answer = world.get("/locations/search").await;
    assert_eq!(answer.body["locations"].as_array().unwrap().len(), 1);
    assert_eq!(world.get(&format!("/locations/{}", world.other_location)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn there_is_no_list_of_locations() {
    let world = World::new().await;
    assert_eq!(world.get("/locations/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn custom_fields_and_tags_are_listed() {
    let world = World::new().await;
    let fields = world.get(&format!("/locations/{}/customFields?model=contact", world.location)).await;
    let fields = fields.body["customFields"].as_array().unwrap().clone();
    assert!(fields.iter().all(|field| field["fieldKey"].as_str().unwrap().starts_with("contact.")));
    let tags = world.get(&format!("/locations/{}/tags", world.location)).await;
    assert!(
        tags.body["tags"].as_array().unwrap().iter().any(|tag| tag["name"].as_str().unwrap().starts_with("course:"))
    );
}
