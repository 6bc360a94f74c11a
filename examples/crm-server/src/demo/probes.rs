//! The server and the sandbox from outside: the server's routes, and the sandbox's control routes.

use http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

use super::http::{CheckFailed, Http, Response};

/// Rows of a page.
const PAGE_SIZE: usize = 100;

/// The server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    http: Http,
    pub(super) url: String,
    token: String,
}

impl Server {
    pub(super) fn new(http: Http, url: &str, token: String) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned(), token }
    }

    /// Sends a request with the operator's token.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response, CheckFailed> {
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.http.send(method, &format!("{}{path}", self.url), &[bearer], body).await
    }

    /// Sends a request without a token.
    pub(super) async fn call_without_token(
        &self,
        path: &str,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, CheckFailed> {
        self.http.send(Method::GET, &format!("{}{path}", self.url), headers, None).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, CheckFailed> {
        self.call(Method::GET, path, None).await?.require(StatusCode::OK)?.json()
    }

    /// Returns all rows of a listing.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, CheckFailed> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{separator}limit={PAGE_SIZE}{cursor}")).await?;
            let Some(items) = page["items"].as_array() else {
                return Err(CheckFailed(format!("GET {path}: a listing without `items`")));
            };
            rows.extend(items.iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => {
                    cursor =
                        format!("&cursor={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>())
                }
                None => return Ok(rows),
            }
        }
    }
}

/// The sandbox.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    http: Http,
    url: String,
}

impl Provider {
    pub(super) fn new(http: Http, url: &str) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned() }
    }

    /// Returns the counters of the GHL sandbox, and its data when `full`.
    pub(super) async fn state(&self, full: bool) -> Result<Value, CheckFailed> {
        Ok(self.whole_state(full).await?["ghl"].take())
    }

    /// Returns the same of the Cal.com sandbox.
    pub(super) async fn calcom_state(&self, full: bool) -> Result<Value, CheckFailed> {
        Ok(self.whole_state(full).await?["calcom"].take())
    }

    async fn whole_state(&self, full: bool) -> Result<Value, CheckFailed> {
        let url = format!("{}/__control/state?full={full}", self.url);
        self.call(Method::GET, &url, &[], None).await?.require(StatusCode::OK)?.json()
    }

    /// Returns the environment variables for a server: addresses and keys.
    pub(super) async fn environment(&self) -> Result<Value, CheckFailed> {
        let url = format!("{}/__control/env", self.url);
        self.call(Method::GET, &url, &[], None).await?.require(StatusCode::OK)?.json()
    }

    /// Sends a request to any address of the sandbox.
    pub(super) async fn call(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, String)],
        body: Option<&Value>,
    ) -> Result<Response, CheckFailed> {
        self.http.send(method, url, headers, body).await
    }

    /// Opens a link, as a browser does.
    pub(super) async fn visit(&self, url: &str) -> Result<Response, CheckFailed> {
        self.http.send(Method::GET, url, &[], None).await
    }

    /// Sends a control command: `faults`, `tokens`, `webhooks`, ….
    pub(super) async fn command(&self, name: &str, command: &Value) -> Result<Value, CheckFailed> {
        let url = format!("{}/__control/{name}", self.url);
        self.http.send(Method::POST, &url, &[], Some(command)).await?.require(StatusCode::OK)?.json()
    }

    /// Makes changes in GHL; returns one result per change.
    pub(super) async fn change(&self, changes: Vec<Value>) -> Result<Vec<Value>, CheckFailed> {
        let mut response = self.command("changes", &json!({ "changes": changes })).await?;
        match response["results"].take() {
            Value::Array(results) => Ok(results),
            _ => Err(CheckFailed("POST /__control/changes: no results".to_owned())),
        }
    }
}

/// Returns a counter of a state; 0 if it is absent.
pub(super) fn count(state: &Value, pointer: &str) -> u64 {
    state.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// Returns a text of a document; empty if it is absent.
pub(super) fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}
