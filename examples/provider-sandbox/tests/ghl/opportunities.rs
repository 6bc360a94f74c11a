use http::StatusCode;
use serde_json::{Value, json};

use crate::support::Fixture;

async fn search(fixture: &Fixture, params: &str) -> (Vec<Value>, Value) {
    let response =
        fixture.get(&format!("/opportunities/search?location_id={}&limit=12{params}", fixture.location)).await;
    assert_eq!(response.status, StatusCode::OK, "{}", response.message());
    (response.body["opportunities"].as_array().unwrap().clone(), response.body["meta"].clone())
}

#[tokio::test]
async fn a_search_continues_after_its_cursor_and_ends_with_an_empty_page() {
    let fixture = Fixture::new().await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (rows, meta) = search(&fixture, &format!("&order=added_asc{cursor}")).await;
        assert_eq!(meta["total"], 60);
        let Some(last) = rows.last() else { break };
        assert_eq!(meta["startAfterId"], last["id"]);
        cursor = format!("&startAfter={}&startAfterId={}", meta["startAfter"], last["id"].as_str().unwrap());
        ids.extend(
            rows.iter().map(|row| (row["createdAt"].as_str().unwrap().to_owned(), row["id"].clone().to_string())),
        );
    }
    let mut ordered = ids.clone();
    ordered.sort();
    ordered.dedup();
    assert_eq!((ids.len(), &ordered), (60, &ids));
}

#[tokio::test]
async fn an_opportunity_is_created_updated_won_and_deleted() {
    let fixture = Fixture::new().await;
    let pipelines = fixture.get(&format!("/opportunities/pipelines?locationId={}", fixture.location)).await;
    let pipeline = &pipelines.body["pipelines"][0];
    let contact = fixture.ghl.contacts(&fixture.location)[0]["id"].clone();
    let body = json!({"pipelineId": pipeline["id"], "locationId": fixture.location, "name": "Course", "status": "open", "contactId": contact, "monetaryValue": 90});
    let created = fixture.call("POST", "/opportunities/", Some(body)).await;
    assert_eq!(
        (created.status, &created.body["opportunity"]["pipelineStageId"]),
        (StatusCode::CREATED, &pipeline["stages"][0]["id"])
    );
    let path = format!("/opportunities/{}", created.body["opportunity"]["id"].as_str().unwrap());
    let rescheduled = fixture.call("PUT", &path, Some(json!({"pipelineStageId": pipeline["stages"][1]["id"]}))).await;
    assert_eq!(rescheduled.body["opportunity"]["pipelineStageId"], pipeline["stages"][1]["id"]);
    assert_eq!(
        fixture.call("PUT", &format!("{path}/status"), Some(json!({"status": "won"}))).await.body["succeded"],
        true
    );
    assert_eq!(fixture.get(&path).await.body["opportunity"]["status"], "won");
    assert_eq!(fixture.call("DELETE", &path, None).await.status, StatusCode::OK);
    assert_eq!(fixture.get(&path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_unknown_stage_and_an_unknown_field_are_rejected() {
    let fixture = Fixture::new().await;
    let (rows, _) = search(&fixture, "").await;
    let path = format!("/opportunities/{}", rows[0]["id"].as_str().unwrap());
    assert_eq!(
        fixture.call("PUT", &path, Some(json!({"pipelineStageId": "nowhere"}))).await.status,
        StatusCode::BAD_REQUEST
    );
    let unknown = fixture.call("PUT", &path, Some(json!({"colour": "red"}))).await;
    assert_eq!((unknown.status, unknown.message().contains("colour")), (StatusCode::UNPROCESSABLE_ENTITY, true));
}

#[tokio::test]
async fn the_control_api_creates_updates_and_deletes_an_opportunity() {
    let fixture = Fixture::new().await;
    let pipeline = fixture.ghl.pipelines(&fixture.location)[0].clone();
    let contact = fixture.ghl.contacts(&fixture.location)[0]["id"].clone();
    let fields = json!({"pipelineId": pipeline["id"], "contactId": contact, "name": "Course", "status": "open"});
    let change = |change: Value| fixture.control("changes", json!({"changes": [change]}));
    let created = change(json!({"action": "create_opportunity", "location": fixture.location, "fields": fields})).await;
    let id = created.body["results"][0]["id"].clone();
    assert_eq!(fixture.ghl.opportunities(&fixture.location).len(), 61);
    let rescheduled = json!({"pipelineStageId": pipeline["stages"][1]["id"]});
    let rescheduled = change(json!({"action": "update_opportunity", "id": id, "fields": rescheduled})).await;
    assert_eq!(rescheduled.body["results"][0]["pipelineStageId"], pipeline["stages"][1]["id"]);
    change(json!({"action": "delete_opportunity", "id": id})).await;
    assert_eq!(fixture.ghl.opportunities(&fixture.location).len(), 60);
    let again = change(json!({"action": "delete_opportunity", "id": id})).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
}
