//! Helpers to build and verify deliveries.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use sidecar_core::{
    SecretString, Timestamp,
    signature::{Delivery, SignatureError, Verified, Verifier},
};

pub(crate) fn secrets<const N: usize>(texts: [&str; N]) -> [SecretString; N] {
    texts.map(SecretString::from)
}

pub(crate) fn check(
    verifier: &dyn Verifier,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
    seconds: i64,
) -> Result<Verified, SignatureError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    verifier.verify(Delivery { headers: &map, body: body.as_ref(), received_at: Timestamp::from_secs(seconds) })
}

/// Returns every copy of `bytes` with one bit flipped.
pub(crate) fn one_bit_off(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut copy = bytes.to_vec();
        copy[bit / 8] ^= 1 << (bit % 8);
        copy
    })
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}
