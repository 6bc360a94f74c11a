//! Fault injection: rules that select requests, and the faults that they apply to the responses. Each provider has its own rules.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, header};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::connection::ResetHandle;
use crate::rng::SeededRng;

/// Largest response that a fault truncates or slows down, in bytes.
const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// One rule. The first matching latency rule and the first matching rule of another kind apply to a request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// Matches only this method.
    pub method: Option<String>,
    /// Matches only paths with this prefix (without the provider's own prefix).
    pub path: Option<String>,
    /// Matches only requests with a token of this location or company. Never matches at Cal.com.
    pub location: Option<String>,
    /// The fault to apply.
    pub fault: Fault,
    /// Number of requests to apply it to; `None` until the rules are cleared.
    pub times: Option<u64>,
    /// Probability of applying it to a matching request, 0 to 1; `None` for always.
    pub probability: Option<f64>,
    /// Number of requests it was applied to.
    #[serde(skip_deserializing)]
    pub hits: u64,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Delays the request by `ms`.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// Resets the connection before the request is handled.
    Reset,
    /// Handles the request, then resets the connection instead of responding.
    ResetAfter,
    /// Responds with this status without handling the request.
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
    },
    /// Handles the request, sends half of the response, then resets the connection.
    Truncate,
    /// Handles the request and sends the response in chunks of `bytes`, `ms` apart.
    SlowDrip {
        /// Bytes per chunk.
        bytes: usize,
        /// Milliseconds between chunks.
        ms: u64,
    },
}

impl Default for Fault {
    fn default() -> Self {
        Self::Latency { ms: 0 }
    }
}

/// The faults selected for one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InjectedFaults {
    pub(crate) latency_ms: u64,
    pub(crate) fault: Option<Fault>,
}

/// The rules of one provider.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    rng: SeededRng,
}

impl Faults {
    pub(crate) fn new(rng: SeededRng) -> Self {
        Self { rules: Vec::new(), rng }
    }

    pub(crate) fn add(&mut self, rules: impl IntoIterator<Item = FaultRule>) {
        self.rules.extend(rules);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// Selects the faults for one request and counts the hits of their rules.
    pub(crate) fn select(&mut self, method: &Method, path: &str, resource: Option<&str>) -> InjectedFaults {
        let mut selected = InjectedFaults::default();
        for rule in &mut self.rules {
            let is_latency = matches!(rule.fault, Fault::Latency { .. });
            let is_decided = if is_latency { selected.latency_ms > 0 } else { selected.fault.is_some() };
            if is_decided || !rule.matches(method, path, resource) || !rule.fires(&mut self.rng) {
                continue;
            }
            rule.hits += 1;
            match rule.fault {
                Fault::Latency { ms } => selected.latency_ms = ms,
                fault => selected.fault = Some(fault),
            }
        }
        selected
    }
}

impl FaultRule {
    fn matches(&self, method: &Method, path: &str, resource: Option<&str>) -> bool {
        self.times.is_none_or(|times| self.hits < times)
            && self.method.as_deref().is_none_or(|expected| expected.eq_ignore_ascii_case(method.as_str()))
            && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.location.as_deref().is_none_or(|expected| resource == Some(expected))
    }

    fn fires(&self, rng: &mut SeededRng) -> bool {
        const SCALE: u32 = 1 << 24;
        self.probability.is_none_or(|probability| (rng.below(SCALE.into()) as f64) < probability * f64::from(SCALE))
    }
}

/// Resets the connection and never responds. An in-process call has no connection: its response body fails instead.
pub(crate) async fn reset(connection: Option<&ResetHandle>) -> Response {
    let Some(connection) = connection else { return interrupted(Bytes::new()) };
    connection.reset();
    std::future::pending().await
}

/// Applies a fault to a finished response.
pub(crate) async fn damage(
    response: Response,
    fault: Fault,
    connection: Option<&ResetHandle>,
    clock: &Clock,
) -> Response {
    match fault {
        Fault::ResetAfter => reset(connection).await,
        Fault::Truncate => truncate(response).await,
        Fault::SlowDrip { bytes, ms } => slow_drip(response, bytes.max(1), ms, clock.clone()).await,
        Fault::Latency { .. } | Fault::Reset | Fault::Status { .. } => response,
    }
}

async fn truncate(response: Response) -> Response {
    let (mut head, bytes) = buffer(response).await;
    head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let (_, body) = interrupted(half).into_parts();
    Response::from_parts(head, body)
}

async fn slow_drip(response: Response, chunk_bytes: usize, ms: u64, clock: Clock) -> Response {
    let (mut head, bytes) = buffer(response).await;
    head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let chunks = stream::unfold((bytes, clock), move |(mut rest, clock)| async move {
        if rest.is_empty() {
            return None;
        }
        clock.sleep(ms).await;
        let chunk = rest.split_to(chunk_bytes.min(rest.len()));
        Some((Ok::<_, std::io::Error>(chunk), (rest, clock)))
    });
    Response::from_parts(head, Body::from_stream(chunks))
}

async fn buffer(response: Response) -> (http::response::Parts, Bytes) {
    let (head, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_RESPONSE_BYTES).await.unwrap_or_default();
    (head, bytes)
}

/// Returns a response whose body fails after `start`.
fn interrupted(start: Bytes) -> Response {
    let end = async {
        // Yields so that the first part is sent before the connection ends.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    Response::new(Body::from_stream(stream::iter([Ok(start)]).chain(stream::once(end))))
}
