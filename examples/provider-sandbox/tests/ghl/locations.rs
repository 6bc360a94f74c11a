use http::StatusCode;

use crate::support::Fixture;

#[tokio::test]
async fn a_company_token_finds_all_locations_page_by_page() {
    let fixture = Fixture::new().await;
    let company = fixture.company_token().access;
    let mut seen = Vec::new();
    for skip in 0..3 {
        let response = fixture.call_as(&company, "GET", &format!("/locations/search?skip={skip}&limit=1"), None).await;
        seen.extend(
            response.body["locations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|location| location["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(seen, fixture.ghl.location_ids());
}

#[tokio::test]
async fn a_location_token_finds_only_its_location() {
    let fixture = Fixture::new().await;
    let response = fixture.get("/locations/search").await;
    assert_eq!(response.body["locations"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.get(&format!("/locations/{}", fixture.other_location)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn there_is_no_list_of_locations() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.get("/locations/").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn custom_fields_and_tags_are_listed() {
    let fixture = Fixture::new().await;
    let fields = fixture.get(&format!("/locations/{}/customFields?model=contact", fixture.location)).await;
    let fields = fields.body["customFields"].as_array().unwrap().clone();
    assert!(fields.iter().all(|field| field["fieldKey"].as_str().unwrap().starts_with("contact.")));
    let tags = fixture.get(&format!("/locations/{}/tags", fixture.location)).await;
    assert!(
        tags.body["tags"].as_array().unwrap().iter().any(|tag| tag["name"].as_str().unwrap().starts_with("course:"))
    );
}
