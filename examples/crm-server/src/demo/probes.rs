//! The two sides of the story as they look from outside: the server under its routes, the provider under its control routes.

use http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

use super::http::{Answer, Http, Wrong};

/// Rows asked for at once.
const PAGE: usize = 100;

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

    /// A request with the operator's token.
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Wrong> {
        let bearer = (header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.http.send(method, &format!("{}{path}", self.url), &[bearer], body).await
    }

    /// A request without any token.
    pub(super) async fn call_as_nobody(&self, path: &str, headers: &[(HeaderName, String)]) -> Result<Answer, Wrong> {
        self.http.send(Method::GET, &format!("{}{path}", self.url), headers, None).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Wrong> {
        self.call(Method::GET, path, None).await?.require(StatusCode::OK)?.json()
    }

    /// All rows of a listing, page by page.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Wrong> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{joint}limit={PAGE}{cursor}")).await?;
            let Some(items) = page["items"].as_array() else {
                return Err(Wrong(format!("GET {path}: a listing without `items`")));
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

/// The stand-in of the provider.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    http: Http,
    url: String,
}

impl Provider {
    pub(super) fn new(http: Http, url: &str) -> Self {
        Self { http, url: url.trim_end_matches('/').to_owned() }
    }

    /// Everything GHL's side counted; what it holds too, when `full`.
    pub(super) async fn state(&self, full: bool) -> Result<Value, Wrong> {
        Ok(self.whole_state(full).await?["ghl"].take())
    }

    /// The same of Cal.com's side.
    pub(super) async fn calcom_state(&self, full: bool) -> Result<Value, Wrong> {
        Ok(self.whole_state(full).await?["calcom"].take())
    }

    async fn whole_state(&self, full: bool) -> Result<Value, Wrong> {
        let url = format!("{}/__control/state?full={full}", self.url);
        self.call(Method::GET, &url, &[], None).await?.require(StatusCode::OK)?.json()
    }

    /// What a server has to be told: addresses and keys, by the names of their variables.
    pub(super) async fn environment(&self) -> Result<Value, Wrong> {
        let url = format!("{}/__control/env", self.url);
        self.call(Method::GET, &url, &[], None).await?.require(StatusCode::OK)?.json()
    }

    /// A request to any of its addresses.
    pub(super) async fn call(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, String)],
        body: Option<&Value>,
    ) -> Result<Answer, Wrong> {
        self.http.send(method, url, headers, body).await
    }

    /// Follows a link of its own, as a browser does.
    pub(super) async fn visit(&self, url: &str) -> Result<Answer, Wrong> {
        self.http.send(Method::GET, url, &[], None).await
    }

    /// Gives an order: `faults`, `tokens`, `webhooks`, ….
    pub(super) async fn order(&self, what: &str, order: &Value) -> Result<Value, Wrong> {
        let url = format!("{}/__control/{what}", self.url);
        self.http.send(Method::POST, &url, &[], Some(order)).await?.require(StatusCode::OK)?.json()
    }

    /// Lets somebody at the provider change things; one result for each change.
    pub(super) async fn change(&self, changes: Vec<Value>) -> Result<Vec<Value>, Wrong> {
        let mut answer = self.order("changes", &json!({ "changes": changes })).await?;
        match answer["results"].take() {
            Value::Array(results) => Ok(results),
            _ => Err(Wrong("POST /__control/changes: no results".to_owned())),
        }
    }
}

/// A count somewhere in a state.
pub(super) fn count(state: &Value, pointer: &str) -> u64 {
    state.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

/// A text somewhere in a document; empty when it is not there.
pub(super) fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}
