//! Plain HTTP, as anybody outside would speak it.

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

/// How long any single answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read: a sandbox of 50,000 contacts shows itself in about 60 MB.
const LARGEST: usize = 256 << 20;
/// How much of an unexpected answer is shown.
const SHOWN: usize = 400;

/// What was not as it should be, for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails with `why` unless `holds`.
pub(super) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(Wrong(why())) }
}

/// A client without any knowledge of whom it speaks to. Redirects are not followed.
#[derive(Debug, Clone)]
pub(super) struct Http {
    transport: Arc<ReqwestTransport>,
    clock: Arc<dyn Clock>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    request: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Http {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Result<Self, Wrong> {
        let transport = ReqwestTransport::new().map_err(|error| Wrong(error.to_string()))?;
        Ok(Self { transport: Arc::new(transport), clock })
    }

    /// Sends a request, with a JSON body if there is one.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(HeaderName, String)],
        body: Option<&Value>,
    ) -> Result<Answer, Wrong> {
        let request = format!("{method} {}", path_of(url));
        let wrong = |why: &dyn fmt::Display| Wrong(format!("{request}: {why}"));
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
        let message = builder.body(body).map_err(|error| wrong(&error))?;
        let exchange = async {
            let (head, body) = self.transport.send(message).await?.into_parts();
            Ok::<_, sidecar_core::http::TransportError>((head, body.collect(LARGEST).await?))
        };
        let (head, body) = timeout(&*self.clock, PATIENCE, exchange)
            .await
            .map_err(|_| wrong(&format!("no answer within {PATIENCE:?}")))?
            .map_err(|error| wrong(&error))?;
        Ok(Answer { request, status: head.status, headers: head.headers, body })
    }
}

/// The part of a URL that says what is asked for: queries may hold secrets.
fn path_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "?".to_owned(), |url| url.path().to_owned())
}

impl Answer {
    /// The answer, provided that it has this status.
    pub(super) fn require(self, status: StatusCode) -> Result<Self, Wrong> {
        if self.status == status { Ok(self) } else { Err(self.wrong(&format!("expected {}", status.as_u16()))) }
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Wrong> {
        serde_json::from_slice(&self.body).map_err(|error| self.wrong(&format!("no JSON ({error})")))
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Where a redirect leads, seen from `base`.
    pub(super) fn location(&self, base: &str) -> Result<Url, Wrong> {
        let target = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let base = Url::parse(base).map_err(|error| self.wrong(&error.to_string()))?;
        target.and_then(|target| base.join(target).ok()).ok_or_else(|| self.wrong("expected a redirect"))
    }

    /// The cookies it sets, as the next request sends them back.
    pub(super) fn cookies(&self) -> String {
        let values = self.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        values.filter_map(|value| value.split(';').next()).collect::<Vec<_>>().join("; ")
    }

    /// What is wrong with this answer, with the answer itself.
    pub(super) fn wrong(&self, why: &str) -> Wrong {
        let shown: String = self.text().chars().take(SHOWN).collect();
        Wrong(format!("{}: {why}, got {} {shown}", self.request, self.status.as_u16()))
    }
}
