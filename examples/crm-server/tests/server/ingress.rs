//! Limits of incoming deliveries: invalid signatures from one address, and valid deliveries of one location.

use axum::body::Body;
use http::{Request, StatusCode};
use provider_sandbox::Sandbox;
use serde_json::json;

use crate::support::{Response, Server};

struct Fixture {
    sandbox: Sandbox,
    server: Server,
}

impl Fixture {
    async fn new(extra: &[(&'static str, &str)]) -> Self {
        let sandbox = Sandbox::builder().locations(2).contacts(3).start().await.unwrap();
        let mut variables: Vec<(&str, String)> = sandbox.env();
        variables.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { server: Server::start(&variables).await, sandbox }
    }

    /// Sends a delivery without a signature.
    async fn forged(&self, forwarded_for: &str) -> Response {
        let request = Request::post("/api/webhooks/ghl").header("x-forwarded-for", forwarded_for);
        self.server.send(request.body(Body::from("{}")).unwrap()).await
    }

    async fn signed(&self, location: &str, number: u32, forwarded_for: &str) -> Response {
        let body = json!({"type": "ContactUpdate", "locationId": location, "id": format!("c{number}"),
            "webhookId": format!("{location}-{number}"), "timestamp": sidecar_core::Clock::now(&sidecar_core::SystemClock::new()).to_string()});
        let (headers, body) = self.sandbox.ghl().sign_delivery(&body);
        let mut request = Request::post("/api/webhooks/ghl").header("x-forwarded-for", forwarded_for);
        request.headers_mut().unwrap().extend(headers);
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }
}

/// Sends `count` unsigned deliveries and returns the response to the last one.
async fn send_forged(fixture: &Fixture, count: u32, forwarded_for: impl Fn(u32) -> String) -> Response {
    let mut last = fixture.forged(&forwarded_for(0)).await;
    for number in 1..count {
        last = fixture.forged(&forwarded_for(number)).await;
    }
    last
}

#[tokio::test]
async fn invalid_signatures_block_an_address_despite_forwarded_headers() {
    let fixture = Fixture::new(&[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    // The header is ignored, because the test's own address is not a trusted proxy.
    let rejected = send_forged(&fixture, 150, |number| format!("192.0.2.{number}")).await;
    assert_eq!(
        (rejected.status, rejected.problem().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_invalid_signatures")
    );
    assert!(rejected.header("retry-after").parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn behind_a_trusted_proxy_only_the_offending_client_is_blocked() {
    let fixture = Fixture::new(&[]).await;
    let location = fixture.sandbox.ghl().location_ids().remove(0);
    // The client itself can set the entries before the proxy's own one.
    let rejected = send_forged(&fixture, 150, |number| format!("198.51.100.{number}, 192.0.2.1")).await;
    assert_eq!(rejected.problem(), "too_many_invalid_signatures");
    assert_eq!(fixture.forged("192.0.2.2").await.problem(), "signature_invalid");
    assert_eq!(fixture.signed(&location, 1, "192.0.2.2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signed_deliveries_do_not_count_as_invalid_signatures() {
    let fixture = Fixture::new(&[]).await;
    let location = fixture.sandbox.ghl().location_ids().remove(0);
    for number in 0..150 {
        assert_eq!(fixture.signed(&location, number, "192.0.2.1").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_location_over_its_limit_is_rejected_without_affecting_others() {
    let fixture = Fixture::new(&[("WEBHOOK_LIMIT_PER_SECOND", "1")]).await;
    let [busy, quiet] = [0, 1].map(|index| fixture.sandbox.ghl().location_ids().remove(index));
    let mut rejected = 0;
    for number in 0..15 {
        // Each delivery comes from another address.
        let response = fixture.signed(&busy, number, &format!("192.0.2.{number}")).await;
        if response.status != StatusCode::OK {
            assert_eq!(
                (response.status, response.problem().as_str()),
                (StatusCode::TOO_MANY_REQUESTS, "too_many_deliveries")
            );
            rejected += 1;
        }
    }
    assert!((3..=5).contains(&rejected), "{rejected} of 15 were rejected");
    assert_eq!(fixture.signed(&quiet, 1, "192.0.2.1").await.status, StatusCode::OK);
}
