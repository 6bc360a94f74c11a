use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Request, StatusCode, header};
use provider_sandbox::control::TokenCommand;
use provider_sandbox::ghl::{Fault, FaultRule, TokenFault};
use serde_json::json;
use tower::ServiceExt;

use crate::support::Fixture;

fn once(fault: Fault) -> FaultRule {
    FaultRule { fault, times: Some(1), ..FaultRule::default() }
}

/// Calls over a real connection.
async fn get_over_http(fixture: &Fixture) -> Result<String, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let url = format!("{}/ghl/locations/{}", fixture.sandbox.url(), fixture.location);
    client.get(url).bearer_auth(&fixture.token).header("version", "2021-07-28").send().await?.text().await
}

#[tokio::test]
async fn a_status_fault_applies_to_the_given_requests_and_number() {
    let fixture = Fixture::new().await;
    let rule = json!({"method": "get", "path": "/locations", "location": fixture.location, "fault": {"kind": "status", "status": 503}, "times": 2});
    fixture.control("faults", json!({"rules": [rule]})).await;
    let path = format!("/locations/{}", fixture.location);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(fixture.get(&path).await.status.as_u16());
    }
    assert_eq!(statuses, [503, 503, 200]);
    assert_eq!(fixture.ghl.counts().operations["GET /locations/{locationId}"].by_status[&503], 2);
}

#[tokio::test]
async fn a_rule_for_other_requests_does_not_apply() {
    let fixture = Fixture::new().await;
    fixture.sandbox.control().add_faults([
        FaultRule { location: Some(fixture.other_location.clone()), ..once(Fault::Status { status: 500 }) },
        FaultRule { path: Some("/contacts".into()), ..once(Fault::Status { status: 500 }) },
        FaultRule { probability: Some(0.0), ..once(Fault::Status { status: 500 }) },
    ]);
    assert_eq!(fixture.get(&format!("/locations/{}", fixture.location)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_a_response() {
    let fixture = Fixture::new().await;
    for fault in [Fault::Reset, Fault::ResetAfter] {
        fixture.sandbox.control().add_faults([once(fault)]);
        let error = get_over_http(&fixture).await.unwrap_err();
        assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
        assert!(get_over_http(&fixture).await.is_ok());
    }
    let count = fixture.ghl.counts().operations["GET /locations/{locationId}"].clone();
    assert_eq!((count.by_status[&0], count.by_status[&200]), (2, 2));
}

#[tokio::test]
async fn a_truncated_response_fails_in_the_body() {
    let fixture = Fixture::new().await;
    fixture.sandbox.control().add_faults([once(Fault::Truncate)]);
    let error = get_over_http(&fixture).await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn latency_and_slow_drip_delay_a_complete_response() {
    let fixture = Fixture::new().await;
    for fault in [Fault::Latency { ms: 60 }, Fault::SlowDrip { bytes: 200, ms: 20 }] {
        fixture.sandbox.control().add_faults([once(fault)]);
        #[expect(clippy::disallowed_methods, reason = "measures the time of a real client")]
        let began = Instant::now();
        let text = get_over_http(&fixture).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(60), "{fault:?}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    }
}

#[tokio::test]
async fn a_token_can_be_rotated_before_the_connection_is_reset() {
    let fixture = Fixture::new().await;
    let refresh = fixture.ghl.issue_location_token(&fixture.location).unwrap().refresh.unwrap();
    let command = TokenCommand { fault: Some(TokenFault::ResetAfterRotation), ..TokenCommand::default() };
    fixture.sandbox.control().update_tokens(&command).unwrap();
    let body = format!(
        "client_id={}&client_secret={}&grant_type=refresh_token&refresh_token={refresh}",
        fixture.ghl.client_id(),
        fixture.ghl.client_secret()
    );
    let request = Request::post("/ghl/oauth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    let response = fixture.sandbox.router().oneshot(request).await.unwrap();
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
    assert_eq!(fixture.ghl.counts().connections[&fixture.location].refreshes, 1);
    assert_eq!(fixture.refresh(&refresh).await.body["error"], "invalid_grant");
}
