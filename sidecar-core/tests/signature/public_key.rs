//! Ed25519 and RSA signatures. The vectors were generated with OpenSSL; their private keys were deleted.

use sidecar_core::signature::{Ed25519, RsaSha256, SignatureError};

use crate::support::{base64, check, one_bit_off, unbase64};

const BODY: &[u8] = include_bytes!("vectors/body.json");
pub(crate) const RSA_2048: &str = include_str!("vectors/rsa_2048.pem");
const RSA_2048_SIGNATURE: &str = include_str!("vectors/rsa_2048.sig");
const RSA_4096: &str = include_str!("vectors/rsa_4096.pem");
const RSA_4096_SIGNATURE: &str = include_str!("vectors/rsa_4096.sig");
pub(crate) const ED25519: &str = include_str!("vectors/ed25519.pem");
const ED25519_SIGNATURE: &str = include_str!("vectors/ed25519.sig");
const GHL_RSA: &str = include_str!("vectors/ghl_rsa.pem");
const GHL_ED25519: &str = include_str!("vectors/ghl_ed25519.pem");

#[test]
fn an_ed25519_signature_passes_under_a_pem_an_escaped_pem_and_a_raw_key() {
    let raw = base64(&unbase64(ED25519.lines().nth(1).unwrap())[12..]);
    for key in [ED25519, &ED25519.replace('\n', "\\n"), &raw, raw.trim_end_matches('=')] {
        let verifier = Ed25519::new("x-ghl-signature", [GHL_ED25519, key]).unwrap();
        let verified = check(&verifier, &[("X-GHL-Signature", ED25519_SIGNATURE)], BODY, 0).unwrap();
        assert_eq!((verified.scheme, verified.key_id.map(|id| id.len())), ("ed25519", Some(16)));
    }
}

#[test]
fn one_bit_off_in_an_ed25519_body_signature_or_key_is_rejected() {
    let verifier = Ed25519::new("x-sig", [ED25519]).unwrap();
    for body in one_bit_off(BODY) {
        assert_eq!(check(&verifier, &[("x-sig", ED25519_SIGNATURE)], body, 0), Err(SignatureError::Mismatch));
    }
    for signature in one_bit_off(&unbase64(ED25519_SIGNATURE)) {
        assert_eq!(check(&verifier, &[("x-sig", &base64(&signature))], BODY, 0), Err(SignatureError::Mismatch));
    }
    for key in one_bit_off(&unbase64(ED25519.lines().nth(1).unwrap())[12..]) {
        if let Ok(verifier) = Ed25519::new("x-sig", [base64(&key)]) {
            assert_eq!(check(&verifier, &[("x-sig", ED25519_SIGNATURE)], BODY, 0), Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn an_rsa_signature_passes_with_2048_and_4096_bits() {
    for (key, signature) in [(RSA_2048, RSA_2048_SIGNATURE), (RSA_4096, RSA_4096_SIGNATURE)] {
        let verifier = RsaSha256::new("x-wh-signature", [GHL_RSA, key]).unwrap();
        assert_eq!(check(&verifier, &[("x-wh-signature", signature)], BODY, 0).unwrap().scheme, "rsa-pkcs1-sha256");
        let other = RsaSha256::new("x-wh-signature", [GHL_RSA]).unwrap();
        assert_eq!(check(&other, &[("x-wh-signature", signature)], BODY, 0), Err(SignatureError::Mismatch));
    }
}

#[test]
fn one_bit_off_in_an_rsa_body_signature_or_key_is_rejected() {
    let verifier = RsaSha256::new("x-sig", [RSA_2048]).unwrap();
    for body in one_bit_off(BODY) {
        assert_eq!(check(&verifier, &[("x-sig", RSA_2048_SIGNATURE)], body, 0), Err(SignatureError::Mismatch));
    }
    for signature in one_bit_off(&unbase64(RSA_2048_SIGNATURE)) {
        assert_eq!(check(&verifier, &[("x-sig", &base64(&signature))], BODY, 0), Err(SignatureError::Mismatch));
    }
    let der: String = RSA_2048.lines().filter(|line| !line.starts_with("-----")).collect();
    for key in one_bit_off(&unbase64(&der)) {
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&key));
        if let Ok(verifier) = RsaSha256::new("x-sig", [pem]) {
            assert_eq!(check(&verifier, &[("x-sig", RSA_2048_SIGNATURE)], BODY, 0), Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn the_platform_keys_of_ghl_are_accepted() {
    RsaSha256::new("x-wh-signature", [GHL_RSA]).unwrap();
    Ed25519::new("x-ghl-signature", [GHL_ED25519]).unwrap();
}

#[test]
fn an_invalid_public_key_is_rejected_with_the_reason() {
    let ec = include_str!("vectors/ec.pem");
    let small = include_str!("vectors/rsa_1024.pem");
    let truncated = &RSA_2048[..200];
    let weak = base64(&[0; 32]);
    for (key, problem) in
        [(ec, "not an RSA key"), (small, "2048 to 4096"), (truncated, "cut off"), ("", "no PEM"), (ED25519, "RSA")]
    {
        let error = RsaSha256::new("x", [RSA_2048, key]).unwrap_err();
        assert!(error.index == 1 && error.problem.contains(problem), "{error}");
    }
    for (key, problem) in
        [(RSA_2048, "Ed25519"), ("", "32 bytes"), (&*weak, "weak"), ("-----BEGIN PRIVATE KEY-----", "another kind")]
    {
        let error = Ed25519::new("x", [ED25519, key]).unwrap_err();
        assert!(error.index == 1 && error.problem.contains(problem), "{error}");
    }
}
