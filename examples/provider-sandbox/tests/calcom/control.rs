use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Receiver, SECRET, World, ms};

async fn send(world: &World, method: &str, path: &str, order: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/__control{path}"));
    let body = order.map_or(Body::empty(), |order| Body::from(order.to_string()));
    let answer = world.sandbox.router().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_person_s_changes_can_be_ordered_over_the_wire() {
    let world = World::new().await;
    let receiver = Receiver::listen(&[]).await;
    let book = json!({"do": "book", "event_type": world.event_type("intro"), "start_ms": ms("2026-11-24T09:00:00Z"),
        "attendee": {"name": "Ann", "email": "ann@example.com"}, "metadata": {"organizationId": "org_1"}});
    let order = json!({"changes": [{"do": "deliver_to", "url": receiver.url, "secret": SECRET}, book, {"do": "ping"}]});
    let (status, answer) = send(&world, "POST", "/calcom/changes", Some(order)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let uid = answer["results"][1]["uid"].as_str().unwrap();
    let (_, answer) =
        send(&world, "POST", "/calcom/changes", Some(json!({"changes": [{"do": "cancel", "uid": uid}]}))).await;
    assert_eq!(answer["results"][0]["status"], "cancelled");
    world.settled().await;
    assert_eq!(receiver.events().len(), 3);
}

#[tokio::test]
async fn state_shows_counts_always_and_bookings_only_when_full() {
    let world = World::new().await;
    world.client.me().get().await.unwrap();
    world.book("intro", "2026-11-24T09:00:00Z");
    let (_, brief) = send(&world, "GET", "/state", None).await;
    assert_eq!(brief["calcom"]["counts"]["operations"]["GET /v2/me"]["calls"], 1);
    assert_eq!((&brief["calcom"]["bookingCount"], brief["calcom"].get("bookings")), (&json!(1), None));
    let (_, full) = send(&world, "GET", "/state?full=true", None).await;
    assert_eq!(full["calcom"]["bookings"][0]["status"], "accepted");
    assert_eq!(world.calcom.requests_counted(), 1);
}

#[tokio::test]
async fn reset_ends_orders_and_an_order_that_is_not_understood_says_why() {
    let world = World::new().await;
    let rule = json!({"rules": [{"path": "/v2/me", "fault": {"kind": "status", "status": 503}}]});
    send(&world, "POST", "/calcom/faults", Some(rule)).await;
    assert_eq!(world.client.me().get().await.unwrap_err().status().unwrap().as_u16(), 503);
    send(&world, "POST", "/calcom/limits", Some(json!({"rules": {"per_key": 1}}))).await;
    send(&world, "POST", "/reset", None).await;
    assert!(world.client.me().get().await.is_ok());
    assert!(world.client.me().get().await.is_ok());
    for (path, order) in
        [("faults", json!({"rulez": []})), ("changes", json!({"changes": [{"do": "cancel", "uid": "nobody"}]}))]
    {
        let (status, answer) = send(&world, "POST", &format!("/calcom/{path}"), Some(order)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["error"].is_string());
    }
    let (_, help) = send(&world, "GET", "", None).await;
    assert!(help.get("POST /__control/calcom/changes").is_some());
}
