use axum::body::Body;
use http::{Request, StatusCode};
use provider_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::support::Fixture;

async fn read(fixture: &Fixture, path: &str) -> Value {
    fixture.send(Request::get(path).body(Body::empty()).unwrap()).await.body
}

#[tokio::test]
async fn the_environment_contains_every_variable_of_a_server() {
    let fixture = Fixture::new().await;
    let env = fixture.sandbox.env();
    let names: Vec<&str> = env.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "GHL_API_URL",
            "GHL_AUTHORIZE_URL",
            "GHL_CLIENT_ID",
            "GHL_CLIENT_SECRET",
            "GHL_WEBHOOK_PUBLIC_KEY",
            "CALCOM_API_URL",
            "CALCOM_API_KEY",
            "CALCOM_WEBHOOK_SECRET"
        ]
    );
    assert!(fixture.ghl.client_id().starts_with(&format!("{}-", fixture.ghl.app_id())));
    fixture.control("tokens", json!({"redirect_uri": "https://app.example.com/back"})).await;
    assert!(fixture.sandbox.env().contains(&("GHL_REDIRECT_URI", "https://app.example.com/back".to_owned())));
}

#[tokio::test]
async fn state_shows_counts_always_and_records_only_when_full() {
    let fixture = Fixture::new().await;
    fixture.get(&format!("/locations/{}", fixture.location)).await;
    let brief = read(&fixture, "/__control/state?full=false").await;
    assert_eq!(brief["ghl"]["counts"]["operations"]["GET /locations/{locationId}"]["calls"], 1);
    assert!(brief["ghl"]["locations"][0].get("contacts").is_none());
    let full = read(&fixture, "/__control/state?full=true").await;
    assert_eq!(full["ghl"]["locations"][0]["contacts"].as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn the_control_api_changes_contacts() {
    let fixture = Fixture::new().await;
    let command = json!({"changes": [{"action": "create_contact", "location": fixture.location, "fields": {"firstName": "Ann"}}]});
    let response = fixture.control("changes", command).await;
    let id = response.body["results"][0]["id"].as_str().unwrap().to_owned();
    let command = json!({"changes": [{"action": "update_contact", "id": id, "fields": {"city": "Lima"}}, {"action": "delete_contact", "id": id}]});
    assert_eq!(fixture.control("changes", command).await.status, StatusCode::OK);
    assert!(fixture.ghl.contact(&id).is_none());
}

#[tokio::test]
async fn an_invalid_command_is_rejected_with_the_reason() {
    let fixture = Fixture::new().await;
    for (path, command) in [
        ("faults", json!({"rulez": []})),
        ("tokens", json!({"install": "nowhere"})),
        ("changes", json!({"changes": [{"action": "dance"}]})),
    ] {
        let response = fixture.control(path, command).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(response.body["error"].is_string());
    }
    let help = read(&fixture, "/__control").await;
    assert!(help.get("POST /__control/faults").is_some());
}

#[tokio::test]
async fn reset_restores_settings_and_clears_counts() {
    let fixture = Fixture::new().await;
    fixture.control("faults", json!({"rules": [{"fault": {"kind": "status", "status": 500}}]})).await;
    fixture.control("limits", json!({"rules": {"burst": 1}})).await;
    fixture.control("reset", json!({})).await;
    for _ in 0..3 {
        assert_eq!(fixture.get(&format!("/locations/{}", fixture.location)).await.status, StatusCode::OK);
    }
    assert_eq!(fixture.ghl.counts().calls("GET /locations/{locationId}"), 3);
}

#[tokio::test]
async fn a_stopped_sandbox_closes_open_connections() {
    let fixture = Fixture::new().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/__control", fixture.sandbox.url());
    assert!(client.get(&url).send().await.unwrap().status().is_success());
    fixture.sandbox.stop().await;
    assert!(client.get(&url).send().await.is_err());
}

#[tokio::test]
async fn an_invalid_configuration_is_rejected_with_a_hint() {
    assert!(Sandbox::builder().locations(0).start().await.unwrap_err().to_string().contains("1 to 1,000"));
    let taken = Sandbox::start().await.unwrap();
    let address = taken.url().replace("http://", "");
    let error = Sandbox::builder().bind(address).start().await.unwrap_err();
    assert!(error.to_string().contains("port 0"), "{error}");
}
