//! Those who deliver: signed deliveries, a sender that does not give up, and one that keeps a pace whatever it is answered.

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

/// Deliveries that are under way together.
pub(crate) const IN_FLIGHT: usize = 64;

/// A signed delivery.
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A delivery as the provider signs it.
pub(crate) fn signed(sandbox: &Sandbox, mut body: Value, at: Timestamp) -> Arc<Delivery> {
    let id = uuid::Uuid::new_v4().to_string();
    (body["webhookId"], body["timestamp"]) = (json!(id), json!(at.to_string()));
    let (headers, body) = sandbox.ghl().sign_delivery(&body);
    Arc::new(Delivery { id, headers, body })
}

impl Delivery {
    /// Delivers it once.
    pub(crate) async fn post(&self, http: &reqwest::Client, url: &str) -> reqwest::Result<reqwest::Response> {
        http.post(url).headers(self.headers.clone()).body(self.body.clone()).send().await
    }
}

/// A sender that does not give up: what was not acknowledged is sent again.
pub(crate) struct Sender {
    queue: Mutex<VecDeque<Arc<Delivery>>>,
    pub(crate) acknowledged: Mutex<BTreeSet<String>>,
    pub(crate) in_flight: AtomicUsize,
    /// Requests that got no answer.
    pub(crate) unanswered: AtomicUsize,
    /// Those of them that had found a server.
    pub(crate) broken: AtomicUsize,
}

impl Sender {
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

    /// One of the senders that are in flight together.
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
            match delivery.post(&http, &url).await.map(|answer| answer.status()) {
                Ok(StatusCode::OK) => drop(self.acknowledged.lock().unwrap().insert(delivery.id.clone())),
                Ok(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => self.again(delivery).await,
                Ok(status) => panic!("{} was answered {status}", delivery.id),
                Err(error) => {
                    self.unanswered.fetch_add(1, Ordering::SeqCst);
                    self.broken.fetch_add(usize::from(!error.is_connect()), Ordering::SeqCst);
                    self.again(delivery).await;
                }
            }
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
    }

    async fn again(&self, delivery: Arc<Delivery>) {
        SystemClock::new().sleep(Duration::from_millis(20)).await;
        self.queue.lock().unwrap().push_back(delivery);
    }
}

/// What became of one request.
pub(crate) struct Answered {
    pub(crate) id: String,
    pub(crate) sent: Duration,
    pub(crate) answered: Duration,
    /// None: the connection broke.
    pub(crate) status: Option<StatusCode>,
    pub(crate) retry_after: bool,
}

impl Answered {
    pub(crate) fn is_kept(&self) -> bool {
        self.status == Some(StatusCode::OK)
    }

    /// Told to come again, and when.
    pub(crate) fn is_put_off(&self) -> bool {
        self.status == Some(StatusCode::TOO_MANY_REQUESTS) && self.retry_after
    }

    pub(crate) fn took(&self) -> Duration {
        self.answered - self.sent
    }
}

/// Sends each delivery once, so many a second, whatever becomes of those before; all times are `clock`'s.
pub(crate) async fn at_a_pace(
    clock: SystemClock,
    http: reqwest::Client,
    url: String,
    deliveries: Vec<Arc<Delivery>>,
    per_second: u32,
) -> Vec<Answered> {
    let begin = clock.monotonic();
    let mut under_way = Vec::new();
    for (n, delivery) in (0_u32..).zip(deliveries) {
        let due = begin + Duration::from_secs(1) * n / per_second;
        clock.sleep(due.saturating_sub(clock.monotonic())).await;
        under_way.push(tokio::spawn(once(clock.clone(), http.clone(), url.clone(), delivery)));
    }
    join_all(under_way).await.into_iter().map(Result::unwrap).collect()
}

async fn once(clock: SystemClock, http: reqwest::Client, url: String, delivery: Arc<Delivery>) -> Answered {
    let sent = clock.monotonic();
    let answer = delivery.post(&http, &url).await.ok();
    Answered {
        id: delivery.id.clone(),
        sent,
        answered: clock.monotonic(),
        status: answer.as_ref().map(reqwest::Response::status),
        retry_after: answer.is_some_and(|answer| answer.headers().contains_key(RETRY_AFTER)),
    }
}
