use http::StatusCode;
use serde_json::{Value, json};

use crate::support::World;

async fn page(world: &World, more: &str) -> (Vec<Value>, Value) {
    let answer = world.get(&format!("/opportunities/search?location_id={}&limit=12{more}", world.location)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.message());
    (answer.body["opportunities"].as_array().unwrap().clone(), answer.body["meta"].clone())
}

#[tokio::test]
async fn a_listing_goes_on_behind_the_last_one_and_ends_with_an_empty_page() {
    let world = World::new().await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let (rows, meta) = page(&world, &format!("&order=added_asc{cursor}")).await;
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
async fn an_opportunity_is_opened_moved_won_and_removed() {
    let world = World::new().await;
    let pipelines = world.get(&format!("/opportunities/pipelines?locationId={}", world.location)).await;
    let pipeline = &pipelines.body["pipelines"][0];
    let contact = world.ghl.contacts(&world.location)[0]["id"].clone();
    let body = json!({"pipelineId": pipeline["id"], "locationId": world.location, "name": "Course", "status": "open", "contactId": contact, "monetaryValue": 90});
    let made = world.call("POST", "/opportunities/", Some(body)).await;
    assert_eq!(
        (made.status, &made.body["opportunity"]["pipelineStageId"]),
        (StatusCode::CREATED, &pipeline["stages"][0]["id"])
    );
    let path = format!("/opportunities/{}", made.body["opportunity"]["id"].as_str().unwrap());
    let moved = world.call("PUT", &path, Some(json!({"pipelineStageId": pipeline["stages"][1]["id"]}))).await;
    assert_eq!(moved.body["opportunity"]["pipelineStageId"], pipeline["stages"][1]["id"]);
    assert_eq!(
        world.call("PUT", &format!("{path}/status"), Some(json!({"status": "won"}))).await.body["succeded"],
        true
    );
    assert_eq!(world.get(&path).await.body["opportunity"]["status"], "won");
    assert_eq!(world.call("DELETE", &path, None).await.status, StatusCode::OK);
    assert_eq!(world.get(&path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stage_of_another_pipeline_and_an_unknown_field_are_refused() {
    let world = World::new().await;
    let (rows, _) = page(&world, "").await;
    let path = format!("/opportunities/{}", rows[0]["id"].as_str().unwrap());
    assert_eq!(
        world.call("PUT", &path, Some(json!({"pipelineStageId": "nowhere"}))).await.status,
        StatusCode::BAD_REQUEST
    );
    let unknown = world.call("PUT", &path, Some(json!({"colour": "red"}))).await;
    assert_eq!((unknown.status, unknown.message().contains("colour")), (StatusCode::UNPROCESSABLE_ENTITY, true));
}

#[tokio::test]
async fn somebody_in_the_user_interface_opens_changes_and_removes_one() {
    let world = World::new().await;
    let pipeline = world.ghl.pipelines(&world.location)[0].clone();
    let contact = world.ghl.contacts(&world.location)[0]["id"].clone();
    let fields = json!({"pipelineId": pipeline["id"], "contactId": contact, "name": "Course", "status": "open"});
    let change = |change: Value| world.control("changes", json!({"changes": [change]}));
    let made = change(json!({"do": "create_opportunity", "location": world.location, "fields": fields})).await;
    let id = made.body["results"][0]["id"].clone();
    assert_eq!(world.ghl.opportunities(&world.location).len(), 61);
    let moved = json!({"pipelineStageId": pipeline["stages"][1]["id"]});
    let moved = change(json!({"do": "update_opportunity", "id": id, "fields": moved})).await;
    assert_eq!(moved.body["results"][0]["pipelineStageId"], pipeline["stages"][1]["id"]);
    change(json!({"do": "delete_opportunity", "id": id})).await;
    assert_eq!(world.ghl.opportunities(&world.location).len(), 60);
    let again = change(json!({"do": "delete_opportunity", "id": id})).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
}
