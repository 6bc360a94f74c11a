use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::receiver::Receiver;
use crate::support::{Fixture, SECRET, ms};

async fn send(fixture: &Fixture, method: &str, path: &str, command: Option<Value>) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(format!("/__control{path}"));
    let body = command.map_or(Body::empty(), |command| Body::from(command.to_string()));
    let response = fixture.sandbox.router().oneshot(request.body(body).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn the_control_api_changes_bookings_over_http() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::listen(&[]).await;
    let book = json!({"action": "book", "event_type": fixture.event_type("intro"), "start_ms": ms("2026-11-24T09:00:00Z"),
        "attendee": {"name": "Ann", "email": "ann@example.com"}, "metadata": {"organizationId": "org_1"}});
    let command =
        json!({"changes": [{"action": "subscribe", "url": receiver.url, "secret": SECRET}, book, {"action": "ping"}]});
    let (status, response) = send(&fixture, "POST", "/calcom/changes", Some(command)).await;
    assert_eq!(status, StatusCode::OK, "{response}");
    let uid = response["results"][1]["uid"].as_str().unwrap();
    let (_, response) =
        send(&fixture, "POST", "/calcom/changes", Some(json!({"changes": [{"action": "cancel", "uid": uid}]}))).await;
    assert_eq!(response["results"][0]["status"], "cancelled");
    fixture.wait_for_deliveries().await;
    assert_eq!(receiver.events().len(), 3);
}

#[tokio::test]
async fn state_shows_counts_always_and_bookings_only_when_full() {
    let fixture = Fixture::new().await;
    fixture.client.me().get().await.unwrap();
    fixture.book("intro", "2026-11-24T09:00:00Z");
    let (_, brief) = send(&fixture, "GET", "/state", None).await;
    assert_eq!(brief["calcom"]["counts"]["operations"]["GET /v2/me"]["calls"], 1);
    assert_eq!((&brief["calcom"]["bookingCount"], brief["calcom"].get("bookings")), (&json!(1), None));
    let (_, full) = send(&fixture, "GET", "/state?full=true", None).await;
    assert_eq!(full["calcom"]["bookings"][0]["status"], "accepted");
    assert_eq!(fixture.calcom.request_count(), 1);
}

#[tokio::test]
async fn reset_restores_settings_and_invalid_commands_are_rejected() {
    let fixture = Fixture::new().await;
    let rule = json!({"rules": [{"path": "/v2/me", "fault": {"kind": "status", "status": 503}}]});
    send(&fixture, "POST", "/calcom/faults", Some(rule)).await;
    assert_eq!(fixture.client.me().get().await.unwrap_err().status().unwrap().as_u16(), 503);
    send(&fixture, "POST", "/calcom/limits", Some(json!({"rules": {"per_key": 1}}))).await;
    send(&fixture, "POST", "/reset", None).await;
    assert!(fixture.client.me().get().await.is_ok());
    assert!(fixture.client.me().get().await.is_ok());
    for (path, command) in
        [("faults", json!({"rulez": []})), ("changes", json!({"changes": [{"action": "cancel", "uid": "nobody"}]}))]
    {
        let (status, response) = send(&fixture, "POST", &format!("/calcom/{path}"), Some(command)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(response["error"].is_string());
    }
    let (_, help) = send(&fixture, "GET", "", None).await;
    assert!(help.get("POST /__control/calcom/changes").is_some());
}
