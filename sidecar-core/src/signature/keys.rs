//! Reading secrets, public keys and signatures from text.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::KeyError;

/// Keys are copied by hand: a lost `=` at the end is forgiven.
const KEY_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Shared secrets as given, each checked.
pub(super) fn secrets(given: impl IntoIterator<Item = SecretString>) -> Result<Vec<SecretString>, KeyError> {
    let check = |(index, secret): (usize, SecretString)| {
        let text = secret.expose_secret();
        let problem = if text.trim().is_empty() {
            "it is empty; copy the signing secret from the provider"
        } else if text.trim().len() != text.len() {
            "it begins or ends with a blank or a line break, which is hardly part of it; remove that"
        } else {
            return Ok(secret);
        };
        Err(KeyError { index, problem })
    };
    given.into_iter().enumerate().map(check).collect()
}

/// The DER of a `PUBLIC KEY` PEM, wherever its lines break; line breaks may also be written `\n`, as in environment files.
pub(super) fn public_key_pem(text: &str) -> Result<Vec<u8>, &'static str> {
    let (_, rest) =
        text.split_once("-----BEGIN ").ok_or("it is no PEM: it must begin with `-----BEGIN PUBLIC KEY-----`")?;
    let rest = rest
        .strip_prefix("PUBLIC KEY-----")
        .ok_or("its PEM is of another kind; a public key begins with `-----BEGIN PUBLIC KEY-----`")?;
    let (base64, _) = rest
        .split_once("-----END PUBLIC KEY-----")
        .ok_or("its PEM is cut off: `-----END PUBLIC KEY-----` is missing")?;
    let base64: String = base64.replace("\\n", "").split_whitespace().collect();
    KEY_BASE64.decode(base64).map_err(|_| "its PEM holds something that is not base64")
}

pub(super) fn base64_key(text: &str) -> Option<Vec<u8>> {
    KEY_BASE64.decode(text.trim()).ok()
}

/// A signature in base64 of exactly `N` bytes.
pub(super) fn base64_signature<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// A signature in hex of exactly `N` bytes.
pub(super) fn hex_signature<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A short name of a public key for logs: the first 8 bytes of its SHA-256 in hex.
pub(super) fn fingerprint(public_key: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(16);
    for byte in Sha256::digest(public_key).iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
