use std::{fmt, sync::Arc};

use curve25519_dalek::{
    constants::ED25519_BASEPOINT_TABLE, edwards::EdwardsBasepointTable, scalar::Scalar, traits::BasepointTable,
};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};

/// A public key under which many signatures are checked, with multiples of its point worked out before (30 KB, 1 ms).
///
/// [`VerifyingKey::verify_strict`] does not know that the key stays the same, and doubles a point 250 times for each signature;
/// with the table it takes a quarter less time. What is accepted is the same, and tested to be: RFC 8032 §5.1.7 without the
/// cofactor, with S below the group's order and R in its one encoding and of no small order.
#[derive(Clone)]
pub(super) struct Key {
    bytes: [u8; 32],
    /// Of the negated point.
    table: Arc<EdwardsBasepointTable>,
}

impl Key {
    /// None for a key of small order.
    pub(super) fn new(key: &VerifyingKey) -> Option<Self> {
        let table = || Arc::new(EdwardsBasepointTable::create(&-key.to_edwards()));
        (!key.is_weak()).then(|| Self { bytes: key.to_bytes(), table: table() })
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether the holder of the private key signed the message.
    pub(super) fn is_signed(&self, message: &[u8], signature: &Signature) -> bool {
        let Some(s) = Scalar::from_canonical_bytes(*signature.s_bytes()).into_option() else { return false };
        let hash = Sha512::new().chain_update(signature.r_bytes()).chain_update(self.bytes).chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let r = ED25519_BASEPOINT_TABLE * &s + &*self.table * &k;
        r.compress().as_bytes() == signature.r_bytes() && !r.is_small_order()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::{
        EdwardsPoint,
        constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
        edwards::CompressedEdwardsY,
        traits::Identity,
    };
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    use super::*;

    /// What both say of a signature, which must be the same.
    fn verdict(key: &VerifyingKey, message: &[u8], signature: [u8; 64]) -> bool {
        let signature = Signature::from_bytes(&signature);
        let strict = key.verify_strict(message, &signature).is_ok();
        assert_eq!(Key::new(key).unwrap().is_signed(message, &signature), strict, "{key:?} {signature:?}");
        strict
    }

    fn hash(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
        let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message);
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }

    fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        signature
    }

    /// A scalar that was not reduced: one more group order in it.
    fn plus_order(s: [u8; 32]) -> [u8; 32] {
        let order = (-Scalar::ONE).to_bytes();
        let mut carry = 1;
        let mut sum = [0; 32];
        for (index, byte) in sum.iter_mut().enumerate() {
            let next = u16::from(s[index]) + u16::from(order[index]) + carry;
            (*byte, carry) = (next.to_le_bytes()[0], next >> 8);
        }
        sum
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn it_says_what_the_library_says(seed: [u8; 32], message: Vec<u8>, byte in 0_usize..64, bit in 0_u32..8) {
            let private = SigningKey::from_bytes(&seed);
            let key = private.verifying_key();
            let mut signature = private.sign(&message).to_bytes();
            prop_assert!(verdict(&key, &message, signature));
            signature[byte] ^= 1 << bit;
            prop_assert!(!verdict(&key, &message, signature));
        }

        #[test]
        fn a_scalar_that_is_not_reduced_is_refused(seed: [u8; 32], message: Vec<u8>) {
            let private = SigningKey::from_bytes(&seed);
            let signature = private.sign(&message);
            let large = joined(*signature.r_bytes(), plus_order(*signature.s_bytes()));
            prop_assert!(!verdict(&private.verifying_key(), &message, large));
        }

        #[test]
        fn a_commitment_of_small_order_is_refused_in_every_encoding(secret: [u8; 32], message: Vec<u8>) {
            let secret = Scalar::from_bytes_mod_order(secret);
            let key = VerifyingKey::from(ED25519_BASEPOINT_POINT * secret);
            prop_assume!(!key.is_weak());
            // The point 1 once more, not reduced.
            let mut again = [0xff; 32];
            (again[0], again[31]) = (0xee, 0x7f);
            let identity = EdwardsPoint::identity().compress().to_bytes();
            prop_assert!(CompressedEdwardsY(again).decompress() == Some(EdwardsPoint::identity()));
            for r in [identity, again].into_iter().chain(EIGHT_TORSION.map(|point| point.compress().to_bytes())) {
                let s = hash(&r, key.as_bytes(), &message) * secret;
                prop_assert!(!verdict(&key, &message, joined(r, s.to_bytes())));
            }
        }

        #[test]
        fn a_key_of_mixed_order_is_taken_as_the_library_takes_it(secret: [u8; 32], nonce: [u8; 32], torsion in 1_usize..8) {
            let (secret, nonce) = (Scalar::from_bytes_mod_order(secret), Scalar::from_bytes_mod_order(nonce));
            let key = VerifyingKey::from(ED25519_BASEPOINT_POINT * secret + EIGHT_TORSION[torsion]);
            prop_assume!(!key.is_weak());
            let r = (ED25519_BASEPOINT_POINT * nonce).compress().to_bytes();
            let signed = (0..128_u8).filter(|message| {
                let s = nonce + hash(&r, key.as_bytes(), &[*message]) * secret;
                verdict(&key, &[*message], joined(r, s.to_bytes()))
            });
            // The torsion falls out of every second to eighth of them.
            prop_assert!((1..128).contains(&signed.count()));
        }
    }
}
