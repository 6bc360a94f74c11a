//! How many deliveries may come in (X13): forged ones from one address, genuine ones of one location.

use axum::body::Body;
use http::{Request, StatusCode};
use provider_sandbox::Sandbox;
use serde_json::json;

use crate::support::{Answer, Server};

struct Scene {
    sandbox: Sandbox,
    server: Server,
}

impl Scene {
    async fn new(extra: &[(&'static str, &str)]) -> Self {
        let sandbox = Sandbox::builder().locations(2).contacts(3).start().await.unwrap();
        let mut variables: Vec<(&str, String)> = sandbox.env();
        variables.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { server: Server::start(&variables).await, sandbox }
    }

    /// A delivery without a signature.
    async fn forged(&self, forwarded_for: &str) -> Answer {
        let request = Request::post("/api/webhooks/ghl").header("x-forwarded-for", forwarded_for);
        self.server.send(request.body(Body::from("{}")).unwrap()).await
    }

    async fn genuine(&self, location: &str, number: u32, forwarded_for: &str) -> Answer {
        let body = json!({"type": "ContactUpdate", "locationId": location, "id": format!("c{number}"),
            "webhookId": format!("{location}-{number}"), "timestamp": sidecar_core::Clock::now(&sidecar_core::SystemClock::new()).to_string()});
        let (headers, body) = self.sandbox.ghl().sign_delivery(&body);
        let mut request = Request::post("/api/webhooks/ghl").header("x-forwarded-for", forwarded_for);
        request.headers_mut().unwrap().extend(headers);
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }
}

/// So many forged deliveries in a row, then how the last one was answered.
async fn forge(scene: &Scene, count: u32, forwarded_for: impl Fn(u32) -> String) -> Answer {
    let mut last = scene.forged(&forwarded_for(0)).await;
    for number in 1..count {
        last = scene.forged(&forwarded_for(number)).await;
    }
    last
}

#[tokio::test]
async fn an_address_that_forges_is_soon_refused_unlooked_at_whatever_it_says_of_itself() {
    let scene = Scene::new(&[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    // Not a word of the header is believed: nobody trusts the test's address.
    let refused = forge(&scene, 150, |number| format!("192.0.2.{number}")).await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_invalid_signatures")
    );
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
}

#[tokio::test]
async fn behind_a_trusted_proxy_one_that_forges_is_told_from_the_others() {
    let scene = Scene::new(&[]).await;
    let location = scene.sandbox.ghl().location_ids().remove(0);
    // What stands before the proxy's own entry is the sender's invention.
    let refused = forge(&scene, 150, |number| format!("198.51.100.{number}, 192.0.2.1")).await;
    assert_eq!(refused.problem(), "too_many_invalid_signatures");
    assert_eq!(scene.forged("192.0.2.2").await.problem(), "signature_invalid");
    assert_eq!(scene.genuine(&location, 1, "192.0.2.2").await.status, StatusCode::OK);
}

#[tokio::test]
async fn genuine_deliveries_do_not_count_as_forged() {
    let scene = Scene::new(&[]).await;
    let location = scene.sandbox.ghl().location_ids().remove(0);
    for number in 0..150 {
        assert_eq!(scene.genuine(&location, number, "192.0.2.1").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_location_that_sends_too_much_is_told_to_come_again_and_the_others_are_not() {
    let scene = Scene::new(&[("WEBHOOK_LIMIT_PER_SECOND", "1")]).await;
    let [loud, quiet] = [0, 1].map(|index| scene.sandbox.ghl().location_ids().remove(index));
    let mut refused = 0;
    for number in 0..15 {
        // From as many addresses as there are deliveries.
        let answer = scene.genuine(&loud, number, &format!("192.0.2.{number}")).await;
        if answer.status != StatusCode::OK {
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (StatusCode::TOO_MANY_REQUESTS, "too_many_deliveries")
            );
            refused += 1;
        }
    }
    assert!((3..=5).contains(&refused), "{refused} of 15 were refused");
    assert_eq!(scene.genuine(&quiet, 1, "192.0.2.1").await.status, StatusCode::OK);
}
