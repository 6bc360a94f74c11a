//! A small sandbox that tests call in process, like a client with one token.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use provider_sandbox::ghl::SCOPES;
use provider_sandbox::{Ghl, Sandbox};
use serde_json::{Value, json};
use tower::ServiceExt;

/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) const START_MS: i64 = 1_795_435_200_000;

/// A small sandbox with the token of its first location.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) ghl: Ghl,
    pub(crate) location: String,
    pub(crate) other_location: String,
    pub(crate) token: String,
    router: Router,
}

/// A response with its parsed body.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl TestResponse {
    pub(crate) fn message(&self) -> String {
        match &self.body["message"] {
            Value::String(text) => text.clone(),
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
            other => other.to_string(),
        }
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.headers[name].to_str().unwrap().parse().unwrap()
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_contacts(60).await
    }

    pub(crate) async fn with_contacts(contacts: u32) -> Self {
        let builder = Sandbox::builder().seed(7).contacts(contacts).locations(2).start_ms(START_MS);
        let sandbox = builder.start().await.unwrap();
        let ghl = sandbox.ghl();
        let ids = ghl.location_ids();
        let token = ghl.issue_location_token(&ids[0]).unwrap().access;
        Self { router: sandbox.router(), location: ids[0].clone(), other_location: ids[1].clone(), token, ghl, sandbox }
    }

    /// Calls an operation with the location's token and the operation's API version.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> TestResponse {
        self.call_as(&self.token, method, path, body).await
    }

    pub(crate) async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> TestResponse {
        let version = if path.starts_with("/calendars") { "2021-04-15" } else { "2021-07-28" };
        let request = Request::builder()
            .method(method)
            .uri(format!("/ghl{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("version", version)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.map_or(Body::empty(), |body| Body::from(body.to_string()))).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> TestResponse {
        self.call("GET", path, None).await
    }

    pub(crate) async fn form(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> TestResponse {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder()
            .method("POST")
            .uri(format!("/ghl{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("version", "2021-07-28")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn control(&self, path: &str, command: Value) -> TestResponse {
        let request = Request::builder().method("POST").uri(format!("/__control/{path}"));
        self.send(request.body(Body::from(command.to_string())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> TestResponse {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        TestResponse { status: head.status, headers: head.headers, body }
    }

    /// Searches the first location, with additional `fields`.
    pub(crate) async fn search(&self, fields: Value) -> TestResponse {
        let mut body = json!({"locationId": self.location, "pageLimit": 500});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.call("POST", "/contacts/search", Some(body)).await
    }

    /// Requests new tokens with a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> TestResponse {
        let (id, secret) = (self.ghl.client_id().to_owned(), self.ghl.client_secret().to_owned());
        let fields = [
            ("client_id", id.as_str()),
            ("client_secret", &secret),
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
        ];
        self.form("", "/oauth/token", &fields).await
    }

    pub(crate) fn company_token(&self) -> provider_sandbox::ghl::Token {
        self.ghl.issue_company_token(SCOPES)
    }
}
