use std::{fmt::Write, time::Duration};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use sidecar_core::{
    Timestamp,
    secret::SecretString,
    signature::{Delivery, HmacSha256, KeyError, SignatureError, Verified, Verifier},
};

/// The header with the signature: the HMAC-SHA256 of the raw body in hex
/// (<https://cal.com/docs/developing/guides/automation/webhooks>).
pub const SIGNATURE_HEADER: &str = "x-cal-signature-256";

/// The header with the version of the body's schema ([`WebhookVersion`](crate::model::WebhookVersion); same page).
pub const VERSION_HEADER: &str = "x-cal-webhook-version";

/// The signature header's value if the webhook has no secret. It authenticates nothing.
pub const NO_SECRET: &str = "no-secret-provided";

/// Verifies Cal.com's deliveries with the secret of one webhook, or with several during a secret rotation.
///
/// A delivery has no id and no signed time that would identify a repetition. [`Verified::delivery_id`] is therefore a hash of the body
/// ([`delivery_id`]); processing each id once protects against replays.
#[derive(Debug, Clone)]
pub struct CalcomVerifier {
    hmac: HmacSha256,
    tolerance: Option<Duration>,
}

impl CalcomVerifier {
    /// Returns a verifier for these secrets. Without a secret it rejects every delivery.
    ///
    /// # Errors
    /// [`KeyError`] if a secret is empty or has leading or trailing whitespace.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        Ok(Self { hmac: HmacSha256::hex(SIGNATURE_HEADER, secrets)?, tolerance: None })
    }

    /// Sets the maximum difference between an event's creation and its receipt; without it no event is rejected for its age. Cal.com
    /// retries a failed delivery for up to half an hour. Meetings do not report their creation and are not checked.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }
}

impl Verifier for CalcomVerifier {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if delivery.headers.get(SIGNATURE_HEADER).is_some_and(|value| value == NO_SECRET) {
            return Err(SignatureError::Missing(SIGNATURE_HEADER));
        }
        let verified = self.hmac.verify(delivery)?;
        let signed_at = created_at(delivery.body);
        if let (Some(created_at), Some(tolerance)) = (signed_at, self.tolerance) {
            let skew = delivery.received_at.distance(created_at);
            if skew > tolerance {
                return Err(SignatureError::Stale { skew, tolerance });
            }
        }
        Ok(Verified { signed_at, delivery_id: Some(delivery_id(delivery.body)), ..verified })
    }
}

/// Returns when the event was created. `None` for a body without a payload: its `createdAt` is that of the booking.
fn created_at(body: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "createdAt", with = "sidecar_core::time::rfc3339")]
        created_at: Timestamp,
        // Required only as the sign of an envelope.
        #[serde(rename = "payload")]
        _payload: serde::de::IgnoredAny,
    }
    sidecar_core::json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.created_at)
}

/// Returns the SHA-256 of the raw body in hex, as the id that deliveries lack. A repetition has the same id.
pub fn delivery_id(body: &[u8]) -> String {
    let mut id = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
