//! Standard Webhooks, symmetric (<https://www.standardwebhooks.com>), as Svix, OpenAI and Resend sign.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::{DEFAULT_TOLERANCE, Delivery, KeyError, SignatureError, Verified, Verifier, fresh, header, hmac, keys};

/// `webhook-signature: v1,<base64> [v1,<base64>]`: HMAC-SHA256 of `id.timestamp.body` (`webhook-id`,
/// `webhook-timestamp` in Unix seconds). The body may be any bytes. Signatures of other versions are ignored.
#[derive(Debug, Clone)]
pub struct StandardWebhooks {
    secrets: Vec<SecretSlice<u8>>,
    tolerance: Duration,
}

impl StandardWebhooks {
    /// Secrets in base64, with `whsec_` before them or not. Any will do; without one, nothing is accepted.
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty, has blanks around it or is not base64.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        let decode = |(index, secret): (usize, SecretString)| {
            let text = secret.expose_secret();
            let bytes = keys::base64_key(text.strip_prefix("whsec_").unwrap_or(text))
                .filter(|bytes| !bytes.is_empty())
                .ok_or(KeyError { index, problem: "it must be `whsec_` followed by the secret in base64" })?;
            Ok(bytes.into())
        };
        let secrets = keys::secrets(secrets)?.into_iter().enumerate().map(decode).collect::<Result<_, _>>()?;
        Ok(Self { secrets, tolerance: DEFAULT_TOLERANCE })
    }

    /// How far the signed time may lie from ours, both ways; 300 s unless told otherwise.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }
}

impl Verifier for StandardWebhooks {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.secrets.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let id = header(delivery.headers, "webhook-id")?;
        if id.contains('.') {
            // Parts are joined by dots: with one in the id, the same bytes could be read as another id and time.
            return Err(SignatureError::Malformed("`webhook-id` must not contain a dot"));
        }
        let time = header(delivery.headers, "webhook-timestamp")?;
        let signed_at = super::unix_seconds(time)?;
        let tags: Vec<[u8; 32]> = header(delivery.headers, "webhook-signature")?
            .split(' ')
            .filter_map(|entry| keys::base64_signature(entry.strip_prefix("v1,")?))
            .collect();
        if tags.is_empty() {
            return Err(SignatureError::Malformed("there is no `v1,` signature of 32 bytes in base64"));
        }
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", delivery.body];
        let secrets = self.secrets.iter().map(|secret| secret.expose_secret());
        let key = hmac::matching(secrets, &parts, &tags).ok_or(SignatureError::Mismatch)?;
        fresh(signed_at, delivery.received_at, self.tolerance)?;
        Ok(Verified {
            scheme: "standard-webhooks-v1",
            key_id: Some(key.to_string()),
            signed_at: Some(signed_at),
            delivery_id: Some(id.to_owned()),
        })
    }
}
