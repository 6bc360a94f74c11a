use std::{fmt::Write, time::Duration};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use sidecar_core::{
    Timestamp,
    secret::SecretString,
    signature::{Delivery, HmacSha256, KeyError, SignatureError, Verified, Verifier},
};

/// Where Cal.com puts the signature: HMAC-SHA256 of the raw body in hex
/// (<https://cal.com/docs/developing/guides/automation/webhooks>).
pub const SIGNATURE_HEADER: &str = "x-cal-signature-256";

/// Where Cal.com says which shape the body has ([`WebhookVersion`](crate::model::WebhookVersion); same page).
pub const VERSION_HEADER: &str = "x-cal-webhook-version";

/// What Cal.com sends in place of a signature when the webhook was made without a secret. Anybody can send that.
pub const NO_SECRET: &str = "no-secret-provided";

/// Verifies Cal.com's deliveries with the secrets of one webhook; several while they are being replaced.
///
/// A delivery has no id and no signed time, so that nothing in it tells a repetition: [`Verified::delivery_id`] is a hash of the body
/// ([`delivery_id`]), and seeing each once is what guards against replays.
#[derive(Debug, Clone)]
pub struct CalcomVerifier {
    hmac: HmacSha256,
    tolerance: Option<Duration>,
}

impl CalcomVerifier {
    /// A verifier for these secrets. Without any it refuses everything.
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty or has blanks around it.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        Ok(Self { hmac: HmacSha256::hex(SIGNATURE_HEADER, secrets)?, tolerance: None })
    }

    /// Refuses events that were made longer ago than this, or later than now by more; not set, none is. A failed delivery is sent
    /// again for up to half an hour. Meetings do not tell when they were made and pass.
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
        let signed_at = made_at(delivery.body);
        if let (Some(made), Some(tolerance)) = (signed_at, self.tolerance) {
            let skew = delivery.received_at.distance(made);
            if skew > tolerance {
                return Err(SignatureError::Stale { skew, tolerance });
            }
        }
        Ok(Verified { signed_at, delivery_id: Some(delivery_id(delivery.body)), ..verified })
    }
}

/// When an event says that it was made. A body without a payload does not say: its creation time is the booking's.
fn made_at(body: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Made {
        #[serde(rename = "createdAt", with = "sidecar_core::time::rfc3339")]
        created_at: Timestamp,
        // Only whether it is there.
        #[serde(rename = "payload")]
        _payload: serde::de::IgnoredAny,
    }
    serde_json::from_slice::<Made>(body).ok().map(|made| made.created_at)
}

/// What stands for the id that deliveries lack: the SHA-256 of the raw body in hex. Repetitions have the same.
pub fn delivery_id(body: &[u8]) -> String {
    let mut id = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}
