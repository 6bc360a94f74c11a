//! Signed deliveries, a sender that retries until acknowledged, and one that sends at a fixed rate.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, header::RETRY_AFTER};
use provider_sandbox::Sandbox;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock, Timestamp};

/// Concurrent requests.
pub(crate) const IN_FLIGHT: usize = 64;

/// A signed delivery.
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Signs a delivery as GHL does.
pub(crate) fn signed(sandbox: &Sandbox, mut body: Value, at: Timestamp) -> Arc<Delivery> {
    let id = uuid::Uuid::new_v4().to_string();
    (body["webhookId"], body["timestamp"]) = (json!(id), json!(at.to_string()));
    let (headers, body) = sandbox.ghl().sign_delivery(&body);
    Arc::new(Delivery { id, headers, body })
}

impl Delivery {
    /// Sends it once.
    pub(crate) async fn post(&self, http: &reqwest::Client, url: &str) -> reqwest::Result<reqwest::Response> {
        http.post(url).headers(self.headers.clone()).body(self.body.clone()).send().await
    }
}

/// A sender that retries each delivery until it is acknowledged.
pub(crate) struct RetryingSender {
    queue: Mutex<VecDeque<Arc<Delivery>>>,
    pub(crate) acknowledged: Mutex<BTreeSet<String>>,
    pub(crate) in_flight: AtomicUsize,
    /// Requests without a response.
    pub(crate) unanswered: AtomicUsize,
    /// Requests without a response whose connection was established.
    pub(crate) broken: AtomicUsize,
}

impl RetryingSender {
    pub(crate) fn new(deliveries: impl IntoIterator<Item = Arc<Delivery>>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::new(deliveries.into_iter().collect()),
            acknowledged: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
        })
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.queue.lock().unwrap().is_empty() && self.in_flight.load(Ordering::SeqCst) == 0
    }

    /// Runs one of the concurrent senders until everything is acknowledged.
    pub(crate) async fn send_all(self: Arc<Self>, http: reqwest::Client, url: String) {
        while !self.is_done() {
            let next = {
                let mut queue = self.queue.lock().unwrap();
                let next = queue.pop_front();
                self.in_flight.fetch_add(usize::from(next.is_some()), Ordering::SeqCst);
                next
            };
            let Some(delivery) = next else {
                SystemClock::new().sleep(Duration::from_millis(5)).await;
                continue;
            };
            match delivery.post(&http, &url).await.map(|response| response.status()) {
                Ok(StatusCode::OK) => drop(self.acknowledged.lock().unwrap().insert(delivery.id.clone())),
                Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => self.requeue(delivery).await,
                Ok(status) => panic!("{} got status {status}", delivery.id),
                Err(error) => {
                    self.unanswered.fetch_add(1, Ordering::SeqCst);
                    self.broken.fetch_add(usize::from(!error.is_connect()), Ordering::SeqCst);
                    self.requeue(delivery).await;
                }
            }
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }

    async fn requeue(&self, delivery: Arc<Delivery>) {
        SystemClock::new().sleep(Duration::from_millis(20)).await;
        self.queue.lock().unwrap().push_back(delivery);
    }
}

/// The result of one request.
pub(crate) struct SendResult {
    pub(crate) id: String,
    pub(crate) sent: Duration,
    pub(crate) responded: Duration,
    /// `None` if the connection broke.
    pub(crate) status: Option<StatusCode>,
    pub(crate) retry_after: bool,
}

impl SendResult {
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.status == Some(StatusCode::OK)
    }

    /// Returns `true` for 429 with `Retry-After`.
    pub(crate) fn has_retry_after(&self) -> bool {
        self.status == Some(StatusCode::TOO_MANY_REQUESTS) && self.retry_after
    }

    pub(crate) fn took(&self) -> Duration {
        self.responded - self.sent
    }
}

/// Sends each delivery once at a fixed rate, regardless of earlier responses; all times are those of `clock`.
pub(crate) async fn send_at_rate(
    clock: SystemClock,
    http: reqwest::Client,
    url: String,
    deliveries: Vec<Arc<Delivery>>,
    per_second: u32,
) -> Vec<SendResult> {
    let begin = clock.monotonic();
    let mut requests = Vec::new();
    for (n, delivery) in (0_u32..).zip(deliveries) {
        let due = begin + Duration::from_secs(1) * n / per_second;
        clock.sleep(due.saturating_sub(clock.monotonic())).await;
        requests.push(tokio::spawn(once(clock.clone(), http.clone(), url.clone(), delivery)));
    }
    join_all(requests).await.into_iter().map(Result::unwrap).collect()
}

async fn once(clock: SystemClock, http: reqwest::Client, url: String, delivery: Arc<Delivery>) -> SendResult {
    let sent = clock.monotonic();
    let response = delivery.post(&http, &url).await.ok();
    SendResult {
        id: delivery.id.clone(),
        sent,
        responded: clock.monotonic(),
        status: response.as_ref().map(reqwest::Response::status),
        retry_after: response.is_some_and(|response| response.headers().contains_key(RETRY_AFTER)),
    }
}
