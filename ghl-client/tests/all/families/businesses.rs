use futures_util::TryStreamExt;
use serde_json::json;

use super::{Room, paged, refuses, rows, wire};
use crate::support::line;

const ROOM: Room = Room("2021-07-28");

#[tokio::test]
async fn businesses_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.businesses().create("l1", "Example Ltd") => "POST /businesses/", {"locationId": "l1", "name": "Example Ltd"},
            {"success": true, "buiseness": {"id": "b1", "name": "Example Ltd"}};
        ghl.businesses().create("l1", "Example Ltd").phone("+1").email("a@example.com").website("https://example.com")
            .address("a").city("c").state("s").postal_code("p").country("US").description("d").set("x", 1)
            => "POST /businesses/",
            {"locationId": "l1", "name": "Example Ltd", "phone": "+1", "email": "a@example.com",
             "website": "https://example.com", "address": "a", "city": "c", "state": "s", "postalCode": "p", "country": "US",
             "description": "d", "x": 1},
            {"success": true, "business": {"id": "b1"}};
        ghl.businesses().get("l1", "b1") => "GET /businesses/b1", null, {"business": {"id": "b1"}};
        ghl.businesses().update("l1", "b1") => "PUT /businesses/b1", {}, {"success": true, "buiseness": {"id": "b1"}};
        ghl.businesses().update("l1", "b1").name("New") => "PUT /businesses/b1", {"name": "New"},
            {"success": true, "buiseness": {"id": "b1"}};
        ghl.businesses().delete("l1", "b1") => "DELETE /businesses/b1", null, {"success": true};
    }
}

#[tokio::test]
async fn businesses_are_listed_in_pages() {
    let (ghl, sent) = paged([json!({"businesses": rows(["a", "b"])}), json!({"businesses": []})]);
    let all: Vec<_> = ghl.businesses().list("l1").page_size(2).items().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    let lines: Vec<_> = sent.requests().iter().map(line).collect();
    assert_eq!(
        lines,
        ["GET /businesses/?locationId=l1&skip=0&limit=2", "GET /businesses/?locationId=l1&skip=2&limit=2"]
    );
    refuses(|ghl| ghl.businesses().list("l1").page_size(0), "at least 1").await;
}
