use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use sidecar_core::signature::{Delivery, Ed25519, KeyError, RsaSha256, SignatureError, Verified, Verifier};

use crate::model::WireTime;

/// Where the current signature stands: base64 of the Ed25519 signature of the raw body.
pub const SIGNATURE_HEADER: &str = "x-ghl-signature";

/// Where the former signature stood: base64 of RSA PKCS#1 v1.5 over SHA-256 of the raw body. No longer sent since 2026.
pub const LEGACY_SIGNATURE_HEADER: &str = "x-wh-signature";

/// The provider's public key of current signatures, the same for every app
/// (<https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide>).
pub const ED25519_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=
-----END PUBLIC KEY-----";

/// The provider's public key of former signatures (same page).
pub const LEGACY_RSA_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSC
Frm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cLSqJGOLaPuXw6
dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfB
csedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpv
uxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF
3kvoV5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKU
J062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXp
IocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzN
h/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhC
HULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJ
PQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAyk
T1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==
-----END PUBLIC KEY-----";

/// How far a body's `timestamp` may lie from ours unless set otherwise: two and a half hours. A delivery that was not taken
/// comes again, unchanged, for 70 minutes by the help centre's article and for two hours by the guide; a shorter tolerance
/// would refuse it. What guards against replays is seeing each `webhookId` once
/// (<https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide>).
pub const TOLERANCE: Duration = Duration::from_secs(9_000);

/// Verifies GHL's webhooks.
///
/// The current header decides whenever it is there; `N/A` in a header means that it is absent. A body without `timestamp`
/// passes when its signature fits, for not every event has one; one with a `timestamp` out of tolerance is refused.
#[derive(Debug, Clone)]
pub struct GhlWebhookVerifier {
    current: Ed25519,
    legacy: Option<RsaSha256>,
    tolerance: Duration,
}

/// The fields of a body that the verification needs.
#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    timestamp: Option<WireTime>,
    #[serde(default, rename = "webhookId")]
    webhook_id: Option<serde_json::Value>,
}

impl GhlWebhookVerifier {
    /// With the provider's own key ([`ED25519_PUBLIC_KEY`]).
    ///
    /// # Errors
    /// None in practice; [`KeyError`] if the built-in key could not be read.
    pub fn new() -> Result<Self, KeyError> {
        Self::with_keys([ED25519_PUBLIC_KEY])
    }

    /// With these Ed25519 public keys (PEM, or 32 bytes in base64) instead, any of which may have signed: for a rollover, or
    /// a stand-in of the provider. Without any, every delivery is refused.
    ///
    /// # Errors
    /// [`KeyError`] says which key is wrong and how.
    pub fn with_keys<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self, KeyError> {
        Ok(Self { current: Ed25519::new(SIGNATURE_HEADER, keys)?, legacy: None, tolerance: TOLERANCE })
    }

    /// Whether a delivery that has only the former RSA signature passes. Off unless set; it never stands in for a current
    /// signature that is wrong.
    ///
    /// # Errors
    /// None in practice; [`KeyError`] if the built-in key could not be read.
    pub fn allow_legacy_rsa(mut self, allow: bool) -> Result<Self, KeyError> {
        if allow {
            return self.legacy_keys([LEGACY_RSA_PUBLIC_KEY]);
        }
        self.legacy = None;
        Ok(self)
    }

    /// As [`allow_legacy_rsa`](Self::allow_legacy_rsa), with these RSA public keys (PEM) instead of the provider's own.
    ///
    /// # Errors
    /// [`KeyError`] says which key is wrong and how.
    pub fn legacy_keys<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Result<Self, KeyError> {
        self.legacy = Some(RsaSha256::new(LEGACY_SIGNATURE_HEADER, keys)?);
        Ok(self)
    }

    /// Another tolerance than [`TOLERANCE`], before and after.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    fn signature(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if !is_absent(delivery.headers, SIGNATURE_HEADER) {
            return self.current.verify(delivery);
        }
        match &self.legacy {
            Some(legacy) if !is_absent(delivery.headers, LEGACY_SIGNATURE_HEADER) => legacy.verify(delivery),
            _ => Err(SignatureError::Missing(SIGNATURE_HEADER)),
        }
    }
}

impl Verifier for GhlWebhookVerifier {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        let mut verified = self.signature(delivery)?;
        // The signature fits, so this is what the provider sent, be it JSON or not.
        let Ok(Signed { timestamp, webhook_id }) = sidecar_core::json::from_slice(delivery.body) else {
            return Ok(verified);
        };
        verified.delivery_id = webhook_id.and_then(|id| id.as_str().map(str::to_owned));
        verified.signed_at = timestamp.and_then(|time| time.timestamp());
        if let Some(signed_at) = verified.signed_at {
            let skew = delivery.received_at.distance(signed_at);
            if skew > self.tolerance {
                return Err(SignatureError::Stale { skew, tolerance: self.tolerance });
            }
        }
        Ok(verified)
    }
}

/// Nothing there, or one value that says so. Several values are not absent: the verifier refuses them.
fn is_absent(headers: &HeaderMap, name: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(value), None) => value.to_str().is_ok_and(|text| matches!(text.trim(), "" | "N/A" | "n/a")),
        (Some(_), Some(_)) => false,
    }
}
