//! Sends finished events: many at once, again as often as the provider's persistence wants, lost after that.
//! What a test orders (hold, duplicates, disorder, drops) happens here too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::settings::{WebhookOrder, WebhookSettings};
use crate::clock::Clock;
use crate::dice::SharedDice;
use crate::lock;

/// Deliveries under way at once.
const WORKERS: usize = 16;
/// Longest random delay of a disordered delivery, in milliseconds.
const DISORDER_MS: u64 = 250;

/// What became of the deliveries.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WebhookCounts {
    /// Events made.
    pub events: u64,
    /// Events made while no URL was known.
    pub unaddressed: u64,
    /// Requests sent, copies and re-sends included.
    pub attempts: u64,
    /// Deliveries answered 2xx.
    pub delivered: u64,
    /// Answers of 429.
    pub throttled: u64,
    /// Deliveries given up: an answer after which the provider does not send again, or refusals to the end.
    pub lost: u64,
    /// Events dropped to order.
    pub dropped: u64,
    /// Events held now.
    pub held: u64,
    /// Deliveries not yet ended.
    pub pending: u64,
    /// Events made, by type.
    pub by_type: BTreeMap<String, u64>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not ended yet.
    Pending,
    /// Answered 2xx.
    Delivered,
    /// Given up.
    Lost,
}

/// One event's way to the app (copies share it).
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// The event's id; GHL's events have it in their bodies.
    pub webhook_id: String,
    /// The event's type.
    pub kind: String,
    /// Status of every answer, in order; 0 = none came.
    pub answers: Vec<u16>,
    /// How it stands.
    pub outcome: Outcome,
    #[serde(skip)]
    event: Event,
}

impl Delivery {
    /// What was sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.event.body
    }
}

/// A signed event on its way.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) webhook_id: String,
    pub(crate) kind: String,
    /// Where it goes; none = to the address of the settings at the time.
    pub(crate) url: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// When a provider sends again, beside what the settings say of how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Persistence {
    /// After which answers (0 = none came).
    pub(crate) again: fn(u16) -> bool,
    /// What each wait is of the one before, in percent.
    pub(crate) growth_percent: u64,
}

/// Queues and sends.
#[derive(Debug)]
pub(crate) struct Mailer {
    clock: Clock,
    persistence: Persistence,
    defaults: WebhookSettings,
    dice: SharedDice,
    settings: Mutex<WebhookSettings>,
    held: Mutex<Vec<Event>>,
    log: Mutex<BTreeMap<String, Delivery>>,
    counts: Mutex<WebhookCounts>,
    serial: AtomicU64,
    workers: Semaphore,
    http: reqwest::Client,
    queue: mpsc::UnboundedSender<Event>,
}

impl Mailer {
    /// A mailer and the queue that [`Mailer::run`] empties.
    pub(crate) fn new(
        seed: u64,
        clock: Clock,
        persistence: Persistence,
        defaults: WebhookSettings,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Event>), reqwest::Error> {
        // A second installation of the same provider is refused, which is what we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (queue, events) = mpsc::unbounded_channel();
        let mailer = Self {
            clock,
            persistence,
            settings: Mutex::new(defaults.clone()),
            defaults,
            dice: SharedDice::new(seed, &[0x3A11]),
            held: Mutex::default(),
            log: Mutex::default(),
            counts: Mutex::default(),
            serial: AtomicU64::new(0),
            workers: Semaphore::new(WORKERS),
            http: reqwest::Client::builder().no_proxy().build()?,
            queue,
        };
        Ok((Arc::new(mailer), events))
    }

    /// Sends queued events until it is dropped, and with it every delivery under way.
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

    /// Every event that was sent or tried, by webhookId.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.log).values().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.held).clear();
        lock(&self.log).retain(|_, delivery| delivery.outcome == Outcome::Pending);
        let mut counts = lock(&self.counts);
        *counts = WebhookCounts { pending: counts.pending, ..WebhookCounts::default() };
    }

    pub(crate) fn reset_settings(&self) {
        let mut settings = lock(&self.settings);
        *settings = WebhookSettings { url: settings.url.take(), ..self.defaults.clone() };
    }

    /// Changes settings; releasing sends what was held.
    pub(crate) fn order(&self, order: &WebhookOrder) {
        let settings = {
            let mut settings = lock(&self.settings);
            settings.follow(order);
            settings.clone()
        };
        if !settings.hold {
            self.release(&settings);
        }
        if order.redeliver_lost {
            let lost: Vec<Event> = lock(&self.log)
                .values()
                .filter(|sent| sent.outcome == Outcome::Lost)
                .map(|sent| sent.event.clone())
                .collect();
            lost.into_iter().for_each(|event| self.enqueue(event));
        }
    }

    /// A new event's id.
    pub(crate) fn new_id(&self) -> String {
        uuid::Uuid::from_u64_pair(self.serial.fetch_add(1, Ordering::Relaxed), self.dice.throw(|dice| dice.next()))
            .to_string()
    }

    /// Counts an event that nobody has asked for.
    pub(crate) fn unaddressed(&self, kind: &str) {
        let mut counts = lock(&self.counts);
        counts.events += 1;
        counts.unaddressed += 1;
        *counts.by_type.entry(kind.to_owned()).or_default() += 1;
    }

    /// Sends an event, as far and as often as the settings want.
    pub(crate) fn send(&self, event: &Event) {
        let settings = self.settings();
        {
            let mut counts = lock(&self.counts);
            counts.events += 1;
            *counts.by_type.entry(event.kind.clone()).or_default() += 1;
            if event.url.is_none() && settings.url.is_none() {
                counts.unaddressed += 1;
                return;
            }
            if self.dice.throw(|dice| dice.percent(settings.drop_percent.into())) {
                counts.dropped += 1;
                return;
            }
        }
        let copies = settings.duplicate.saturating_add(1);
        for _ in 0..copies {
            match settings.hold {
                true => lock(&self.held).push(event.clone()),
                false => self.enqueue(event.clone()),
            }
        }
    }

    fn release(&self, settings: &WebhookSettings) {
        let mut events = std::mem::take(&mut *lock(&self.held));
        if settings.shuffle {
            self.dice.throw(|dice| dice.shuffle(&mut events));
        }
        events.into_iter().for_each(|event| self.enqueue(event));
    }

    fn enqueue(&self, event: Event) {
        let delivery = Delivery {
            webhook_id: event.webhook_id.clone(),
            kind: event.kind.clone(),
            answers: Vec::new(),
            outcome: Outcome::Pending,
            event: event.clone(),
        };
        lock(&self.log).entry(event.webhook_id.clone()).or_insert(delivery).outcome = Outcome::Pending;
        // Counted first: it may end before the queue's answer is here.
        lock(&self.counts).pending += 1;
        // The queue ends only with the sandbox; nobody is left to tell then.
        let _ = self.queue.send(event);
    }

    async fn deliver(self: Arc<Self>, event: Event) {
        if self.settings().shuffle {
            self.clock.sleep(self.dice.throw(|dice| dice.below(DISORDER_MS))).await;
        }
        let mut resent = 0;
        let outcome = loop {
            let status = self.attempt(&event).await;
            let settings = self.settings();
            match status {
                200..=299 => break Outcome::Delivered,
                refused if resent < settings.resends && (self.persistence.again)(refused) => {
                    resent += 1;
                    let jitter = self.dice.throw(|dice| dice.below(settings.resend_jitter_ms.saturating_add(1)));
                    let wait = self.persistence.wait_ms(settings.resend_interval_ms, resent).saturating_add(jitter);
                    let wait = i64::try_from(wait).unwrap_or(i64::MAX);
                    self.clock.sleep_until(self.clock.now_ms().saturating_add(wait)).await;
                }
                _ => break Outcome::Lost,
            }
        };
        self.finish(&event, outcome);
    }

    async fn attempt(&self, event: &Event) -> u16 {
        let settings = self.settings();
        let Some(url) = event.url.clone().or(settings.url) else { return 0 };
        let Ok(_worker) = self.workers.acquire().await else {
            return 0;
        };
        lock(&self.counts).attempts += 1;
        let request = self
            .http
            .post(url)
            .headers(event.headers.clone())
            .timeout(Duration::from_millis(settings.timeout_ms))
            .body(event.body.clone());
        let status = request.send().await.map_or(0, |answer| answer.status().as_u16());
        if let Some(delivery) = lock(&self.log).get_mut(&event.webhook_id) {
            delivery.answers.push(status);
        }
        lock(&self.counts).throttled += u64::from(status == 429);
        status
    }

    fn finish(&self, event: &Event, outcome: Outcome) {
        if let Some(delivery) = lock(&self.log).get_mut(&event.webhook_id) {
            // One delivered copy is enough.
            if delivery.outcome != Outcome::Delivered {
                delivery.outcome = outcome;
            }
        }
        let mut counts = lock(&self.counts);
        counts.pending -= 1;
        match outcome {
            Outcome::Delivered => counts.delivered += 1,
            Outcome::Lost => counts.lost += 1,
            Outcome::Pending => {}
        }
    }
}

impl Persistence {
    /// The wait before the `turn`th sending again (from 1 on), in milliseconds.
    fn wait_ms(self, first_ms: u64, turn: u32) -> u64 {
        (1..turn).fold(first_ms, |wait, _| wait.saturating_mul(self.growth_percent) / 100)
    }
}
