//! A small sandbox with a real client that calls it over HTTP.

use calcom_client::bookings::NewAttendee;
use calcom_client::{CalcomClient, CalcomClientBuilder, CalcomEvent, CalcomVerifier, Profile};
use http::HeaderMap;
use provider_sandbox::calcom::Attendee;
use provider_sandbox::{Calcom, Sandbox};
use serde_json::json;
use sidecar_core::Timestamp;
use sidecar_core::retry::RetryPolicy;
use sidecar_core::signature::{Delivery, Verifier};

use crate::receiver::{Receiver, sleep_ms};

/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) const START_MS: i64 = 1_795_435_200_000;

pub(crate) const SECRET: &str = "whsec_of_the_test";

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

    /// Books as an attendee on the booking page and returns the uid.
    pub(crate) fn book(&self, slug: &str, start: &str) -> String {
        let attendee = Attendee::new("Ann Example", "ann@example.com").phone("+4915112345678");
        let metadata = json!({"organizationId": "org_1"});
        let created = self.calcom.book(self.event_type(slug), ms(start), &attendee, &metadata).unwrap();
        created["uid"].as_str().unwrap().to_owned()
    }

    /// Returns the start times of the free slots of an event type on a day.
    pub(crate) async fn starts(&self, slug: &str, day: &str) -> Vec<String> {
        let slots = self.client.slots().list(self.event_type(slug)).days(day, day).await.unwrap();
        slots.iter().map(|slot| slot.start.as_str()[11..16].to_owned()).collect()
    }

    /// Waits until no delivery is pending.
    pub(crate) async fn wait_for_deliveries(&self) {
        for _ in 0..1_000 {
            if self.calcom.counts().webhooks.pending == 0 {
                return;
            }
            sleep_ms(5).await;
        }
        panic!("deliveries are still pending: {:?}", self.calcom.counts().webhooks);
    }
}

/// Returns the builder of a client without retries.
pub(crate) fn builder(calcom: &Calcom) -> CalcomClientBuilder {
    let builder = CalcomClient::builder().base_url(calcom.base_url()).profile(Profile::Cloud);
    builder.retry(RetryPolicy::never())
}

impl Receiver {
    /// Listens, and subscribes to every event.
    pub(crate) async fn start(fixture: &Fixture, statuses: &[u16]) -> Self {
        let receiver = Self::listen(statuses).await;
        fixture.calcom.subscribe(&receiver.url, SECRET);
        receiver
    }

    /// Returns the deliveries, verified and parsed by the real client.
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
