//! Secrets: values that never show in `Debug`, logs or errors, and where new ones come from.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

pub use secrecy::{ExposeSecret, SecretString};

/// Fresh randomness from the operating system.
///
/// # Errors
/// The operating system has no randomness to give; nothing secret can be made then.
pub fn random<const N: usize>() -> Result<[u8; N], RandomnessError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| RandomnessError(error.to_string()))?;
    Ok(bytes)
}

/// A new unguessable value of 256 bits in URL-safe base64 (43 characters): OAuth states, session ids, invitation links.
///
/// # Errors
/// As [`random`].
pub fn random_token() -> Result<SecretString, RandomnessError> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?).into())
}

/// Whether the two are equal, in a time that does not depend on where they differ (only on whether the lengths do).
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// The operating system gave no randomness.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gave no randomness: {0}")]
pub struct RandomnessError(String);
