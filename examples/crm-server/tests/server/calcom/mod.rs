//! Cal.com of each organization: its connection, its webhooks' way in, and what is asked of it.

mod asking;
mod connecting;
mod consent;
mod deliveries;
mod stand_in;

use axum::body::Body;
use calcom_client::webhook::fixtures::SignedDelivery;
use http::{Method, Request};
use serde_json::{Value, json};
use stand_in::{KEY, StandIn};

use crate::support::{Answer, Server};

/// A server, Cal.com's stand-in, and an organization.
struct Scene {
    server: Server,
    calcom: StandIn,
    organization: String,
}

impl Scene {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(more: &[(&str, String)]) -> Self {
        let calcom = StandIn::start().await;
        let mut variables = vec![("CALCOM_API_URL", calcom.url.clone()), ("APP_URL", "http://crm.test".to_owned())];
        variables.extend_from_slice(more);
        let server = Server::start(&variables).await;
        let organization = server.organization("acme").await;
        Self { server, calcom, organization }
    }

    fn of(&self, rest: &str) -> String {
        format!("/api/organizations/{}/{rest}", self.organization)
    }

    async fn put(&self, wish: Value) -> Answer {
        self.server.call(Method::PUT, &self.of("integrations/calcom"), Some(wish)).await
    }

    async fn connection(&self) -> Value {
        self.server.call(Method::GET, &self.of("integrations/calcom"), None).await.json()
    }

    /// The names that credentials are kept under.
    async fn kept(&self) -> Vec<String> {
        let kept = self.server.app.store.connections(&self.organization.as_str().into()).await.unwrap();
        kept.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }

    /// By key, with a webhook secret.
    async fn connected() -> Self {
        let scene = Self::start().await;
        let answer = scene.put(json!({"apiKey": KEY, "webhookSecrets": ["whsec_test"]})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        scene
    }

    async fn deliver(&self, path: &str, delivery: &SignedDelivery) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        self.server.send(request.body(Body::from(delivery.body.clone())).unwrap()).await
    }
}
