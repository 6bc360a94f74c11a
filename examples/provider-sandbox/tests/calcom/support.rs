//! A small sandbox and the real client on it, over the wire.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use calcom_client::bookings::NewAttendee;
use calcom_client::{CalcomClient, CalcomClientBuilder, CalcomEvent, CalcomVerifier, Profile};
use http::{HeaderMap, StatusCode};
use provider_sandbox::calcom::Attendee;
use provider_sandbox::{Calcom, Sandbox};
use serde_json::{Value, json};
use sidecar_core::Timestamp;
use sidecar_core::retry::RetryPolicy;
use sidecar_core::signature::{Delivery, Verifier};

/// A Monday, 2026-11-23T12:00:00Z.
pub(crate) const START_MS: i64 = 1_795_435_200_000;

pub(crate) const SECRET: &str = "whsec_of_the_test";

/// Waits on the runtime's clock.
pub(crate) async fn sleep_ms(ms: u64) {
    provider_sandbox::clock::Clock::system().sleep(ms).await;
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn ms(text: &str) -> i64 {
    at(text).as_millis()
}

pub(crate) fn ann() -> NewAttendee {
    NewAttendee::new("Ann Example", "ann@example.com", "Europe/Berlin").phone("+4915112345678")
}

/// A sandbox and a client with the account's key.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) calcom: Calcom,
    pub(crate) client: CalcomClient,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::builder().seed(7).contacts(1).locations(1).start_ms(START_MS).start().await.unwrap();
        let calcom = sandbox.calcom();
        let client = builder(&calcom).api_key(calcom.api_key().to_owned()).build().unwrap();
        Self { sandbox, calcom, client }
    }

    pub(crate) fn event_type(&self, slug: &str) -> i64 {
        self.calcom.event_type_id(slug).unwrap()
    }

    /// Somebody books on the public page; says the uid.
    pub(crate) fn book(&self, slug: &str, start: &str) -> String {
        let attendee = Attendee::new("Ann Example", "ann@example.com").phone("+4915112345678");
        let metadata = json!({"organizationId": "org_1"});
        let created = self.calcom.book(self.event_type(slug), ms(start), &attendee, &metadata).unwrap();
        created["uid"].as_str().unwrap().to_owned()
    }

    /// The starts of the free slots of an event type on a day.
    pub(crate) async fn starts(&self, slug: &str, day: &str) -> Vec<String> {
        let slots = self.client.slots().list(self.event_type(slug)).days(day, day).await.unwrap();
        slots.iter().map(|slot| slot.start.as_str()[11..16].to_owned()).collect()
    }

    /// Waits until no delivery is under way.
    pub(crate) async fn wait_for_deliveries(&self) {
        for _ in 0..1_000 {
            if self.calcom.counts().webhooks.pending == 0 {
                return;
            }
            sleep_ms(5).await;
        }
        panic!("deliveries do not end: {:?}", self.calcom.counts().webhooks);
    }
}

/// A builder for the stand-in, which tries once.
pub(crate) fn builder(calcom: &Calcom) -> CalcomClientBuilder {
    let builder = CalcomClient::builder().base_url(calcom.base_url()).profile(Profile::Cloud);
    builder.retry(RetryPolicy::never())
}

/// Takes deliveries, answering with the given statuses in turn and 200 afterwards.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    received: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    statuses: Arc<Mutex<Vec<u16>>>,
    pub(crate) url: String,
}

impl Receiver {
    /// Listens, without being subscribed.
    pub(crate) async fn listen(statuses: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            statuses: Arc::new(Mutex::new(statuses.iter().rev().copied().collect())),
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// Listens to everything.
    pub(crate) async fn start(fixture: &Fixture, statuses: &[u16]) -> Self {
        let receiver = Self::listen(statuses).await;
        fixture.calcom.subscribe(&receiver.url, SECRET);
        receiver
    }

    pub(crate) fn raw(&self) -> Vec<(HeaderMap, Bytes)> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.raw().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    /// What was received, verified and parsed by the real client.
    pub(crate) fn events(&self) -> Vec<CalcomEvent> {
        self.raw()
            .iter()
            .map(|(headers, body)| {
                assert!(verifies(headers, body));
                CalcomEvent::parse(body).unwrap()
            })
            .collect()
    }
}

pub(crate) fn verifies(headers: &HeaderMap, body: &[u8]) -> bool {
    let verifier = CalcomVerifier::new([SECRET.into()]).unwrap();
    verifier.verify(Delivery { headers, body, received_at: Timestamp::from_millis(START_MS) }).is_ok()
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.received.lock().unwrap().push((headers, body));
    let status = receiver.statuses.lock().unwrap().pop().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}
