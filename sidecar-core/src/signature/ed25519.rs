//! Ed25519 signatures of the body in a header, checked with `verify_strict`: RFC 8032 §5.1.7, without keys or commitments of small
//! order.

use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};

use super::{Delivery, KeyError, SignatureError, Verified, Verifier, header, keys};

/// `header: <base64 of the Ed25519 signature of the body>`, as GHL signs (`X-GHL-Signature`).
#[derive(Debug, Clone)]
pub struct Ed25519 {
    header: &'static str,
    keys: Vec<VerifyingKey>,
}

impl Ed25519 {
    /// Takes public keys as PEM (`-----BEGIN PUBLIC KEY-----`) or as 32 bytes in base64. A signature by any of them is accepted;
    /// without a key every delivery is rejected.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with which key.
    pub fn new<K: AsRef<str>>(header: &'static str, keys: impl IntoIterator<Item = K>) -> Result<Self, KeyError> {
        let parse = |(index, key): (usize, K)| parse(key.as_ref()).map_err(|problem| KeyError { index, problem });
        Ok(Self { header, keys: keys.into_iter().enumerate().map(parse).collect::<Result<_, _>>()? })
    }
}

fn parse(text: &str) -> Result<VerifyingKey, &'static str> {
    let key = if text.contains("-----BEGIN") {
        let der = keys::public_key_pem(text)?;
        VerifyingKey::from_public_key_der(&der).map_err(|_| "its PEM does not hold an Ed25519 public key")?
    } else {
        let bytes = keys::base64_key(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or("it must be a PEM or 32 bytes in base64")?;
        VerifyingKey::from_bytes(&bytes).map_err(|_| "its 32 bytes are not a valid Ed25519 public key")?
    };
    if key.is_weak() { Err("it is a weak key, under which forged signatures are valid") } else { Ok(key) }
}

impl Verifier for Ed25519 {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.keys.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let bytes = keys::base64_signature::<64>(header(delivery.headers, self.header)?)
            .ok_or(SignatureError::Malformed("the signature must be 64 bytes in base64"))?;
        let signature = Signature::from_bytes(&bytes);
        let signed = |key: &&VerifyingKey| key.verify_strict(delivery.body, &signature).is_ok();
        let key = self.keys.iter().find(signed).ok_or(SignatureError::Mismatch)?;
        let key_id = Some(keys::fingerprint(key.as_bytes()));
        Ok(Verified { scheme: "ed25519", key_id, signed_at: None, delivery_id: None })
    }
}
