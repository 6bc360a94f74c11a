//! An in-memory server that is called without a network.

use std::sync::Arc;

use axum::{Router, body::Body};
use crm_server::{app::App, config::Config, router};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use sidecar_core::SystemClock;
use sidecar_store::Store;
use tower::ServiceExt;

/// The operator's token.
pub(crate) const TOKEN: &str = "operator-of-the-tests";

/// A server with an in-memory database.
pub(crate) struct Server {
    pub(crate) app: App,
    router: Router,
}

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Starts with the operator's token and the `extra` variables.
    pub(crate) async fn start(extra: &[(&str, String)]) -> Self {
        let mut variables = vec![("SIDECAR_OPERATOR_TOKEN", TOKEN.to_owned())];
        variables.extend_from_slice(extra);
        Self::with(&variables).await
    }

    /// Starts with only these variables.
    pub(crate) async fn with(variables: &[(&str, String)]) -> Self {
        let mut all = vec![("SIDECAR_ENV".to_owned(), "test".to_owned())];
        all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let config = Config::from_variables(all).unwrap();
        let store: Arc<dyn Store> = sidecar_store::open("sqlite::memory:", config.vault().unwrap()).await.unwrap();
        let app = App::new(config, store, SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Starts another process on the same database.
    pub(crate) fn another_process(&self) -> Self {
        let app =
            App::new(Config::clone(&self.app.config), Arc::clone(&self.app.store), SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Starts another process on the same database with these variables.
    pub(crate) fn another_process_with(&self, variables: &[(&str, String)]) -> Self {
        let mut all = vec![("SIDECAR_ENV", "test".to_owned()), ("SIDECAR_OPERATOR_TOKEN", TOKEN.to_owned())];
        all.extend_from_slice(variables);
        let config = Config::from_variables(all.into_iter().map(|(name, value)| (name.to_owned(), value))).unwrap();
        let app = App::new(config, Arc::clone(&self.app.store), SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Response { status: head.status, headers: head.headers, body }
    }

    /// Sends a request with the operator's token.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        self.send(
            match body {
                Some(json) => {
                    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_string()))
                }
                None => request.body(Body::empty()),
            }
            .unwrap(),
        )
        .await
    }

    /// Creates an organization and returns its id.
    pub(crate) async fn organization(&self, slug: &str) -> String {
        let created =
            self.call(Method::POST, "/api/organizations", Some(serde_json::json!({"name": slug, "slug": slug}))).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text());
        created.json()["id"].as_str().unwrap().to_owned()
    }
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that the response is a complete problem document and returns its code.
    pub(crate) fn problem(&self) -> String {
        let context = format!("{} {}", self.status, self.text());
        assert!(!self.status.is_success() && !self.status.is_redirection(), "not a problem: {context}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{context}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank", "{context}");
        assert_eq!(problem["status"], self.status.as_u16(), "{context}");
        assert_eq!(problem["requestId"], self.header("x-request-id"), "{context}");
        for member in ["title", "detail", "code", "requestId"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "no `{member}`: {context}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }
}
