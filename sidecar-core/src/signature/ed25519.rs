//! Ed25519 over the body, in a header.

mod key;

use ed25519_dalek::{Signature, VerifyingKey, pkcs8::DecodePublicKey};

use self::key::Key;
use super::{Delivery, KeyError, SignatureError, Verified, Verifier, header, keys};

/// `header: <base64 of the Ed25519 signature of the body>`, as GHL signs (`X-GHL-Signature`).
#[derive(Debug, Clone)]
pub struct Ed25519 {
    header: &'static str,
    keys: Vec<Key>,
}

impl Ed25519 {
    /// Public keys as PEM (`-----BEGIN PUBLIC KEY-----`) or as their 32 bytes in base64. Any will do; without one,
    /// nothing is accepted.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with which key.
    pub fn new<K: AsRef<str>>(header: &'static str, keys: impl IntoIterator<Item = K>) -> Result<Self, KeyError> {
        let parse = |(index, key): (usize, K)| parse(key.as_ref()).map_err(|problem| KeyError { index, problem });
        Ok(Self { header, keys: keys.into_iter().enumerate().map(parse).collect::<Result<_, _>>()? })
    }
}

fn parse(text: &str) -> Result<Key, &'static str> {
    let key = if text.contains("-----BEGIN") {
        let der = keys::public_key_pem(text)?;
        VerifyingKey::from_public_key_der(&der).map_err(|_| "its PEM does not hold an Ed25519 public key")?
    } else {
        let bytes = keys::base64_key(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or("it must be a PEM or 32 bytes in base64")?;
        VerifyingKey::from_bytes(&bytes).map_err(|_| "its 32 bytes are no Ed25519 public key")?
    };
    Key::new(&key).ok_or("it is a weak key, under which forged signatures are valid")
}

impl Verifier for Ed25519 {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.keys.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let bytes = keys::base64_signature::<64>(header(delivery.headers, self.header)?)
            .ok_or(SignatureError::Malformed("the signature must be 64 bytes in base64"))?;
        let signature = Signature::from_bytes(&bytes);
        let fits = |key: &&Key| key.is_signed(delivery.body, &signature);
        let key = self.keys.iter().find(fits).ok_or(SignatureError::Mismatch)?;
        let key_id = Some(keys::fingerprint(key.as_bytes()));
        Ok(Verified { scheme: "ed25519", key_id, signed_at: None, delivery_id: None })
    }
}
