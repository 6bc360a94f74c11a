use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::http::{Body, HttpRequest, HttpResponse, MAX_RESPONSE_BYTES, Transport, TransportError};

/// A request that a [`ScriptedTransport`] was given.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// Its method.
    pub method: Method,
    /// Its URL with query.
    pub url: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A transport that gives the scripted answers one after another and remembers what it was asked. When the script is
/// over, further requests fail.
#[derive(Default)]
pub struct ScriptedTransport(Mutex<Script>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Result<http::Response<Bytes>, TransportError>>,
    requests: Vec<RecordedRequest>,
}

impl ScriptedTransport {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Then answers with a status and a JSON body.
    #[must_use]
    pub fn respond(self, status: u16, body: impl Into<Value>) -> Self {
        self.respond_with(status, &[], body.into().to_string())
    }

    /// Then answers with a status, headers and any body. A status or header that HTTP does not know becomes a 500.
    #[must_use]
    pub fn respond_with(self, status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let mut response = http::Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in headers {
            match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                (Ok(name), Ok(value)) => drop(response.headers_mut().append(name, value)),
                _ => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
        self.script().answers.push_back(Ok(response));
        self
    }

    /// Then fails.
    #[must_use]
    pub fn fail(self, error: TransportError) -> Self {
        self.script().answers.push_back(Err(error));
        self
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.script().requests.clone()
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptedTransport({} answers left)", self.script().answers.len())
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (head, body) = request.into_parts();
        let body = body.collect(MAX_RESPONSE_BYTES).await?;
        let mut script = self.script();
        script.requests.push(RecordedRequest {
            method: head.method,
            url: head.uri.to_string(),
            headers: head.headers,
            body,
        });
        match script.answers.pop_front() {
            Some(answer) => answer.map(|response| response.map(Body::Bytes)),
            None => Err(TransportError::Request("the script has no further answer".into())),
        }
    }
}
