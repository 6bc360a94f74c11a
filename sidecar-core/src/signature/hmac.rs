//! HMAC-SHA256 over the body, in a header.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{Delivery, KeyError, SignatureError, Verified, Verifier, header, keys};

/// `header: [prefix]<HMAC-SHA256 of the body, keyed by the secret's bytes>`, as Cal.com (`X-Cal-Signature-256`, hex) and
/// GitHub (`X-Hub-Signature-256`, hex with `sha256=`) sign.
#[derive(Debug, Clone)]
pub struct HmacSha256 {
    header: &'static str,
    prefix: &'static str,
    encoding: Encoding,
    secrets: Vec<SecretString>,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Hex,
    Base64,
}

impl HmacSha256 {
    /// A signature in hex. Any of the secrets will do; without one, nothing is accepted.
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty or has blanks around it.
    pub fn hex(header: &'static str, secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        Ok(Self { header, prefix: "", encoding: Encoding::Hex, secrets: keys::secrets(secrets)? })
    }

    /// A signature in padded standard base64; otherwise as [`HmacSha256::hex`].
    ///
    /// # Errors
    /// [`KeyError`] when a secret is empty or has blanks around it.
    pub fn base64(header: &'static str, secrets: impl IntoIterator<Item = SecretString>) -> Result<Self, KeyError> {
        Ok(Self { header, prefix: "", encoding: Encoding::Base64, secrets: keys::secrets(secrets)? })
    }

    /// What stands before the signature, such as `sha256=`.
    #[must_use]
    pub fn prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }
}

impl Verifier for HmacSha256 {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.secrets.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let text = header(delivery.headers, self.header)?
            .strip_prefix(self.prefix)
            .ok_or(SignatureError::Malformed("the signature's prefix is missing"))?;
        let tag: [u8; 32] = match self.encoding {
            Encoding::Hex => {
                keys::hex_signature(text).ok_or(SignatureError::Malformed("the signature must be 64 hex digits"))?
            }
            Encoding::Base64 => keys::base64_signature(text)
                .ok_or(SignatureError::Malformed("the signature must be 32 bytes in base64"))?,
        };
        let secrets = self.secrets.iter().map(|secret| secret.expose_secret().as_bytes());
        let key = matching(secrets, &[delivery.body], &[tag]).ok_or(SignatureError::Mismatch)?;
        Ok(Verified { scheme: "hmac-sha256", key_id: Some(key.to_string()), signed_at: None, delivery_id: None })
    }
}

/// The first secret under which one of the tags is that of the joined parts. The message is read once per secret,
/// however many tags there are.
pub(super) fn matching<'a>(
    secrets: impl IntoIterator<Item = &'a [u8]>,
    parts: &[&[u8]],
    tags: &[[u8; 32]],
) -> Option<usize> {
    secrets.into_iter().position(|secret| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
            return false;
        };
        parts.iter().for_each(|part| mac.update(part));
        tags.iter().any(|tag| mac.clone().verify_slice(tag).is_ok())
    })
}
