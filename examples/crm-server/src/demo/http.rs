//! A plain HTTP client.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::Value;
use sidecar_core::{
    Clock,
    http::{Body, ReqwestTransport, Transport},
    time::timeout,
};
use url::Url;

/// How long a response may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest response: the state of a sandbox with 50,000 contacts has about 60 MB.
const MAX_RESPONSE_BYTES: usize = 256 << 20;
/// How much of an unexpected response is shown.
const MAX_SHOWN_CHARS: usize = 400;

/// Why a check failed, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckFailed(pub(super) String);

impl fmt::Display for CheckFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails with `why` unless `condition` is true.
pub(super) fn ensure(condition: bool, why: impl FnOnce() -> String) -> Result<(), CheckFailed> {
    if condition { Ok(()) } else { Err(CheckFailed(why())) }
}

/// An HTTP client that does not follow redirects.
#[derive(Debug, Clone)]
pub(super) struct Http {
    transport: Arc<ReqwestTransport>,
    clock: Arc<dyn Clock>,
}

/// A response with its body.
#[derive(Debug, Clone)]
pub(super) struct Response {
    request: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Http {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Result<Self, CheckFailed> {
        let transport = ReqwestTransport::new().map_err(|error| CheckFailed(error.to_string()))?;
        Ok(Self { transport: Arc::new(transport), clock })
    }

    /// Sends a request, with a JSON body if there is one.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, String)],
        body: Option<&Value>,
    ) -> Result<Response, CheckFailed> {
        let request = format!("{method} {}", path_of(url));
        let failed = |why: &dyn fmt::Display| CheckFailed(format!("{request}: {why}"));
        let mut builder = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let body = match body {
            Some(json) => {
                builder = builder.header(header::CONTENT_TYPE, "application/json");
                Body::from(Bytes::from(json.to_string()))
            }
            None => Body::EMPTY,
        };
        let message = builder.body(body).map_err(|error| failed(&error))?;
        let exchange = async {
            let (head, body) = self.transport.send(message).await?.into_parts();
            Ok::<_, sidecar_core::http::TransportError>((head, body.collect(MAX_RESPONSE_BYTES).await?))
        };
        let (head, body) = timeout(&*self.clock, RESPONSE_TIMEOUT, exchange)
            .await
            .map_err(|_| failed(&format!("no response within {RESPONSE_TIMEOUT:?}")))?
            .map_err(|error| failed(&error))?;
        Ok(Response { request, status: head.status, headers: head.headers, body })
    }
}

/// Returns the path of a URL: queries may contain secrets.
fn path_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "?".to_owned(), |url| url.path().to_owned())
}

impl Response {
    /// Returns the response if it has this status.
    pub(super) fn require(self, status: StatusCode) -> Result<Self, CheckFailed> {
        if self.status == status { Ok(self) } else { Err(self.unexpected(&format!("expected {}", status.as_u16()))) }
    }

    /// Parses the body as JSON.
    pub(super) fn json(&self) -> Result<Value, CheckFailed> {
        serde_json::from_slice(&self.body).map_err(|error| self.unexpected(&format!("not valid JSON ({error})")))
    }

    /// Returns the body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the target of a redirect, relative to `base`.
    pub(super) fn location(&self, base: &str) -> Result<Url, CheckFailed> {
        let target = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let base = Url::parse(base).map_err(|error| self.unexpected(&error.to_string()))?;
        target.and_then(|target| base.join(target).ok()).ok_or_else(|| self.unexpected("expected a redirect"))
    }

    /// Returns the cookies that it sets, as the next request sends them.
    pub(super) fn cookies(&self) -> String {
        let values = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        values.filter_map(|value| value.split(';').next()).collect::<Vec<_>>().join("; ")
    }

    /// Returns why the response is not as expected, with the response.
    pub(super) fn unexpected(&self, why: &str) -> CheckFailed {
        let shown: String = self.text().chars().take(MAX_SHOWN_CHARS).collect();
        CheckFailed(format!("{}: {why}, got {} {shown}", self.request, self.status.as_u16()))
    }
}
