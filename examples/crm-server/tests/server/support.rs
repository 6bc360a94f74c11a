//! A server in memory, and requests to it without a network.

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

/// A server whose database ends with it.
pub(crate) struct Server {
    pub(crate) app: App,
    router: Router,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// With the operator's token, and these variables beside.
    pub(crate) async fn start(extra: &[(&str, String)]) -> Self {
        let mut variables = vec![("SIDECAR_OPERATOR_TOKEN", TOKEN.to_owned())];
        variables.extend_from_slice(extra);
        Self::with(&variables).await
    }

    /// With these variables alone.
    pub(crate) async fn with(variables: &[(&str, String)]) -> Self {
        let mut all = vec![("SIDECAR_ENV".to_owned(), "test".to_owned())];
        all.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let config = Config::from_variables(all).unwrap();
        let store: Arc<dyn Store> = sidecar_store::open("sqlite::memory:", config.vault().unwrap()).await.unwrap();
        let app = App::new(config, store, SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Another process on the same database.
    pub(crate) fn twin(&self) -> Self {
        let app =
            App::new(Config::clone(&self.app.config), Arc::clone(&self.app.store), SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Another process on the same database, set up with these variables.
    pub(crate) fn on_the_same_store(&self, variables: &[(&str, String)]) -> Self {
        let mut all = vec![("SIDECAR_ENV", "test".to_owned()), ("SIDECAR_OPERATOR_TOKEN", TOKEN.to_owned())];
        all.extend_from_slice(variables);
        let config = Config::from_variables(all.into_iter().map(|(name, value)| (name.to_owned(), value))).unwrap();
        let app = App::new(config, Arc::clone(&self.app.store), SystemClock::shared()).unwrap();
        Self { router: router::web(app.clone()), app }
    }

    /// Any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// A request with the operator's token.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
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

    /// A new organization's id.
    pub(crate) async fn organization(&self, slug: &str) -> String {
        let made =
            self.call(Method::POST, "/api/organizations", Some(serde_json::json!({"name": slug, "slug": slug}))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's code, provided that the answer is a whole problem.
    pub(crate) fn problem(&self) -> String {
        let what = format!("{} {}", self.status, self.text());
        assert!(!self.status.is_success() && !self.status.is_redirection(), "no problem: {what}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{what}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank", "{what}");
        assert_eq!(problem["status"], self.status.as_u16(), "{what}");
        assert_eq!(problem["requestId"], self.header("x-request-id"), "{what}");
        for member in ["title", "detail", "code", "requestId"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "no `{member}`: {what}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }
}
