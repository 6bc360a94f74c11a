//! Sends events concurrently, retries them as the provider's policy says, and counts the outcomes.
//! It also applies the injected delivery faults: hold, duplicates, shuffle and drops.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::settings::{WebhookCommand, WebhookSettings};
use crate::clock::Clock;
use crate::lock;
use crate::rng::SeededRng;

/// Requests in flight at once.
const MAX_CONCURRENT_REQUESTS: usize = 16;
/// Largest random delay of a shuffled delivery, in milliseconds.
const MAX_SHUFFLE_DELAY_MS: u64 = 250;

/// Counts of events and deliveries.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WebhookCounts {
    /// Events created.
    pub events: u64,
    /// Events created without a URL or subscription to send them to.
    pub unsubscribed: u64,
    /// Requests sent, including duplicates and retries.
    pub attempts: u64,
    /// Deliveries with a 2xx response.
    pub delivered: u64,
    /// Responses with status 429.
    pub throttled: u64,
    /// Deliveries that ended without a 2xx response and are not retried.
    pub lost: u64,
    /// Events dropped by `drop_percent`.
    pub dropped: u64,
    /// Events that `hold` currently holds back.
    pub held: u64,
    /// Deliveries in progress.
    pub pending: u64,
    /// Events created, by type.
    pub by_type: BTreeMap<String, u64>,
}

/// The outcome of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// In progress.
    Pending,
    /// The receiver responded with 2xx.
    Delivered,
    /// Not delivered and not retried.
    Lost,
}

/// The delivery of one event; its duplicates share it.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// The event's id. GHL also sends it in the body.
    pub webhook_id: String,
    /// The event's type.
    pub kind: String,
    /// The response statuses in order; 0 for no response.
    pub statuses: Vec<u16>,
    /// The outcome so far.
    pub outcome: DeliveryOutcome,
    #[serde(skip)]
    event: Event,
}

impl Delivery {
    /// Returns the request body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.event.body
    }
}

/// A signed event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) webhook_id: String,
    pub(crate) kind: String,
    /// The receiver; `None` for the URL of the settings at the time of each attempt.
    pub(crate) url: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A provider's retry policy, besides the limits in the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Returns whether the provider retries after this response status; 0 for no response.
    pub(crate) is_retryable: fn(u16) -> bool,
    /// Each delay as a percentage of the one before.
    pub(crate) backoff_percent: u64,
}

/// Queues and sends events.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    clock: Clock,
    retry_policy: RetryPolicy,
    defaults: WebhookSettings,
    rng: Mutex<SeededRng>,
    settings: Mutex<WebhookSettings>,
    held: Mutex<Vec<Event>>,
    deliveries: Mutex<BTreeMap<String, Delivery>>,
    counts: Mutex<WebhookCounts>,
    next_serial: AtomicU64,
    request_slots: Semaphore,
    http: reqwest::Client,
    queue: mpsc::UnboundedSender<Event>,
}

impl Dispatcher {
    /// Returns a dispatcher and the queue that [`Dispatcher::run`] processes.
    pub(crate) fn new(
        seed: u64,
        clock: Clock,
        retry_policy: RetryPolicy,
        defaults: WebhookSettings,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Event>), reqwest::Error> {
        // Fails if the crypto provider is already installed, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (queue, events) = mpsc::unbounded_channel();
        let dispatcher = Self {
            clock,
            retry_policy,
            settings: Mutex::new(defaults.clone()),
            defaults,
            rng: Mutex::new(SeededRng::new(seed, &[0x3A11])),
            held: Mutex::default(),
            deliveries: Mutex::default(),
            counts: Mutex::default(),
            next_serial: AtomicU64::new(0),
            request_slots: Semaphore::new(MAX_CONCURRENT_REQUESTS),
            http: reqwest::Client::builder().no_proxy().build()?,
            queue,
        };
        Ok((Arc::new(dispatcher), events))
    }

    /// Sends queued events. Dropping the future aborts all deliveries.
    pub(crate) async fn run(self: Arc<Self>, mut events: mpsc::UnboundedReceiver<Event>) {
        let mut deliveries = JoinSet::new();
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => drop(deliveries.spawn(self.clone().deliver(event))),
                    None => return,
                },
                Some(_) = deliveries.join_next() => {}
            }
        }
    }

    pub(crate) fn settings(&self) -> WebhookSettings {
        lock(&self.settings).clone()
    }

    pub(crate) fn counts(&self) -> WebhookCounts {
        let held = lock(&self.held).len() as u64;
        WebhookCounts { held, ..lock(&self.counts).clone() }
    }

    /// Returns the delivery of every event that was queued, by webhook id.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.deliveries).values().cloned().collect()
    }

    /// Restores the default settings except for the URL, and removes held events, counts and finished deliveries.
    pub(crate) fn reset(&self) {
        {
            let mut settings = lock(&self.settings);
            *settings = WebhookSettings { url: settings.url.take(), ..self.defaults.clone() };
        }
        lock(&self.held).clear();
        lock(&self.deliveries).retain(|_, delivery| delivery.outcome == DeliveryOutcome::Pending);
        let mut counts = lock(&self.counts);
        *counts = WebhookCounts { pending: counts.pending, ..WebhookCounts::default() };
    }

    /// Changes the settings, and sends held and lost events where the command says so.
    pub(crate) fn apply(&self, command: &WebhookCommand) {
        let settings = {
            let mut settings = lock(&self.settings);
            settings.apply(command);
            settings.clone()
        };
        if !settings.hold {
            self.release_held(&settings);
        }
        if command.redeliver_lost {
            let lost: Vec<Event> = lock(&self.deliveries)
                .values()
                .filter(|delivery| delivery.outcome == DeliveryOutcome::Lost)
                .map(|delivery| delivery.event.clone())
                .collect();
            lost.into_iter().for_each(|event| self.enqueue(event));
        }
    }

    /// Returns an id for a new event.
    pub(crate) fn new_id(&self) -> String {
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        uuid::Uuid::from_u64_pair(serial, lock(&self.rng).next()).to_string()
    }

    /// Counts an event without a subscription.
    pub(crate) fn count_unsubscribed(&self, kind: &str) {
        let mut counts = lock(&self.counts);
        counts.events += 1;
        counts.unsubscribed += 1;
        *counts.by_type.entry(kind.to_owned()).or_default() += 1;
    }

    /// Counts an event and sends, duplicates, holds or drops it according to the settings.
    pub(crate) fn send(&self, event: &Event) {
        let settings = self.settings();
        {
            let mut counts = lock(&self.counts);
            counts.events += 1;
            *counts.by_type.entry(event.kind.clone()).or_default() += 1;
            if event.url.is_none() && settings.url.is_none() {
                counts.unsubscribed += 1;
                return;
            }
            if lock(&self.rng).percent(settings.drop_percent.into()) {
                counts.dropped += 1;
                return;
            }
        }
        let copies = settings.duplicates.saturating_add(1);
        for _ in 0..copies {
            match settings.hold {
                true => lock(&self.held).push(event.clone()),
                false => self.enqueue(event.clone()),
            }
        }
    }

    fn release_held(&self, settings: &WebhookSettings) {
        let mut events = std::mem::take(&mut *lock(&self.held));
        if settings.shuffle {
            lock(&self.rng).shuffle(&mut events);
        }
        events.into_iter().for_each(|event| self.enqueue(event));
    }

    fn enqueue(&self, event: Event) {
        let delivery = Delivery {
            webhook_id: event.webhook_id.clone(),
            kind: event.kind.clone(),
            statuses: Vec::new(),
            outcome: DeliveryOutcome::Pending,
            event: event.clone(),
        };
        lock(&self.deliveries).entry(event.webhook_id.clone()).or_insert(delivery).outcome = DeliveryOutcome::Pending;
        // Counted before sending, because the delivery may finish before `send` returns.
        lock(&self.counts).pending += 1;
        // Fails only when the sandbox is stopping.
        let _ = self.queue.send(event);
    }

    async fn deliver(self: Arc<Self>, event: Event) {
        if self.settings().shuffle {
            let delay_ms = lock(&self.rng).below(MAX_SHUFFLE_DELAY_MS);
            self.clock.sleep(delay_ms).await;
        }
        let mut retries = 0;
        let outcome = loop {
            let status = self.attempt(&event).await;
            let settings = self.settings();
            match status {
                200..=299 => break DeliveryOutcome::Delivered,
                status if retries < settings.max_retries && (self.retry_policy.is_retryable)(status) => {
                    retries += 1;
                    let jitter = lock(&self.rng).below(settings.retry_jitter_ms.saturating_add(1));
                    let delay = self.retry_policy.delay_ms(settings.retry_interval_ms, retries).saturating_add(jitter);
                    let delay = i64::try_from(delay).unwrap_or(i64::MAX);
                    self.clock.sleep_until(self.clock.now_ms().saturating_add(delay)).await;
                }
                _ => break DeliveryOutcome::Lost,
            }
        };
        self.finish(&event, outcome);
    }

    /// Sends one request and returns the response status, or 0 without a response.
    async fn attempt(&self, event: &Event) -> u16 {
        let settings = self.settings();
        let Some(url) = event.url.clone().or(settings.url) else { return 0 };
        let Ok(_slot) = self.request_slots.acquire().await else {
            return 0;
        };
        lock(&self.counts).attempts += 1;
        let request = self
            .http
            .post(url)
            .headers(event.headers.clone())
            .timeout(Duration::from_millis(settings.timeout_ms))
            .body(event.body.clone());
        let status = request.send().await.map_or(0, |response| response.status().as_u16());
        if let Some(delivery) = lock(&self.deliveries).get_mut(&event.webhook_id) {
            delivery.statuses.push(status);
        }
        lock(&self.counts).throttled += u64::from(status == 429);
        status
    }

    fn finish(&self, event: &Event, outcome: DeliveryOutcome) {
        if let Some(delivery) = lock(&self.deliveries).get_mut(&event.webhook_id) {
            // An event counts as delivered if any of its duplicates was.
            if delivery.outcome != DeliveryOutcome::Delivered {
                delivery.outcome = outcome;
            }
        }
        let mut counts = lock(&self.counts);
        counts.pending -= 1;
        match outcome {
            DeliveryOutcome::Delivered => counts.delivered += 1,
            DeliveryOutcome::Lost => counts.lost += 1,
            DeliveryOutcome::Pending => {}
        }
    }
}

impl RetryPolicy {
    /// Returns the delay before the given retry (1 for the first), in milliseconds.
    fn delay_ms(self, first_ms: u64, retry: u32) -> u64 {
        (1..retry).fold(first_ms, |delay, _| delay.saturating_mul(self.backoff_percent) / 100)
    }
}
