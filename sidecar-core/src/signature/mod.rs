//! Signatures: whether a webhook delivery comes from whom it says.
//!
//! Here live the schemes; which header and which keys a provider uses is a preset in the provider's crate, and
//! whether a delivery was seen before is the inbox's matter.
//!
//! Invariant: the raw bytes are verified before anything is parsed, secrets are compared by the libraries in constant time, and a
//! verifier without a key refuses everything.

mod ed25519;
mod hmac;
mod keys;
mod rsa;
mod standard;
mod stripe;

use std::{fmt, time::Duration};

use http::HeaderMap;

pub use self::ed25519::Ed25519;
pub use self::hmac::HmacSha256;
pub use self::rsa::RsaSha256;
pub use self::standard::StandardWebhooks;
pub use self::stripe::Stripe;

use crate::time::Timestamp;

/// How far a signed time may lie from ours, in both directions, unless told otherwise.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// A webhook request as it came in.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The body's bytes, untouched.
    pub body: &'a [u8],
    /// When it came in.
    pub received_at: Timestamp,
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_bytes", &self.body.len())
            .field("received_at", &self.received_at)
            .finish()
    }
}

/// A delivery that is what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The scheme, such as `hmac-sha256`.
    pub scheme: &'static str,
    /// Which of the keys it was: its place in the list (`0` is the first), or a fingerprint of a public key.
    pub key_id: Option<String>,
    /// The signed time, where the scheme has one.
    pub signed_at: Option<Timestamp>,
    /// The signed delivery id, where the scheme has one.
    pub delivery_id: Option<String>,
}

/// Why a delivery was refused. Never holds a signature or what it should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The header is absent or empty.
    #[error("the signature header `{0}` is missing")]
    Missing(&'static str),
    /// A header cannot be read, or is there twice; the text says how it should be.
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    /// It was signed too long ago, or for a time to come.
    #[error(
        "the signed time is {skew:?} away from ours, more than the {tolerance:?} allowed: a replay, or a wrong clock"
    )]
    Stale {
        /// How far.
        skew: Duration,
        /// How far would do.
        tolerance: Duration,
    },
    /// No key made this signature for these bytes.
    #[error("the signature fits none of the keys: a forgery, a changed body, or a wrong or rotated key")]
    Mismatch,
    /// No key is configured, so nothing can be verified.
    #[error("no verification key is configured; nothing is accepted until there is one")]
    NoKeys,
}

/// A key or secret cannot be used. Never holds the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key {index}: {problem}")]
pub struct KeyError {
    /// Which of the given keys, counted from 0.
    pub index: usize,
    /// What is wrong with it and how it should be.
    pub problem: &'static str,
}

/// Decides about deliveries.
pub trait Verifier: Send + Sync + fmt::Debug {
    /// Checks the delivery.
    ///
    /// # Errors
    /// [`SignatureError`]: refuse the delivery.
    fn verify(&self, delivery: Delivery<'_>) -> Result<Verified, SignatureError>;
}

/// The one value of a header, without surrounding blanks.
fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(SignatureError::Missing(name))?;
    if values.next().is_some() {
        return Err(SignatureError::Malformed("a signature header must be there once"));
    }
    match value.to_str().map(str::trim) {
        Ok("") => Err(SignatureError::Missing(name)),
        Ok(text) => Ok(text),
        Err(_) => Err(SignatureError::Malformed("a signature header must be plain text")),
    }
}

/// Refuses a signed time that is too far from ours, in either direction.
fn fresh(signed_at: Timestamp, received_at: Timestamp, tolerance: Duration) -> Result<(), SignatureError> {
    let skew = received_at.distance(signed_at);
    if skew > tolerance { Err(SignatureError::Stale { skew, tolerance }) } else { Ok(()) }
}

/// A signed time in Unix seconds, digits only.
fn unix_seconds(text: &str) -> Result<Timestamp, SignatureError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SignatureError::Malformed("the signed time must be Unix seconds"));
    }
    text.parse()
        .map(Timestamp::from_secs)
        .map_err(|_| SignatureError::Malformed("the signed time must be Unix seconds"))
}
