//! The vault: a sealed value opens only with its key and in the context that it was sealed for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use sidecar_core::{
    SecretString,
    vault::{Context, KeyRing, KeyRingError, SealError, Vault, key_id},
};

const CONTEXT: Context<'static> = Context { tenant: "org_1", connection: "ghl:location:l_1", field: "access" };

fn entry(id: &str, byte: u8) -> String {
    format!("{id}:{}", STANDARD.encode([byte; 32]))
}

fn vault(entries: &[String]) -> Vault {
    Vault::new(KeyRing::parse(&entries.join(",").into()).unwrap())
}

fn seal(vault: &Vault, text: &str) -> Vec<u8> {
    vault.seal(&CONTEXT, &text.into()).unwrap().into_bytes()
}

#[test]
fn a_sealed_secret_opens_in_its_context() {
    let vault = vault(&[entry("k1", 1)]);
    for text in ["", "token", "ключ 🔑"] {
        let sealed = seal(&vault, text);
        assert_eq!(vault.open(&CONTEXT, &sealed).unwrap().expose_secret(), text);
        assert!(text.is_empty() || !sealed.windows(text.len()).any(|part| part == text.as_bytes()));
    }
    assert_ne!(seal(&vault, "token"), seal(&vault, "token"), "each call of `seal` uses a new nonce");
}

#[test]
fn a_value_does_not_open_in_another_context() {
    let vault = vault(&[entry("k1", 1)]);
    let sealed = seal(&vault, "token");
    let others = [
        Context { tenant: "org_2", ..CONTEXT },
        Context { connection: "ghl:location:l_2", ..CONTEXT },
        Context { field: "refresh", ..CONTEXT },
        Context { tenant: "org_1g", connection: "hl:location:l_1", ..CONTEXT },
        Context { tenant: "", connection: "org_1ghl:location:l_1", ..CONTEXT },
        Context { tenant: CONTEXT.connection, connection: CONTEXT.tenant, ..CONTEXT },
    ];
    for context in others {
        assert!(matches!(vault.open(&context, &sealed), Err(SealError::Refused)), "{context:?}");
    }
}

#[test]
fn a_value_with_any_bit_flipped_does_not_open() {
    let vault = vault(&[entry("k1", 1), entry("k2", 2)]);
    let sealed = seal(&vault, "token");
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(vault.open(&CONTEXT, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn a_truncated_value_does_not_open() {
    let vault = vault(&[entry("k1", 1)]);
    let sealed = seal(&vault, "token");
    for length in 0..sealed.len() {
        let error = vault.open(&CONTEXT, &sealed[..length]).unwrap_err();
        assert!(matches!(error, SealError::Truncated | SealError::Refused), "{length}: {error}");
    }
}

#[test]
fn values_sealed_before_a_key_rotation_still_open() {
    let old = vault(&[entry("k1", 1)]);
    let sealed = seal(&old, "token");
    let both = vault(&[entry("k2", 2), entry("k1", 1)]);
    assert_eq!((key_id(&sealed).unwrap(), both.needs_rotation(&sealed).unwrap()), ("k1", true));
    let resealed = both.seal(&CONTEXT, &both.open(&CONTEXT, &sealed).unwrap()).unwrap();
    assert!(!both.needs_rotation(resealed.as_bytes()).unwrap());
    let new = vault(&[entry("k2", 2)]);
    assert_eq!(new.open(&CONTEXT, resealed.as_bytes()).unwrap().expose_secret(), "token");
    assert!(matches!(new.open(&CONTEXT, &sealed), Err(SealError::UnknownKey(id)) if id == "k1"));
    let replaced = vault(&[entry("k1", 9)]);
    assert!(matches!(replaced.open(&CONTEXT, &sealed), Err(SealError::Refused)));
}

#[test]
fn an_unknown_envelope_version_is_reported() {
    let vault = vault(&[entry("k1", 1)]);
    let mut sealed = seal(&vault, "token");
    sealed[0] = 2;
    assert!(matches!(vault.open(&CONTEXT, &sealed), Err(SealError::Version(2))));
}

#[test]
fn a_key_ring_error_names_the_entry_and_hides_the_key() {
    let key = STANDARD.encode([7; 32]);
    let parse = |text: &str| KeyRing::parse(&text.into()).unwrap_err();
    assert_eq!(parse("  "), KeyRingError::Empty);
    assert_eq!(parse(&key), KeyRingError::Shape { entry: 1 });
    assert_eq!(parse(&format!("a:{key},")), KeyRingError::Shape { entry: 2 });
    assert_eq!(parse(&format!("a:{key},b c:{key}")), KeyRingError::Id { entry: 2 });
    assert_eq!(parse(&format!("a:{key},a:{key}")), KeyRingError::Duplicate { entry: 2, id: "a".into() });
    for bad in ["", "hunter2", &STANDARD.encode([7; 31]), &STANDARD.encode([7; 33])] {
        let error = parse(&format!("a:{bad}"));
        assert_eq!(error, KeyRingError::Key { entry: 1, id: "a".into() });
        assert!(bad.is_empty() || !format!("{error} {error:?}").contains(bad));
    }
}

#[test]
fn a_generated_entry_is_a_valid_key_ring() {
    let entry = KeyRing::generate_entry("2026-03").unwrap();
    let ring = KeyRing::parse(&entry).unwrap();
    assert_eq!(ring.ids().collect::<Vec<_>>(), ["2026-03"]);
    assert_ne!(entry.expose_secret(), KeyRing::generate_entry("2026-03").unwrap().expose_secret());
    assert!(matches!(KeyRing::generate_entry("a:b"), Err(SealError::KeyId)));
}

#[test]
fn debug_shows_ids_only() {
    let vault = vault(&[entry("k1", 7), entry("k2", 8)]);
    assert_eq!(format!("{vault:?}"), r#"Vault { ring: KeyRing["k1", "k2"] }"#);
    let sealed = vault.seal(&CONTEXT, &SecretString::from("token")).unwrap();
    assert_eq!(format!("{sealed:?}"), format!("Sealed({} bytes)", sealed.as_bytes().len()));
}

proptest! {
    #[test]
    fn random_bytes_never_open_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let vault = vault(&[entry("k1", 1)]);
        prop_assert!(vault.open(&CONTEXT, &bytes).is_err());
        let _ = key_id(&bytes);
        let framed = [&[1, 2][..], b"k1", &bytes].concat();
        prop_assert!(vault.open(&CONTEXT, &framed).is_err());
    }

    #[test]
    fn a_value_opens_only_in_an_equal_context(a in "[a-c]{0,3}", b in "[a-c]{0,3}", c in "[a-c]{0,3}", x in "[a-c]{0,3}", y in "[a-c]{0,3}", z in "[a-c]{0,3}") {
        let vault = vault(&[entry("k1", 1)]);
        let sealed_for = Context { tenant: &a, connection: &b, field: &c };
        let other = Context { tenant: &x, connection: &y, field: &z };
        let sealed = vault.seal(&sealed_for, &"token".into()).unwrap();
        prop_assert_eq!(vault.open(&other, sealed.as_bytes()).is_ok(), sealed_for == other);
    }
}
