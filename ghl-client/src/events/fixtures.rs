//! A realistic delivery of every kind, for the tests of applications that take webhooks. Feature `test-util`.
//!
//! The bodies are in `fixtures.json`, one per line: written after the page of each event
//! (<https://marketplace.gohighlevel.com/docs/category/webhook>) and what deliveries were seen to hold beyond them.
//!
//! ```
//! use ghl_client::{GhlEvent, GhlWebhookVerifier, events::{EventKind, fixtures}};
//! use sidecar_core::{Timestamp, signature::{Delivery, Verifier}, test_util::Ed25519Signer};
//!
//! let signer = Ed25519Signer::from_seed([7; 32]);
//! let now: Timestamp = "2026-03-01T10:00:00Z".parse()?;
//! let delivery = fixtures::of(&EventKind::ContactUpdate)
//!     .webhook_id("w-1")
//!     .at(now)
//!     .set("email", "ann@example.org")
//!     .signed(&signer);
//!
//! // The application under test:
//! let verifier = GhlWebhookVerifier::with_keys([signer.public_key_pem()])?;
//! verifier.verify(Delivery { headers: &delivery.headers, body: &delivery.body, received_at: now })?;
//! let GhlEvent::ContactUpdate(event) = GhlEvent::parse(&delivery.body)? else { return Err("another kind".into()) };
//! assert_eq!(event.data.email.as_deref(), Some("ann@example.org"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Timestamp, test_util::Ed25519Signer};

use super::{EventKind, SIGNATURE_HEADER};

const BODIES: &str = include_str!("fixtures.json");

/// When the deliveries say that they happened, unless [`Fixture::at`] says otherwise: 2026-03-01T10:00:00Z.
pub const AT: Timestamp = Timestamp::from_secs(1_772_359_200);

/// A delivery in the making.
#[derive(Debug, Clone)]
#[must_use = "take its `body`, or have it `signed`"]
pub struct Fixture {
    kind: EventKind,
    about: Option<String>,
    body: Map<String, Value>,
}

/// A delivery as an application receives it.
#[derive(Debug, Clone)]
pub struct SignedDelivery {
    /// With the signature.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    about: Option<String>,
    body: Map<String, Value>,
}

/// Every fixture; some kinds have several, such as a text, a call and an e-mail of `InboundMessage`.
pub fn all() -> Vec<Fixture> {
    let rows: Vec<Row> = serde_json::from_str(BODIES).unwrap_or_default();
    rows.into_iter().map(Fixture::new).collect()
}

/// The (first) fixture of this kind. An unknown kind gives a body with nothing but its name and an id.
pub fn of(kind: &EventKind) -> Fixture {
    let other = || {
        Fixture::new(Row {
            kind: kind.as_str().to_owned(),
            about: None,
            body: Map::from_iter([("type".to_owned(), json!(kind)), ("id".to_owned(), json!("x"))]),
        })
    };
    all().into_iter().find(|fixture| fixture.kind == *kind).unwrap_or_else(other)
}

impl Fixture {
    fn new(row: Row) -> Self {
        let mut body = row.body;
        let envelope = [
            ("appId", json!("66b1f0c2e4b0a1d2c3e4f5a6")),
            ("versionId", json!("66b1f0c2e4b0a1d2c3e4f5a7")),
            ("webhookId", json!(format!("fixture-{}", row.kind))),
            ("timestamp", json!(AT.to_string())),
        ];
        body.extend(envelope.map(|(name, value)| (name.to_owned(), value)));
        Self { kind: EventKind::from_name(&row.kind), about: row.about, body }
    }

    /// Its kind.
    pub fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// The difference from the first fixture of its kind, such as `an e-mail`.
    pub fn about(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// With this `webhookId`; repetitions of a delivery have the same.
    pub fn webhook_id(self, id: impl Into<String>) -> Self {
        self.set("webhookId", id.into())
    }

    /// Happened then (`timestamp`).
    pub fn at(self, time: Timestamp) -> Self {
        self.set("timestamp", time.to_string())
    }

    /// With this value in a field of the body.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.body.insert(field.to_owned(), value.into());
        self
    }

    /// Without a field of the body.
    pub fn without(mut self, field: &str) -> Self {
        self.body.remove(field);
        self
    }

    /// The body.
    pub fn body(self) -> Value {
        Value::Object(self.body)
    }

    /// The delivery, signed as the provider signs: give the signer's public key to
    /// [`GhlWebhookVerifier::with_keys`](super::GhlWebhookVerifier::with_keys).
    pub fn signed(self, signer: &Ed25519Signer) -> SignedDelivery {
        let body = self.body().to_string().into_bytes();
        SignedDelivery { headers: signer.sign(SIGNATURE_HEADER, &body), body }
    }
}
