//! Stripe's webhook signature.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{DEFAULT_TOLERANCE, Delivery, KeyError, SignatureError, Verified, Verifier, fresh, header, hmac, keys};

const HEADER: &str = "stripe-signature";

/// `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]`: HMAC-SHA256 of `t.body`, keyed by the endpoint's whole
/// secret, `whsec_` included (<https://docs.stripe.com/webhooks/signature>). Other versions than `v1` are ignored.
///
/// Stricter than Stripe's own libraries in one thing: a time in the future is refused like one in the past.
#[derive(Debug, Clone)]
pub struct Stripe {
    secrets: Vec<SecretString>,
    tolerance: Duration,
}

impl Stripe {
    /// Any of the endpoint secrets will do (two are active while one is rolled); without one, nothing is accepted.
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty or has blanks around it.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        Ok(Self { secrets: keys::secrets(secrets)?, tolerance: DEFAULT_TOLERANCE })
    }

    /// How far the signed time may lie from ours, both ways; 300 s unless told otherwise.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }
}

impl Verifier for Stripe {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.secrets.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let (time, tags) = parse(header(delivery.headers, HEADER)?)?;
        let signed_at = super::unix_seconds(time)?;
        let secrets = self.secrets.iter().map(|secret| secret.expose_secret().as_bytes());
        let parts: [&[u8]; 3] = [time.as_bytes(), b".", delivery.body];
        let key = hmac::matching(secrets, &parts, &tags).ok_or(SignatureError::Mismatch)?;
        fresh(signed_at, delivery.received_at, self.tolerance)?;
        Ok(Verified {
            scheme: "stripe-v1",
            key_id: Some(key.to_string()),
            signed_at: Some(signed_at),
            delivery_id: None,
        })
    }
}

/// The signed time, as text, and the `v1` signatures.
fn parse(text: &str) -> Result<(&str, Vec<[u8; 32]>), SignatureError> {
    let (mut time, mut tags) = (None, Vec::new());
    for (name, value) in text.split(',').filter_map(|part| part.split_once('=')) {
        match name {
            "t" if time.is_some() => return Err(SignatureError::Malformed("`t` is there twice")),
            "t" => time = Some(value),
            "v1" => tags.extend(keys::hex_signature(value)),
            _ => {}
        }
    }
    match (time, tags.is_empty()) {
        (None, _) => Err(SignatureError::Malformed("`t`, the signed time, is missing")),
        (_, true) => Err(SignatureError::Malformed("there is no `v1` signature of 64 hex digits")),
        (Some(time), false) => Ok((time, tags)),
    }
}
