//! Who the stand-in is: company, app credentials and the key that signs webhooks. Made from the seed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};

use crate::dice::Dice;

/// The company, its app and its signing key.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) company_id: String,
    pub(crate) user_id: String,
    pub(crate) app_id: String,
    pub(crate) version_id: String,
    pub(crate) plan_id: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    key: SigningKey,
    foreign_key: SigningKey,
}

impl Identity {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, &[0x1D]);
        let app_id = format!("{:016x}{:08x}", dice.next(), dice.below(1 << 32));
        Self {
            company_id: dice.id(),
            user_id: dice.id(),
            version_id: app_id.clone(),
            plan_id: dice.id(),
            client_id: format!("{app_id}-{}", dice.id().to_lowercase()),
            client_secret: format!("{}{}", dice.id(), dice.id()),
            app_id,
            key: key(&mut dice),
            foreign_key: key(&mut dice),
        }
    }

    /// The key webhooks verify with, as PEM.
    pub(crate) fn public_key_pem(&self) -> String {
        self.key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// `X-GHL-Signature` of a body: base64 of Ed25519 over the raw bytes.
    pub(crate) fn sign(&self, body: &[u8]) -> String {
        BASE64.encode(self.key.sign(body).to_bytes())
    }

    /// A signature that looks right and was made with somebody else's key.
    pub(crate) fn forge(&self, body: &[u8]) -> String {
        BASE64.encode(self.foreign_key.sign(body).to_bytes())
    }
}

fn key(dice: &mut Dice) -> SigningKey {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&dice.next().to_le_bytes());
    }
    SigningKey::from_bytes(&bytes)
}
