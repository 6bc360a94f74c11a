//! Webhook signatures: published vectors are accepted, and any input that differs in one bit is rejected.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod public_key;
mod support;

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use sidecar_core::{
    SecretString, Timestamp,
    signature::{Delivery, Ed25519, HmacSha256, RsaSha256, SignatureError, StandardWebhooks, Stripe, Verifier},
};

use public_key::{ED25519, RSA_2048};
use support::{base64, check, one_bit_off, secrets, unbase64};

const CAL_BODY: &str = r#"{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T18:00:00.000Z","payload":{"uid":"bk_1","bookingId":100,"metadata":{"organizationId":"o1"}}}"#;
const CAL_SIGNATURE: &str = "552efcfbd67221140097d63f22e0c8bb8e0fd87618e032fc787eb009c1317359";

const STRIPE_BODY: &str = r#"{"id":"evt_1","object":"event"}"#;
const STRIPE_HEADER: &str = "t=1700000000,v1=4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021";
const STRIPE_TIME: i64 = 1_700_000_000;

const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_BODY: &str = r#"{"test": 2432232314}"#;
const STANDARD_TIME: i64 = 1_614_265_330;
const STANDARD_HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
    ("webhook-timestamp", "1614265330"),
    ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
];

#[test]
fn the_cal_com_vector_passes_with_a_second_secret() {
    let verifier = HmacSha256::hex("x-cal-signature-256", secrets(["new", "whsec_test"])).unwrap();
    let verified = check(&verifier, &[("X-Cal-Signature-256", CAL_SIGNATURE)], CAL_BODY, 0).unwrap();
    assert_eq!((verified.scheme, verified.key_id.as_deref()), ("hmac-sha256", Some("1")));
}

#[test]
fn an_hmac_in_base64_or_with_a_prefix_passes() {
    // printf hello | openssl dgst -sha256 -hmac key -binary | base64
    let verifier = HmacSha256::base64("x-sig", secrets(["key"])).unwrap();
    check(&verifier, &[("x-sig", "kwezuRXvtRcf8U2MtV+8x5jGwO8UVtZt7RpqpyOli3s=")], "hello", 0).unwrap();
    let verifier = HmacSha256::hex("x-cal-signature-256", secrets(["whsec_test"])).unwrap().prefix("sha256=");
    check(&verifier, &[("x-cal-signature-256", &format!("sha256={CAL_SIGNATURE}"))], CAL_BODY, 0).unwrap();
    let bare = check(&verifier, &[("x-cal-signature-256", CAL_SIGNATURE)], CAL_BODY, 0);
    assert!(matches!(bare, Err(SignatureError::Malformed(_))), "{bare:?}");
}

#[test]
fn one_bit_off_in_an_hmac_body_signature_or_secret_is_a_mismatch() {
    let verifier = HmacSha256::hex("x-sig", secrets(["whsec_test"])).unwrap();
    for body in one_bit_off(CAL_BODY.as_bytes()) {
        assert_eq!(check(&verifier, &[("x-sig", CAL_SIGNATURE)], body, 0), Err(SignatureError::Mismatch));
    }
    let verifier_b64 = HmacSha256::base64("x-sig", secrets(["key"])).unwrap();
    for tag in one_bit_off(&unbase64("kwezuRXvtRcf8U2MtV+8x5jGwO8UVtZt7RpqpyOli3s=")) {
        assert_eq!(check(&verifier_b64, &[("x-sig", &base64(&tag))], "hello", 0), Err(SignatureError::Mismatch));
    }
    for secret in one_bit_off(b"whsec_test").filter_map(|bytes| String::from_utf8(bytes).ok()) {
        if let Ok(verifier) = HmacSha256::hex("x-sig", [SecretString::from(secret)]) {
            assert_eq!(check(&verifier, &[("x-sig", CAL_SIGNATURE)], CAL_BODY, 0), Err(SignatureError::Mismatch));
        }
    }
}

#[test]
fn missing_duplicate_and_malformed_headers_are_distinguished() {
    let verifier = HmacSha256::hex("x-sig", secrets(["whsec_test"])).unwrap();
    assert_eq!(check(&verifier, &[], CAL_BODY, 0), Err(SignatureError::Missing("x-sig")));
    assert_eq!(check(&verifier, &[("x-sig", " ")], CAL_BODY, 0), Err(SignatureError::Missing("x-sig")));
    let twice = [("x-sig", CAL_SIGNATURE), ("x-sig", CAL_SIGNATURE)];
    assert!(matches!(check(&verifier, &twice, CAL_BODY, 0), Err(SignatureError::Malformed(_))));
    for text in ["no-secret-provided", &CAL_SIGNATURE[1..], &format!("{CAL_SIGNATURE}00"), "zz"] {
        let result = check(&verifier, &[("x-sig", text)], CAL_BODY, 0);
        assert!(matches!(result, Err(SignatureError::Malformed(_))), "{text}: {result:?}");
    }
}

#[test]
fn a_verifier_without_keys_rejects_everything() {
    let none: [SecretString; 0] = [];
    let verifiers: [Box<dyn Verifier>; 5] = [
        Box::new(HmacSha256::hex("x-sig", none.clone()).unwrap()),
        Box::new(Stripe::new(none.clone()).unwrap()),
        Box::new(StandardWebhooks::new(none).unwrap()),
        Box::new(Ed25519::new("x-sig", [""; 0]).unwrap()),
        Box::new(RsaSha256::new("x-sig", [""; 0]).unwrap()),
    ];
    for verifier in verifiers {
        let result = check(&*verifier, &[("x-sig", CAL_SIGNATURE), ("stripe-signature", STRIPE_HEADER)], CAL_BODY, 0);
        assert_eq!(result, Err(SignatureError::NoKeys), "{verifier:?}");
    }
}

#[test]
fn an_unusable_secret_is_reported_by_index_and_never_shown() {
    for bad in ["", "  ", "hunter2\n", " hunter2"] {
        let errors = [
            HmacSha256::hex("x", secrets(["good", bad])).unwrap_err(),
            Stripe::new(secrets(["good", bad])).unwrap_err(),
            StandardWebhooks::new(secrets([STANDARD_SECRET, bad])).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.index, 1);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
    assert_eq!(StandardWebhooks::new(secrets(["whsec_%%%"])).unwrap_err().index, 0);
    assert_eq!(StandardWebhooks::new(secrets(["whsec_"])).unwrap_err().index, 0);
}

#[test]
fn debug_shows_neither_secrets_nor_header_values() {
    let verifier = HmacSha256::hex("x-sig", secrets(["hunter2"])).unwrap();
    assert!(!format!("{verifier:?}").contains("hunter2"));
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static("hunter2"))]);
    let delivery = Delivery { headers: &headers, body: b"hunter2", received_at: Timestamp::EPOCH };
    assert!(!format!("{delivery:?}").contains("hunter2"));
}

#[test]
fn the_stripe_vector_passes_within_five_minutes_both_ways() {
    let verifier = Stripe::new(secrets(["whsec_test"])).unwrap();
    for (offset, fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (3_600, false)] {
        let result = check(&verifier, &[("stripe-signature", STRIPE_HEADER)], STRIPE_BODY, STRIPE_TIME + offset);
        match result {
            Ok(verified) => assert!(fresh && verified.signed_at == Some(Timestamp::from_secs(STRIPE_TIME)), "{offset}"),
            Err(error) => assert!(!fresh && matches!(error, SignatureError::Stale { .. }), "{offset}: {error}"),
        }
    }
    let tolerant = verifier.with_tolerance(Duration::from_secs(3_600));
    check(&tolerant, &[("stripe-signature", STRIPE_HEADER)], STRIPE_BODY, STRIPE_TIME + 3_600).unwrap();
}

#[test]
fn one_of_several_stripe_signatures_or_secrets_is_enough() {
    let verifier = Stripe::new(secrets(["whsec_new", "whsec_test"])).unwrap();
    let wrong = "0".repeat(64);
    let good = STRIPE_HEADER.replace(",v1=", &format!(",v0=abc,v1={wrong},v1="));
    let verified = check(&verifier, &[("stripe-signature", &good)], STRIPE_BODY, STRIPE_TIME).unwrap();
    assert_eq!(verified.key_id.as_deref(), Some("1"));
}

#[test]
fn changed_stripe_headers_are_rejected() {
    let verifier = Stripe::new(secrets(["whsec_test"])).unwrap();
    let v1 = &STRIPE_HEADER["t=1700000000,v1=".len()..];
    for (header, expected) in [
        (format!("t=1700000001,v1={v1}"), SignatureError::Mismatch),
        (format!("t=1700000000,v1={}", "0".repeat(64)), SignatureError::Mismatch),
    ] {
        assert_eq!(check(&verifier, &[("stripe-signature", &header)], STRIPE_BODY, STRIPE_TIME), Err(expected));
    }
    for header in [
        format!("t=1700000000,v0={v1}"),
        format!("v1={v1}"),
        format!("t=1700000000, v1={v1}"),
        format!("t=1700000000,t=1700000000,v1={v1}"),
        format!("t=+1700000000,v1={v1}"),
        format!("t=99999999999999999999,v1={v1}"),
        "t=,v1=".into(),
        v1.into(),
    ] {
        let result = check(&verifier, &[("stripe-signature", &header)], STRIPE_BODY, STRIPE_TIME);
        assert!(matches!(result, Err(SignatureError::Malformed(_))), "{header}: {result:?}");
    }
    for body in one_bit_off(STRIPE_BODY.as_bytes()) {
        let result = check(&verifier, &[("stripe-signature", STRIPE_HEADER)], body, STRIPE_TIME);
        assert_eq!(result, Err(SignatureError::Mismatch));
    }
}

#[test]
fn a_forged_old_delivery_is_a_mismatch_and_not_stale() {
    let verifier = Stripe::new(secrets(["other"])).unwrap();
    let result = check(&verifier, &[("stripe-signature", STRIPE_HEADER)], STRIPE_BODY, STRIPE_TIME + 9_999);
    assert_eq!(result, Err(SignatureError::Mismatch));
}

#[test]
fn the_standard_webhooks_vector_passes_with_its_id_and_time() {
    let verifier = StandardWebhooks::new(secrets([STANDARD_SECRET])).unwrap();
    let verified = check(&verifier, &STANDARD_HEADERS, STANDARD_BODY, STANDARD_TIME + 10).unwrap();
    assert_eq!(verified.delivery_id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    assert_eq!(verified.signed_at, Some(Timestamp::from_secs(STANDARD_TIME)));
    let stale = check(&verifier, &STANDARD_HEADERS, STANDARD_BODY, STANDARD_TIME + 301);
    assert!(matches!(stale, Err(SignatureError::Stale { .. })), "{stale:?}");
}

#[test]
fn standard_webhooks_signature_lists_and_bare_secrets_are_accepted() {
    let bare = STANDARD_SECRET.strip_prefix("whsec_").unwrap();
    let verifier = StandardWebhooks::new(secrets([bare])).unwrap();
    let list = format!("v1a,AAAA v1,{} {}", base64(&[0; 32]), STANDARD_HEADERS[2].1);
    let headers = [STANDARD_HEADERS[0], STANDARD_HEADERS[1], ("webhook-signature", &list)];
    check(&verifier, &headers, STANDARD_BODY, STANDARD_TIME).unwrap();
}

#[test]
fn a_changed_standard_webhook_is_rejected() {
    let verifier = StandardWebhooks::new(secrets([STANDARD_SECRET])).unwrap();
    for body in one_bit_off(STANDARD_BODY.as_bytes()) {
        assert_eq!(check(&verifier, &STANDARD_HEADERS, body, STANDARD_TIME), Err(SignatureError::Mismatch));
    }
    for changed in [("webhook-id", "msg_other"), ("webhook-timestamp", "1614265331")] {
        let headers = STANDARD_HEADERS.map(|header| if header.0 == changed.0 { changed } else { header });
        assert_eq!(check(&verifier, &headers, STANDARD_BODY, STANDARD_TIME), Err(SignatureError::Mismatch));
    }
    for changed in [("webhook-id", "msg.1"), ("webhook-timestamp", "soon"), ("webhook-signature", "v2,AAAA")] {
        let headers = STANDARD_HEADERS.map(|header| if header.0 == changed.0 { changed } else { header });
        let result = check(&verifier, &headers, STANDARD_BODY, STANDARD_TIME);
        assert!(matches!(result, Err(SignatureError::Malformed(_))), "{changed:?}: {result:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_headers_and_bodies_are_never_accepted_and_never_panic(
        header in "[ -~]{0,200}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        key in "\\PC{0,120}",
    ) {
        let verifiers: [Box<dyn Verifier>; 5] = [
            Box::new(HmacSha256::hex("x-sig", secrets(["s"])).unwrap()),
            Box::new(Stripe::new(secrets(["s"])).unwrap()),
            Box::new(StandardWebhooks::new(secrets([STANDARD_SECRET])).unwrap()),
            Box::new(Ed25519::new("x-sig", [ED25519]).unwrap()),
            Box::new(RsaSha256::new("x-sig", [RSA_2048]).unwrap()),
        ];
        let headers = ["x-sig", "stripe-signature", "webhook-signature", "webhook-id", "webhook-timestamp"];
        for verifier in verifiers {
            prop_assert!(check(&*verifier, &headers.map(|name| (name, &*header)), &body, 0).is_err());
        }
        let pem = format!("-----BEGIN PUBLIC KEY-----{key}-----END PUBLIC KEY-----");
        prop_assert!(RsaSha256::new("x", [&key, &pem]).is_err());
        prop_assert!(Ed25519::new("x", [&pem]).is_err());
    }
}
