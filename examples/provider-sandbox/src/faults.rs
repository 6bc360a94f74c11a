//! Faults made to order: which requests they hit, how often, and what they do to the answer. The same for every provider,
//! each of which has rules of its own.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, header};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::connection::Cut;
use crate::dice::Dice;

/// Largest answer a fault cuts or drips, in bytes.
const BODY_LIMIT: usize = 32 << 20;

/// One rule; a request is hit by the first latency and the first other fault that match.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRule {
    /// Only this method.
    pub method: Option<String>,
    /// Only paths that begin so (without the provider's prefix).
    pub path: Option<String>,
    /// Only requests whose token speaks for this location or company; Cal.com has none.
    pub location: Option<String>,
    /// What happens.
    pub fault: Fault,
    /// How many requests it hits before it ends by itself; none = until cleared.
    pub times: Option<u64>,
    /// Chance of hitting a matching request, 0 to 1; none = always.
    pub probability: Option<f64>,
    /// How many it hit.
    #[serde(skip_deserializing)]
    pub hits: u64,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The answer comes `ms` later.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is reset before the request is looked at.
    Reset,
    /// The request is carried out, then the connection is reset instead of an answer.
    ResetAfter,
    /// This status instead of carrying the request out.
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
    },
    /// The request is carried out; half of the answer arrives, then the connection ends.
    Truncate,
    /// The request is carried out; the answer arrives `bytes` at a time, `ms` apart.
    SlowDrip {
        /// Bytes in a piece.
        bytes: usize,
        /// Milliseconds between pieces.
        ms: u64,
    },
}

impl Default for Fault {
    fn default() -> Self {
        Self::Latency { ms: 0 }
    }
}

/// What the rules say about one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Orders {
    pub(crate) latency_ms: u64,
    pub(crate) fault: Option<Fault>,
}

/// The rules in force.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    dice: Dice,
}

impl Faults {
    pub(crate) fn new(dice: Dice) -> Self {
        Self { rules: Vec::new(), dice }
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

    /// Decides for one request and counts the hits.
    pub(crate) fn strike(&mut self, method: &Method, path: &str, resource: Option<&str>) -> Orders {
        let mut orders = Orders::default();
        for rule in &mut self.rules {
            let delays = matches!(rule.fault, Fault::Latency { .. });
            let taken = if delays { orders.latency_ms > 0 } else { orders.fault.is_some() };
            if taken || !rule.matches(method, path, resource) || !rule.chance(&mut self.dice) {
                continue;
            }
            rule.hits += 1;
            match rule.fault {
                Fault::Latency { ms } => orders.latency_ms = ms,
                fault => orders.fault = Some(fault),
            }
        }
        orders
    }
}

impl FaultRule {
    fn matches(&self, method: &Method, path: &str, resource: Option<&str>) -> bool {
        self.times.is_none_or(|times| self.hits < times)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.location.as_deref().is_none_or(|wanted| resource == Some(wanted))
    }

    fn chance(&self, dice: &mut Dice) -> bool {
        const SCALE: u32 = 1 << 24;
        self.probability.is_none_or(|chance| (dice.below(SCALE.into()) as f64) < chance * f64::from(SCALE))
    }
}

/// Cuts the connection and never answers; without a connection (in process) the answer's body fails.
pub(crate) async fn reset(cut: Option<&Cut>) -> Response {
    let Some(cut) = cut else { return broken(Bytes::new()) };
    cut.now();
    std::future::pending().await
}

/// Does to a finished answer what the fault wants.
pub(crate) async fn spoil(answer: Response, fault: Fault, cut: Option<&Cut>, clock: &Clock) -> Response {
    match fault {
        Fault::ResetAfter => reset(cut).await,
        Fault::Truncate => truncate(answer).await,
        Fault::SlowDrip { bytes, ms } => drip(answer, bytes.max(1), ms, clock.clone()).await,
        Fault::Latency { .. } | Fault::Reset | Fault::Status { .. } => answer,
    }
}

async fn truncate(answer: Response) -> Response {
    let (mut head, bytes) = read(answer).await;
    head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let half = bytes.slice(..bytes.len() / 2);
    let (_, body) = broken(half).into_parts();
    Response::from_parts(head, body)
}

async fn drip(answer: Response, piece: usize, ms: u64, clock: Clock) -> Response {
    let (mut head, bytes) = read(answer).await;
    head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
    let pieces = stream::unfold((bytes, clock), move |(mut rest, clock)| async move {
        if rest.is_empty() {
            return None;
        }
        clock.sleep(ms).await;
        let now = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, std::io::Error>(now), (rest, clock)))
    });
    Response::from_parts(head, Body::from_stream(pieces))
}

async fn read(answer: Response) -> (http::response::Parts, Bytes) {
    let (head, body) = answer.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    (head, bytes)
}

fn broken(start: Bytes) -> Response {
    let end = async {
        // A turn of the runtime, so that the first part is sent before the connection ends.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    Response::new(Body::from_stream(stream::iter([Ok(start)]).chain(stream::once(end))))
}
