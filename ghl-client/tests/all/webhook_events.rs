//! Every kind of event by its fixture: what the accessors say, and what becomes of bodies that have changed.

use std::collections::BTreeSet;

use ghl_client::{
    GhlEvent, GhlWebhookVerifier,
    events::{
        EventKind, SIGNATURE_HEADER, Subject,
        fixtures::{self, AT, Fixture},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{
    Timestamp,
    signature::{Delivery, SignatureError, Verifier},
    test_util::Ed25519Signer,
};

const LOCATION: &str = "hL3kQ9wZr7TnB2vXc5Ym";
const CONTACT: &str = "tA5mE7yHb2QxV9oLs3Gi";

fn read(fixture: &Fixture) -> GhlEvent {
    GhlEvent::parse(fixture.clone().body().to_string().as_bytes()).unwrap()
}

#[test]
fn there_is_a_fixture_of_every_kind_and_each_is_understood() {
    let kinds: BTreeSet<_> = fixtures::all().iter().map(|fixture| fixture.kind().as_str().to_owned()).collect();
    let known: BTreeSet<_> = EventKind::KNOWN.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(kinds, known);
    for fixture in fixtures::all() {
        let event = read(&fixture);
        assert!(!matches!(event, GhlEvent::Unknown(_)), "{event:?}");
        assert_eq!(event.kind(), *fixture.kind());
        assert_ne!(event.kind().subject(), Subject::Other, "{}", event.kind());
    }
}

#[test]
fn the_accessors_answer_for_every_kind() {
    for fixture in fixtures::all() {
        let (event, about) = (read(&fixture), fixture.about().unwrap_or_default());
        let name = format!("{} {about}", event.kind());
        assert!(event.entity_id().is_some(), "{name}");
        assert_eq!(event.webhook_id(), Some(format!("fixture-{}", event.kind()).as_str()), "{name}");
        assert_eq!((event.timestamp(), event.changed_at()), (Some(AT), Some(AT)), "{name}");
        assert!(event.order_key().starts_with(event.kind().subject().as_str()), "{name}");
        let of_a_company =
            about == "a company" || about == "of an agency" || *fixture.kind() == EventKind::SaasPlanCreate;
        let location = event.location_id();
        assert_eq!(location.as_ref().map(|id| id.as_str()), (!of_a_company).then_some(LOCATION), "{name}");
        assert!(!of_a_company || event.company_id().is_some(), "{name}");
    }
}

#[test]
fn the_contact_of_an_event_is_found_wherever_it_stands() {
    for kind in [
        EventKind::ContactUpdate,
        EventKind::AppointmentCreate,
        EventKind::OpportunityStageUpdate,
        EventKind::TaskCreate,
        EventKind::InboundMessage,
        EventKind::ProviderOutboundMessage,
        EventKind::ConversationUnreadUpdate,
        EventKind::OrderCreate,
        EventKind::InvoicePaid,
        EventKind::VoiceAiCallEnd,
    ] {
        let contact = read(&fixtures::of(&kind)).contact_id();
        assert_eq!(contact.as_ref().map(|id| id.as_str()), Some(CONTACT), "{kind}");
    }
    assert_eq!(read(&fixtures::of(&EventKind::LocationUpdate)).contact_id(), None);
}

#[test]
fn without_a_delivery_time_the_things_own_time_counts() {
    let changed: Timestamp = "2026-03-01T09:59:58.400Z".parse().unwrap();
    let made: Timestamp = "2026-02-20T09:15:00Z".parse().unwrap();
    for (kind, expected) in [
        (EventKind::AppointmentUpdate, changed),
        (EventKind::InvoicePaid, changed),
        (EventKind::ProductUpdate, changed),
        (EventKind::ContactUpdate, made),
        (EventKind::LcEmailStats, Timestamp::from_secs(1_772_359_198)),
    ] {
        let event = read(&fixtures::of(&kind).without("timestamp"));
        assert_eq!((event.timestamp(), event.changed_at()), (None, Some(expected)), "{kind}");
    }
}

#[test]
fn a_body_without_its_name_is_read_as_what_its_url_is_for() {
    for kind in EventKind::KNOWN {
        let body = fixtures::of(kind).without("type").body().to_string();
        let event = GhlEvent::parse_as(kind, body.as_bytes()).unwrap();
        assert_eq!(event.kind(), *kind);
        assert!(!matches!(event, GhlEvent::Unknown(_)), "{kind}");
        let unnamed = GhlEvent::parse(body.as_bytes()).unwrap();
        assert!(matches!(&unnamed, GhlEvent::Unknown(event) if event.kind.is_empty()), "{kind}");
    }
    let named = fixtures::of(&EventKind::InvoicePaid).body().to_string();
    let event = GhlEvent::parse_as(&EventKind::InvoiceSent, named.as_bytes()).unwrap();
    assert_eq!(event.kind(), EventKind::InvoicePaid, "the body's own name wins");
    let misfit = GhlEvent::parse_as(&EventKind::InvoicePaid, br#"{"a":1}"#).unwrap();
    let GhlEvent::Unknown(unknown) = &misfit else { panic!("it was understood") };
    assert_eq!((unknown.kind.as_str(), misfit.kind()), ("InvoicePaid", EventKind::InvoicePaid));
    assert!(unknown.why.as_ref().unwrap().contains("_id"));
}

#[test]
fn names_of_pages_and_dotted_names_are_understood_and_written() {
    for (name, kind) in [
        ("contact.created", EventKind::ContactCreate),
        ("contact.updated", EventKind::ContactUpdate),
        ("contact.deleted", EventKind::ContactDelete),
        ("appointment.created", EventKind::AppointmentCreate),
        ("appointment.updated", EventKind::AppointmentUpdate),
    ] {
        assert_eq!((EventKind::from_name(name), kind.dotted()), (kind.clone(), Some(name)));
        let event = read(&fixtures::of(&kind).set("type", name));
        assert_eq!(event.kind(), kind);
        assert!(!matches!(event, GhlEvent::Unknown(_)));
    }
    for (page, wire) in [("AppInstall", "INSTALL"), ("AppUninstall", "UNINSTALL"), ("PlanChange", "PLAN_CHANGE")] {
        assert_eq!(EventKind::from_name(page).as_str(), wire);
    }
}

#[test]
fn a_signed_fixture_passes_and_a_repetition_up_to_two_hours_later_does_too() {
    let signer = Ed25519Signer::from_seed([7; 32]);
    let verifier = GhlWebhookVerifier::with_keys([signer.public_key_pem()]).unwrap();
    for fixture in fixtures::all() {
        let delivery = fixture.webhook_id("w1").signed(&signer);
        let verify = |after: i64| {
            let received_at = Timestamp::from_secs(AT.as_secs() + after);
            verifier.verify(Delivery { headers: &delivery.headers, body: &delivery.body, received_at })
        };
        assert!(delivery.headers.contains_key(SIGNATURE_HEADER));
        assert_eq!(verify(0).unwrap().delivery_id.as_deref(), Some("w1"));
        assert!(verify(70 * 60).is_ok() && verify(2 * 3_600 + 60).is_ok());
        assert!(matches!(verify(3 * 3_600), Err(SignatureError::Stale { .. })));
    }
}

/// Every value that a field may turn into.
fn mutants() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5e300),
        json!(u64::MAX),
        json!(""),
        json!("x".repeat(20_000)),
        json!([]),
        json!([null, {"a": [1]}, "x"]),
        json!({}),
        json!({"id": 7, "deep": {"deeper": [[[[{}]]]]}}),
    ]
}

/// The paths of all fields, those of nested objects and lists too.
fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let path = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            found.push(path.clone());
            paths(value, &path, found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| paths(value, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

/// It is an event, every accessor answers, and nothing of the body is lost.
fn assert_kept(body: &Value) {
    let event = GhlEvent::parse(body.to_string().as_bytes()).unwrap();
    let _ = (event.kind(), event.location_id(), event.company_id(), event.contact_id(), event.entity_id());
    let _ = (event.webhook_id(), event.timestamp(), event.changed_at(), event.order_key());
    match &event {
        GhlEvent::Unknown(unknown) => assert_eq!(unknown.raw, *body),
        known => {
            let document = known.document();
            let envelope = ["type", "appId", "versionId", "webhookId", "timestamp"];
            for (name, value) in body.as_object().unwrap() {
                let renamed = name == "id" || name == "contactId" || name == "data";
                let kept = document.get(name) == Some(value) || envelope.contains(&name.as_str()) || renamed;
                assert!(kept, "{}: {name} is lost", known.kind());
            }
        }
    }
}

#[test]
fn no_changed_field_makes_any_event_panic_or_lose_what_it_holds() {
    let mut tried = 0;
    for fixture in fixtures::all() {
        let body = fixture.body();
        let mut all = Vec::new();
        paths(&body, "", &mut all);
        for path in all {
            for mutant in mutants() {
                let mut changed = body.clone();
                *changed.pointer_mut(&path).unwrap() = mutant;
                assert_kept(&changed);
                tried += 1;
            }
            let mut shorter = body.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            if let Some(parent) = shorter.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(&name.replace("~1", "/").replace("~0", "~"));
                assert_kept(&shorter);
                tried += 1;
            }
        }
    }
    assert!(tried > 20_000, "{tried} changed bodies");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| json!(f64::from(number) / 4.0)),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z_]{1,12}", inner, 0..5).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_value_in_any_field_is_kept(seed in any::<prop::sample::Index>(), value in any_json(), extra in any_json()) {
        for fixture in fixtures::all() {
            let mut body = fixture.body();
            let mut all = Vec::new();
            paths(&body, "", &mut all);
            let path: &String = seed.get(&all);
            *body.pointer_mut(path).unwrap() = value.clone();
            body["aFieldOfTomorrow"] = extra.clone();
            assert_kept(&body);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = GhlEvent::parse(&bytes);
    }
}
