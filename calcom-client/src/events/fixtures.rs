//! A realistic delivery of every kind, for the tests of applications that receive webhooks. Feature `test-util`.
//!
//! `fixtures.json` has the bodies, one a line. They follow the provider's guide
//! (<https://cal.com/docs/developing/guides/automation/webhooks>) and its published source.
//!
//! ```
//! use calcom_client::{CalcomEvent, CalcomVerifier, events::{EventKind, fixtures}};
//! use sidecar_core::{Timestamp, signature::{Delivery, Verifier}};
//!
//! let delivery = fixtures::of(&EventKind::BookingCreated).set("uid", "bk_1").signed("whsec_test");
//!
//! // The application under test:
//! let verifier = CalcomVerifier::new(["whsec_test".into()])?;
//! let received_at = Timestamp::from_secs(1_796_061_900);
//! verifier.verify(Delivery { headers: &delivery.headers, body: &delivery.body, received_at })?;
//! let event = CalcomEvent::parse(&delivery.body)?;
//! assert!(matches!(&event, CalcomEvent::BookingCreated(event) if event.data.uid.as_str() == "bk_1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Timestamp, test_util::hmac_sha256_hex};

use super::{EventKind, SIGNATURE_HEADER};

const BODIES: &str = include_str!("fixtures.json");

/// The creation time of the events, unless [`Fixture::at`] sets another: 2026-12-01T18:05:00Z.
pub const AT: Timestamp = Timestamp::from_secs(1_796_148_300);

/// Builds a delivery.
#[derive(Debug, Clone)]
#[must_use = "take its `body`, or have it `signed`"]
pub struct Fixture {
    kind: EventKind,
    flat: bool,
    created_at: Timestamp,
    payload: Map<String, Value>,
    envelope_fields: Map<String, Value>,
}

/// A signed delivery, as an application receives it.
#[derive(Debug, Clone)]
pub struct SignedDelivery {
    /// The headers, with the signature.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    #[serde(default)]
    flat: bool,
    payload: Map<String, Value>,
    #[serde(default)]
    envelope_fields: Map<String, Value>,
}

/// Returns every fixture: one of each trigger, and a ping.
pub fn all() -> Vec<Fixture> {
    let rows: Vec<Row> = serde_json::from_str(BODIES).unwrap_or_default();
    rows.into_iter().map(Fixture::new).collect()
}

/// Returns the fixture of this kind; for an unknown kind one with an empty payload.
pub fn of(kind: &EventKind) -> Fixture {
    let other = || {
        let (kind, empty) = (kind.as_str().to_owned(), Map::new());
        Fixture::new(Row { kind, flat: false, payload: empty.clone(), envelope_fields: empty })
    };
    all().into_iter().find(|fixture| fixture.kind == *kind).unwrap_or_else(other)
}

impl Fixture {
    fn new(row: Row) -> Self {
        let Row { kind, flat, payload, envelope_fields } = row;
        Self { kind: EventKind::from_name(&kind), flat, created_at: AT, payload, envelope_fields }
    }

    /// Returns the kind.
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// Sets the creation time. Meetings do not have one.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.created_at = time;
        self
    }

    /// Sets a field of the payload.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.payload.insert(field.to_owned(), value.into());
        self
    }

    /// Removes a field of the payload.
    pub fn without(mut self, field: &str) -> Self {
        self.payload.remove(field);
        self
    }

    /// Returns the body.
    pub fn body(self) -> Value {
        if self.flat {
            let mut body = self.payload;
            body.insert("triggerEvent".to_owned(), json!(self.kind));
            return Value::Object(body);
        }
        let mut body = self.envelope_fields;
        body.insert("triggerEvent".to_owned(), json!(self.kind));
        body.insert("createdAt".to_owned(), json!(self.created_at.to_string()));
        body.insert("payload".to_owned(), Value::Object(self.payload));
        Value::Object(body)
    }

    /// Returns the delivery, signed as the provider signs it.
    pub fn signed(self, secret: &str) -> SignedDelivery {
        let body = self.body().to_string().into_bytes();
        SignedDelivery { headers: hmac_sha256_hex(SIGNATURE_HEADER, secret, &body), body }
    }
}
