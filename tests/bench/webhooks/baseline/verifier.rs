//! Verification and parsing of a delivery.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sha2::Sha256;
use sidecar_core::Timestamp;

use crate::webhooks::provider::Provider;

/// The fields that are stored in columns.
pub(super) struct ParsedEvent {
    /// The id of the delivery.
    pub(super) id: String,
    /// The id of its entity.
    pub(super) entity: String,
    /// The time of the event, in microseconds since 1970.
    pub(super) at: i64,
}

/// The key that verifies deliveries.
pub(super) enum Verifier {
    Ghl(VerifyingKey),
    Calcom(Hmac<Sha256>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GhlEvent<'a> {
    id: &'a str,
    webhook_id: &'a str,
    timestamp: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CalcomEvent<'a> {
    created_at: &'a str,
    #[serde(borrow)]
    payload: Booking<'a>,
}

#[derive(Deserialize)]
struct Booking<'a> {
    uid: &'a str,
}

impl Verifier {
    pub(super) fn new(provider: Provider, key: &str) -> Self {
        match provider {
            Provider::Ghl => Self::Ghl(VerifyingKey::from_public_key_pem(key).unwrap()),
            Provider::Calcom => Self::Calcom(Hmac::new_from_slice(key.as_bytes()).unwrap()),
        }
    }

    /// Verifies the signature and parses the event.
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<ParsedEvent, StatusCode> {
        match self {
            Self::Ghl(key) => {
                let signature = headers.get("x-ghl-signature").and_then(|value| STANDARD.decode(value).ok());
                let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
                let signature = signature.ok_or(StatusCode::UNAUTHORIZED)?;
                key.verify_strict(body, &signature).map_err(|_| StatusCode::UNAUTHORIZED)?;
                let event: GhlEvent<'_> = serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)?;
                ParsedEvent::new(event.webhook_id, event.id, event.timestamp)
            }
            Self::Calcom(keyed) => {
                let signature = headers.get("x-cal-signature-256").and_then(|value| value.to_str().ok());
                let signature = signature.ok_or(StatusCode::UNAUTHORIZED)?;
                let bytes = from_hex(signature).ok_or(StatusCode::UNAUTHORIZED)?;
                let computed = keyed.clone().chain_update(body);
                computed.verify_slice(&bytes).map_err(|_| StatusCode::UNAUTHORIZED)?;
                let event: CalcomEvent<'_> = serde_json::from_slice(body).map_err(|_| StatusCode::BAD_REQUEST)?;
                // These deliveries have no id; the signature serves as one.
                ParsedEvent::new(signature, event.payload.uid, event.created_at)
            }
        }
    }
}

impl ParsedEvent {
    fn new(id: &str, entity: &str, at: &str) -> Result<Self, StatusCode> {
        let at: Timestamp = at.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
        Ok(Self { id: id.to_owned(), entity: entity.to_owned(), at: at.as_micros() })
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (digits, mut bytes) = (text.as_bytes(), [0; 32]);
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    let digit = |of: u8| char::from(of).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
