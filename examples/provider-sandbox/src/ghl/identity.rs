//! The company's and the app's ids, credentials and webhook keys, derived from the seed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::EncodePublicKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::{Signer, SigningKey};

use crate::rng::SeededRng;

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
    wrong_key: SigningKey,
}

impl Identity {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = SeededRng::new(seed, &[0x1D]);
        let app_id = format!("{:016x}{:08x}", rng.next(), rng.below(1 << 32));
        Self {
            company_id: rng.id(),
            user_id: rng.id(),
            version_id: app_id.clone(),
            plan_id: rng.id(),
            client_id: format!("{app_id}-{}", rng.id().to_lowercase()),
            client_secret: format!("{}{}", rng.id(), rng.id()),
            app_id,
            key: signing_key(&mut rng),
            wrong_key: signing_key(&mut rng),
        }
    }

    /// Returns the public key of webhook signatures as PEM.
    pub(crate) fn public_key_pem(&self) -> String {
        self.key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Returns the `X-GHL-Signature` of a body: base64 of Ed25519 over the raw bytes.
    pub(crate) fn sign(&self, body: &[u8]) -> String {
        BASE64.encode(self.key.sign(body).to_bytes())
    }

    /// Returns a well-formed signature of another key.
    pub(crate) fn sign_with_wrong_key(&self, body: &[u8]) -> String {
        BASE64.encode(self.wrong_key.sign(body).to_bytes())
    }
}

fn signing_key(rng: &mut SeededRng) -> SigningKey {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&rng.next().to_le_bytes());
    }
    SigningKey::from_bytes(&bytes)
}
