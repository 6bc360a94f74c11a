use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{EncodePublicKey, spki::der::pem::LineEnding},
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

use crate::time::Timestamp;

/// Signs bodies as GHL does: Ed25519 over the raw bytes, in base64.
#[derive(Debug)]
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// A key made from a seed: the same seed, the same key.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public key in PEM, as a verifier takes it.
    pub fn public_key_pem(&self) -> String {
        self.0.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The headers of a delivery.
    pub fn sign(&self, header: &'static str, body: &[u8]) -> HeaderMap {
        one(header, &STANDARD.encode(self.0.sign(body).to_bytes()))
    }
}

fn one(header: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(header), value);
    }
    headers
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return Vec::new();
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The headers of a delivery signed by HMAC-SHA256 in hex, as Cal.com's. `header` is in lower case.
pub fn hmac_sha256_hex(header: &'static str, secret: &str, body: &[u8]) -> HeaderMap {
    one(header, &hex(&mac(secret.as_bytes(), &[body])))
}

/// The headers of a delivery of Stripe's, signed at `at`.
pub fn stripe(secret: &str, body: &[u8], at: Timestamp) -> HeaderMap {
    let time = at.as_secs().to_string();
    let signature = hex(&mac(secret.as_bytes(), &[time.as_bytes(), b".", body]));
    one("stripe-signature", &format!("t={time},v1={signature}"))
}

/// The headers of a Standard Webhooks delivery; `secret` is the raw key, not its `whsec_` text.
pub fn standard_webhook(secret: &[u8], id: &str, body: &[u8], at: Timestamp) -> HeaderMap {
    let time = at.as_secs().to_string();
    let signature = STANDARD.encode(mac(secret, &[id.as_bytes(), b".", time.as_bytes(), b".", body]));
    let mut headers = one("webhook-signature", &format!("v1,{signature}"));
    headers.extend(one("webhook-id", id));
    headers.extend(one("webhook-timestamp", &time));
    headers
}
