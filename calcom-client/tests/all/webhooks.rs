use std::time::Duration;

use calcom_client::{
    CalcomVerifier,
    events::{EventKind, NO_SECRET, SIGNATURE_HEADER, delivery_id, fixtures},
};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use sidecar_core::{
    SecretString, Timestamp,
    signature::{Delivery, SignatureError, Verified, Verifier},
    test_util::hmac_sha256_hex,
};

use crate::support::NOW;

/// A secret, a body and its signature, computed outside of the crate.
const SECRET: &str = "whsec_test";
const BODY: &[u8] = br#"{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T18:00:00.000Z","payload":{"uid":"bk_1","bookingId":100,"metadata":{"organizationId":"o1"}}}"#;
const SIGNATURE: &str = "552efcfbd67221140097d63f22e0c8bb8e0fd87618e032fc787eb009c1317359";

fn verifier(secrets: &[&str]) -> CalcomVerifier {
    CalcomVerifier::new(secrets.iter().map(|secret| SecretString::from(*secret))).unwrap()
}

fn verify(verifier: &CalcomVerifier, headers: &HeaderMap, body: &[u8]) -> Result<Verified, SignatureError> {
    verifier.verify(Delivery { headers, body, received_at: NOW })
}

fn with(signature: &str) -> HeaderMap {
    HeaderMap::from_iter([(SIGNATURE_HEADER.parse().unwrap(), HeaderValue::from_str(signature).unwrap())])
}

#[test]
fn the_known_signature_passes_in_upper_and_lower_case() {
    assert_eq!(BODY.len(), 149);
    for signature in [SIGNATURE.to_owned(), SIGNATURE.to_uppercase()] {
        let verified = verify(&verifier(&[SECRET]), &with(&signature), BODY).unwrap();
        assert_eq!(verified.scheme, "hmac-sha256");
        assert_eq!(verified.delivery_id, Some(delivery_id(BODY)));
        assert_eq!(verified.signed_at, Some("2026-11-23T18:00:00Z".parse().unwrap()));
    }
    assert_eq!(delivery_id(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn every_change_of_one_bit_is_rejected() {
    let verifier = verifier(&[SECRET]);
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&verifier, &with(SIGNATURE), &body), Err(SignatureError::Mismatch), "bit {bit}");
    }
    for digit in 0..SIGNATURE.len() {
        for bit in 0..4 {
            let value = char::from(SIGNATURE.as_bytes()[digit]).to_digit(16).unwrap() ^ (1 << bit);
            let mut changed = SIGNATURE.to_owned();
            changed.replace_range(digit..=digit, &format!("{value:x}"));
            assert_eq!(verify(&verifier, &with(&changed), BODY), Err(SignatureError::Mismatch), "{changed}");
        }
    }
}

#[test]
fn a_missing_or_malformed_signature_is_rejected() {
    let verifier = verifier(&[SECRET]);
    assert_eq!(verify(&verifier, &HeaderMap::new(), BODY), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    assert_eq!(verify(&verifier, &with(""), BODY), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    assert_eq!(verify(&verifier, &with(NO_SECRET), BODY), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    for malformed in [&SIGNATURE[..63], &format!("{SIGNATURE}0"), &format!("sha256={SIGNATURE}"), &"g".repeat(64)] {
        let outcome = verify(&verifier, &with(malformed), BODY);
        assert!(matches!(outcome, Err(SignatureError::Malformed(_))), "{malformed}: {outcome:?}");
    }
    let mut twice = with(SIGNATURE);
    twice.append(SIGNATURE_HEADER, HeaderValue::from_static(SIGNATURE));
    assert!(matches!(verify(&verifier, &twice, BODY), Err(SignatureError::Malformed(_))));
    let mut first = with(NO_SECRET);
    first.append(SIGNATURE_HEADER, HeaderValue::from_static(SIGNATURE));
    assert!(verify(&verifier, &first, BODY).is_err());
}

#[test]
fn old_and_new_secrets_pass_during_a_rotation_and_others_never() {
    let verifier = verifier(&["old", "new"]);
    for (secret, key) in [("old", "0"), ("new", "1")] {
        let verified = verify(&verifier, &hmac_sha256_hex(SIGNATURE_HEADER, secret, BODY), BODY).unwrap();
        assert_eq!(verified.key_id.as_deref(), Some(key));
    }
    for other in ["other", "old ", "OLD", ""] {
        let headers = hmac_sha256_hex(SIGNATURE_HEADER, other, BODY);
        assert_eq!(verify(&verifier, &headers, BODY), Err(SignatureError::Mismatch), "{other:?}");
    }
}

#[test]
fn without_a_secret_every_delivery_is_rejected() {
    assert_eq!(verify(&verifier(&[]), &with(SIGNATURE), BODY), Err(SignatureError::NoKeys));
    for secret in ["", "  ", "secret\n"] {
        assert!(CalcomVerifier::new([SecretString::from(secret)]).is_err(), "{secret:?}");
    }
    let shown = format!("{:?}", verifier(&[SECRET]));
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn a_tolerance_rejects_stale_events_but_not_meetings_without_a_time() {
    let strict = verifier(&[SECRET]).tolerance(Duration::from_secs(3_600));
    let signed = |fixture: fixtures::Fixture| fixture.signed(SECRET);
    let fresh = signed(fixtures::of(&EventKind::BookingCreated).at(Timestamp::from_secs(NOW.as_secs() - 600)));
    verify(&strict, &fresh.headers, &fresh.body).unwrap();
    for offset in [-7_200, 7_200] {
        let stale = signed(fixtures::of(&EventKind::BookingCreated).at(Timestamp::from_secs(NOW.as_secs() + offset)));
        assert!(matches!(verify(&strict, &stale.headers, &stale.body), Err(SignatureError::Stale { .. })));
        verify(&verifier(&[SECRET]), &stale.headers, &stale.body).unwrap();
    }
    let meeting = signed(fixtures::of(&EventKind::MeetingEnded));
    assert_eq!(verify(&strict, &meeting.headers, &meeting.body).unwrap().signed_at, None);
}

proptest! {
    #[test]
    fn any_body_passes_only_if_signed_with_the_secret(
        body in prop::collection::vec(any::<u8>(), 0..300),
        secret in "[!-~]{1,40}",
        other in "[!-~]{1,40}",
    ) {
        let headers = hmac_sha256_hex(SIGNATURE_HEADER, &secret, &body);
        prop_assert!(verify(&verifier(&[&secret]), &headers, &body).is_ok());
        prop_assume!(secret != other);
        prop_assert_eq!(verify(&verifier(&[&other]), &headers, &body), Err(SignatureError::Mismatch));
    }
}
