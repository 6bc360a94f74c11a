//! The vault: secrets at rest, sealed to the place where they belong.
//!
//! XChaCha20-Poly1305 with a random nonce. A sealed value opens only under the tenant, connection and field it was
//! sealed for: a row copied elsewhere is worthless. The first key of the ring seals, all of them open, so keys are
//! changed by putting a new one in front, sealing everything anew ([`Vault::needs_rotation`]) and dropping the old one.
//!
//! The envelope: version (1 byte, 1) ‖ length of the key id (1 byte) ‖ key id ‖ nonce (24 bytes) ‖ ciphertext with tag.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::secret::{self, RandomnessError};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const LONGEST_ID: usize = 32;

/// The keys of a vault: the first seals, all open.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// A key ring cannot be used. Never holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// There is no key at all.
    #[error("the key ring is empty: give `id:key` with a key of 32 bytes in base64, several separated by commas")]
    Empty,
    /// An entry is not `id:key`.
    #[error("entry {entry} of the key ring is not `id:key`")]
    Shape {
        /// Which, counted from 1.
        entry: usize,
    },
    /// An id is unusable.
    #[error("the id of entry {entry} of the key ring must be 1 to 32 letters, digits, `-` or `_`")]
    Id {
        /// Which, counted from 1.
        entry: usize,
    },
    /// A key is not 32 bytes in base64.
    #[error("the key of entry {entry} (`{id}`) of the key ring must be 32 bytes in base64 (44 characters)")]
    Key {
        /// Which, counted from 1.
        entry: usize,
        /// Its id.
        id: String,
    },
    /// Two entries have one id.
    #[error("the key ring has the id `{id}` twice (entry {entry}): give every key an id of its own")]
    Duplicate {
        /// The second of them, counted from 1.
        entry: usize,
        /// The id.
        id: String,
    },
}

impl KeyRing {
    /// Reads `id:base64key[,id:base64key]`; blanks around entries are ignored.
    ///
    /// # Errors
    /// [`KeyRingError`] says which entry and what is wrong with it.
    pub fn parse(text: &SecretString) -> Result<Self, KeyRingError> {
        let text = text.expose_secret().trim();
        if text.is_empty() {
            return Err(KeyRingError::Empty);
        }
        let mut keys: Vec<Key> = Vec::new();
        for (entry, part) in (1..).zip(text.split(',')) {
            let key = Key::parse(entry, part.trim())?;
            if keys.iter().any(|earlier| earlier.id == key.id) {
                return Err(KeyRingError::Duplicate { entry, id: key.id });
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// A new entry `id:base64key` with a random key, to be put in front of a ring.
    ///
    /// # Errors
    /// [`SealError::Randomness`], or [`SealError::KeyId`] when the id is unusable.
    pub fn generate_entry(id: &str) -> Result<SecretString, SealError> {
        if !is_id(id) {
            return Err(SealError::KeyId);
        }
        let key = Zeroizing::new(secret::random::<KEY_BYTES>()?);
        let key = Zeroizing::new(STANDARD.encode(*key));
        Ok(format!("{id}:{}", *key).into())
    }

    /// The ids, the sealing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }
}

impl Key {
    fn parse(entry: usize, text: &str) -> Result<Self, KeyRingError> {
        let (id, key) = text.split_once(':').ok_or(KeyRingError::Shape { entry })?;
        if !is_id(id) {
            return Err(KeyRingError::Id { entry });
        }
        let wrong = || KeyRingError::Key { entry, id: id.to_owned() };
        let decoded = Zeroizing::new(STANDARD.decode(key).map_err(|_| wrong())?);
        let bytes = decoded.as_slice().try_into().map_err(|_| wrong())?;
        Ok(Self { id: id.to_owned(), bytes: Zeroizing::new(bytes) })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain)
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")?;
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Where a sealed value belongs. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The organization.
    pub tenant: &'a str,
    /// The connection or other owner within it.
    pub connection: &'a str,
    /// Which of its values.
    pub field: &'a str,
}

/// A sealed value: safe to store.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The envelope's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The envelope's bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A value could not be sealed or opened.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Too short to be an envelope, or its key id is no text.
    #[error("the sealed value is cut off or was not made by a vault")]
    Truncated,
    /// The envelope was written by a newer release.
    #[error("the sealed value has the unknown envelope version {0}: a newer release wrote it")]
    Version(u8),
    /// The key is not in the ring.
    #[error(
        "the value was sealed with the key `{0}`, which is not in the key ring: put that key back, after the first"
    )]
    UnknownKey(String),
    /// It was changed, belongs elsewhere, or the key of that id is another one.
    #[error(
        "the sealed value does not open here: it was changed, it belongs to another place, or its key was replaced"
    )]
    Refused,
    /// An id for a new key is unusable.
    #[error("a key id must be 1 to 32 letters, digits, `-` or `_`")]
    KeyId,
    /// No randomness for the nonce.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// Seals and opens secrets with a key ring.
#[derive(Debug, Clone)]
pub struct Vault {
    ring: KeyRing,
}

impl Vault {
    /// A vault with these keys.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// Seals a secret for its place.
    ///
    /// # Errors
    /// [`SealError::Randomness`] when the operating system has none.
    pub fn seal(&self, context: &Context<'_>, plain: &SecretString) -> Result<Sealed, SealError> {
        let key = self.ring.keys.first().ok_or(SealError::KeyId)?;
        let nonce = secret::random::<NONCE_BYTES>()?;
        let payload = Payload { msg: plain.expose_secret().as_bytes(), aad: &associated(context, &key.id) };
        let ciphertext = key.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Refused)?;
        let id_length = u8::try_from(key.id.len()).map_err(|_| SealError::KeyId)?;
        Ok(Sealed([&[VERSION, id_length], key.id.as_bytes(), &nonce, &ciphertext].concat()))
    }

    /// Opens a sealed value at its place.
    ///
    /// # Errors
    /// [`SealError`] says why it does not open.
    pub fn open(&self, context: &Context<'_>, sealed: &[u8]) -> Result<SecretString, SealError> {
        let envelope = Envelope::read(sealed)?;
        let key = self.ring.keys.iter().find(|key| key.id == envelope.key_id);
        let key = key.ok_or_else(|| SealError::UnknownKey(envelope.key_id.to_owned()))?;
        let payload = Payload { msg: envelope.ciphertext, aad: &associated(context, &key.id) };
        let plain = key.cipher().decrypt(&XNonce::from(envelope.nonce), payload).map_err(|_| SealError::Refused)?;
        let plain = Zeroizing::new(plain);
        std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| SealError::Refused)
    }

    /// The id of the key that seals.
    pub fn sealing_key(&self) -> &str {
        self.ring.ids().next().unwrap_or_default()
    }

    /// Whether a value was sealed with another key than the ring's first.
    ///
    /// # Errors
    /// As [`key_id`].
    pub fn needs_rotation(&self, sealed: &[u8]) -> Result<bool, SealError> {
        Ok(self.ring.ids().next() != Some(key_id(sealed)?))
    }
}

/// Which key sealed a value.
///
/// # Errors
/// [`SealError::Truncated`] or [`SealError::Version`] when it is no envelope.
pub fn key_id(sealed: &[u8]) -> Result<&str, SealError> {
    Ok(Envelope::read(sealed)?.key_id)
}

struct Envelope<'a> {
    key_id: &'a str,
    nonce: [u8; NONCE_BYTES],
    ciphertext: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(sealed: &'a [u8]) -> Result<Self, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Truncated)?;
        if *version != VERSION {
            return Err(SealError::Version(*version));
        }
        let (id_length, rest) = rest.split_first().ok_or(SealError::Truncated)?;
        let (id, rest) = rest.split_at_checked(usize::from(*id_length)).ok_or(SealError::Truncated)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Truncated)?;
        let key_id = std::str::from_utf8(id).ok().filter(|id| is_id(id)).ok_or(SealError::Truncated)?;
        if ciphertext.len() < TAG_BYTES {
            return Err(SealError::Truncated);
        }
        Ok(Self { key_id, nonce: *nonce, ciphertext })
    }
}

/// What the tag also covers. Every part comes with its length, so that no two places give the same bytes.
fn associated(context: &Context<'_>, key_id: &str) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for part in [context.tenant, context.connection, context.field, key_id] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
