//! RSA over the body, in a header.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::pkcs8::spki::{
    ObjectIdentifier, SubjectPublicKeyInfoRef,
    der::{self, Decode, Reader, SliceReader, asn1::UintRef},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::{Delivery, KeyError, SignatureError, Verified, Verifier, header, keys};

/// rsaEncryption, RFC 8017 appendix A.1; its parameters are NULL.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `header: <base64 of the RSASSA-PKCS1-v1_5 signature with SHA-256 of the body>`, as GHL signed until 2026
/// (`X-WH-Signature`).
#[derive(Clone)]
pub struct RsaSha256 {
    header: &'static str,
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// The DER of RFC 8017's `RSAPublicKey`, which is what ring reads.
    der: Vec<u8>,
    bits: usize,
}

impl RsaSha256 {
    /// Public keys of 2048 to 4096 bits as PEM (`-----BEGIN PUBLIC KEY-----`). Any will do; without one, nothing is
    /// accepted.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with which key.
    pub fn new<K: AsRef<str>>(header: &'static str, keys: impl IntoIterator<Item = K>) -> Result<Self, KeyError> {
        let parse = |(index, key): (usize, K)| parse(key.as_ref()).map_err(|problem| KeyError { index, problem });
        Ok(Self { header, keys: keys.into_iter().enumerate().map(parse).collect::<Result<_, _>>()? })
    }
}

fn parse(pem: &str) -> Result<Key, &'static str> {
    let spki = keys::public_key_pem(pem)?;
    let info = SubjectPublicKeyInfoRef::from_der(&spki).map_err(|_| "its PEM does not hold a public key")?;
    if info.algorithm.oid != RSA_ENCRYPTION || !info.algorithm.parameters.is_some_and(|any| any.is_null()) {
        return Err("it is not an RSA key");
    }
    let der = info.subject_public_key.as_bytes().ok_or("its PEM does not hold an RSA public key")?;
    let bits = modulus_bits(der).map_err(|_| "its PEM does not hold an RSA public key")?;
    if !(2048..=4096).contains(&bits) {
        return Err("an RSA key must have 2048 to 4096 bits");
    }
    Ok(Key { der: der.to_vec(), bits })
}

/// Reads `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`.
fn modulus_bits(public_key: &[u8]) -> Result<usize, der::Error> {
    let mut reader = SliceReader::new(public_key)?;
    let modulus = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        let _exponent = UintRef::decode(reader)?;
        Ok::<_, der::Error>(modulus)
    })?;
    reader.finish()?;
    let bytes = modulus.as_bytes();
    let unused = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
    Ok(bytes.len() * 8 - unused)
}

impl Verifier for RsaSha256 {
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError> {
        if self.keys.is_empty() {
            return Err(SignatureError::NoKeys);
        }
        let signature = STANDARD
            .decode(header(delivery.headers, self.header)?)
            .map_err(|_| SignatureError::Malformed("the signature must be base64"))?;
        let fits = |key: &&Key| {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
            key.verify(delivery.body, &signature).is_ok()
        };
        let key = self.keys.iter().find(fits).ok_or(SignatureError::Mismatch)?;
        let key_id = Some(keys::fingerprint(&key.der));
        Ok(Verified { scheme: "rsa-pkcs1-sha256", key_id, signed_at: None, delivery_id: None })
    }
}

impl fmt::Debug for RsaSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits: Vec<usize> = self.keys.iter().map(|key| key.bits).collect();
        f.debug_struct("RsaSha256").field("header", &self.header).field("key_bits", &bits).finish()
    }
}
