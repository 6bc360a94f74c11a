use ghl_client::GhlClient;
use serde_json::json;

use super::{NOTHING, Room};

#[tokio::test]
async fn workflows_are_listed() {
    let workflow = json!({"id": "w1", "name": "Welcome", "status": "published", "version": 2, "locationId": "l1",
                          "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-02T00:00:00.000Z"});
    let list = |ghl: GhlClient| ghl.workflows().list("l1");
    let expected = "GET /workflows/?locationId=l1";
    let workflows = Room("2021-07-28").sends(list, expected, NOTHING, json!({"workflows": [workflow]})).await;
    assert_eq!((workflows[0].version, workflows[0].status.as_deref()), (Some(2), Some("published")));
}
