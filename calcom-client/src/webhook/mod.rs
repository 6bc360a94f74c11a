//! Webhooks: whether a delivery comes from the Cal.com webhook whose secret we hold. What the events mean is not here yet.
//!
//! Invariant: without a secret every delivery is refused.

use sidecar_core::{
    secret::SecretString,
    signature::{Delivery, HmacSha256, KeyError, SignatureError, Verified, Verifier},
};

/// Where Cal.com puts the signature: HMAC-SHA256 of the raw body in hex
/// (<https://cal.com/docs/developing/guides/automation/webhooks>).
pub const SIGNATURE_HEADER: &str = "x-cal-signature-256";

/// What Cal.com sends in place of a signature when the webhook was made without a secret. Anybody can send that.
pub const NO_SECRET: &str = "no-secret-provided";

/// Verifies Cal.com's deliveries with the secrets of one webhook; several while they are being replaced.
#[derive(Debug, Clone)]
pub struct CalcomVerifier(HmacSha256);

impl CalcomVerifier {
    /// A verifier for these secrets.
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        HmacSha256::hex(SIGNATURE_HEADER, secrets).map(Self)
    }
}

impl Verifier for CalcomVerifier {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        let unsigned = delivery.headers.get(SIGNATURE_HEADER).is_some_and(|value| value == NO_SECRET);
        if unsigned { Err(SignatureError::Missing(SIGNATURE_HEADER)) } else { self.0.verify(delivery) }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use sidecar_core::{Timestamp, test_util::hmac_sha256_hex};

    use super::*;

    const BODY: &[u8] = br#"{"triggerEvent":"PING"}"#;

    fn verify(headers: &HeaderMap) -> Result<Verified, SignatureError> {
        let verifier = CalcomVerifier::new(["old", "new"].map(SecretString::from)).unwrap();
        verifier.verify(Delivery { headers, body: BODY, received_at: Timestamp::EPOCH })
    }

    #[test]
    fn both_secrets_are_good_while_one_replaces_the_other() {
        for secret in ["old", "new"] {
            verify(&hmac_sha256_hex(SIGNATURE_HEADER, secret, BODY)).unwrap();
        }
        assert_eq!(verify(&hmac_sha256_hex(SIGNATURE_HEADER, "other", BODY)), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_delivery_of_a_webhook_without_a_secret_counts_as_unsigned() {
        let headers = HeaderMap::from_iter([(SIGNATURE_HEADER.parse().unwrap(), HeaderValue::from_static(NO_SECRET))]);
        assert_eq!(verify(&headers), Err(SignatureError::Missing(SIGNATURE_HEADER)));
        assert_eq!(verify(&HeaderMap::new()), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    }
}
