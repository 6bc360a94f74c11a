//! The Cal.com integration of an organization: its connection, OAuth consent, webhooks and API routes.

mod connection;
mod consent;
mod deliveries;
mod fake;
mod routes;

use axum::body::Body;
use calcom_client::events::fixtures::SignedDelivery;
use fake::{FakeCalcom, KEY};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Response, Server};

/// A server with one organization, and a fake Cal.com.
struct Fixture {
    server: Server,
    calcom: FakeCalcom,
    organization: String,
}

impl Fixture {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(extra: &[(&str, String)]) -> Self {
        let calcom = FakeCalcom::start().await;
        let mut variables = vec![("CALCOM_API_URL", calcom.url.clone()), ("APP_URL", "http://crm.test".to_owned())];
        variables.extend_from_slice(extra);
        let server = Server::start(&variables).await;
        let organization = server.organization("acme").await;
        Self { server, calcom, organization }
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/organizations/{}/{rest}", self.organization)
    }

    async fn put(&self, request: Value) -> Response {
        self.server.call(Method::PUT, &self.path("integrations/calcom"), Some(request)).await
    }

    async fn connection(&self) -> Value {
        self.server.call(Method::GET, &self.path("integrations/calcom"), None).await.json()
    }

    /// Returns the resources that have stored credentials.
    async fn token_resources(&self) -> Vec<String> {
        let connections = self.server.app.store.connections(&self.organization.as_str().into()).await.unwrap();
        connections.iter().map(|connection| connection.key.resource().to_owned()).collect()
    }

    /// Connects by API key, with one webhook secret.
    async fn connected() -> Self {
        let fixture = Self::start().await;
        let response = fixture.put(json!({"apiKey": KEY, "webhookSecrets": ["whsec_test"]})).await;
        assert_eq!(response.status, 200, "{}", response.text());
        fixture
    }

    async fn deliver(&self, path: &str, delivery: &SignedDelivery) -> Response {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        self.server.send(request.body(Body::from(delivery.body.clone())).unwrap()).await
    }
}
