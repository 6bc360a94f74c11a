use ghl_client::{
    GhlEvent, GhlWebhookVerifier,
    events::{EventKind, LEGACY_SIGNATURE_HEADER, SIGNATURE_HEADER},
    sync::webhook_changes,
};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, Timestamp,
    record::{ChangeOrigin, Mutation},
    signature::{Delivery, SignatureError, Verifier},
    test_util::Ed25519Signer,
};

use crate::support::{NOW, fixture};

fn parse(body: &Value) -> GhlEvent {
    GhlEvent::parse(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_contact_update_is_read_with_its_envelope() {
    let GhlEvent::ContactUpdate(event) = parse(&fixture!("webhook_contact_update")) else { panic!("another kind") };
    assert_eq!(event.data.id.as_str(), "nmFmQEsNgz6AVpgLVUJ0");
    assert_eq!(event.data.first_name.as_deref(), Some("Ann"));
    assert_eq!(event.data.company_name, None);
    assert_eq!(event.document["companyName"], Value::Null, "the document tells null from absent");
    assert!(!event.document.contains_key("webhookId") && !event.document.contains_key("type"));
    assert_eq!(event.envelope.app_id.as_deref(), Some("66b1f0c2e4b0a1d2c3e4f5a6"));
}

#[test]
fn the_accessors_speak_of_every_family_alike() {
    for (body, kind, location, entity, order) in [
        (
            fixture!("webhook_contact_update"),
            EventKind::ContactUpdate,
            Some("ve9EPM428h8vShlRW1KT"),
            "nmFmQEsNgz6AVpgLVUJ0",
            "contact:nmFmQEsNgz6AVpgLVUJ0",
        ),
        (
            fixture!("webhook_appointment_update"),
            EventKind::AppointmentUpdate,
            Some("0007BWpSzSwfiuSl0tR2"),
            "0TkCdp9PfvLeWKYRRvIz",
            "appointment:0TkCdp9PfvLeWKYRRvIz",
        ),
        (
            fixture!("webhook_location_update"),
            EventKind::LocationUpdate,
            Some("ve9EPM428h8vShlRW1KT"),
            "ve9EPM428h8vShlRW1KT",
            "location:ve9EPM428h8vShlRW1KT",
        ),
        (
            fixture!("webhook_install"),
            EventKind::Install,
            Some("HjiMUOsCCHCjtxEf8PR"),
            "HjiMUOsCCHCjtxEf8PR",
            "installation:HjiMUOsCCHCjtxEf8PR",
        ),
        (
            fixture!("webhook_opportunity_create"),
            EventKind::OpportunityCreate,
            Some("ve9EPM428h8vShlRW1KT"),
            "wWhVuzvpRkuA302PvD8B",
            "opportunity:wWhVuzvpRkuA302PvD8B",
        ),
        (
            fixture!("webhook_task_create"),
            EventKind::TaskCreate,
            Some("ve9EPM428h8vShlRW1KT"),
            "FLwYgMdNzmVnLrnI5gG9",
            "task:FLwYgMdNzmVnLrnI5gG9",
        ),
        (
            fixture!("webhook_inbound_message"),
            EventKind::InboundMessage,
            Some("l1C08ntBrFjLS0elLIYU"),
            "JSAWDskpkJHbRbhAT7bs",
            "message:JSAWDskpkJHbRbhAT7bs",
        ),
    ] {
        let event = parse(&body);
        assert!(!matches!(event, GhlEvent::Unknown(_)), "{event:?}");
        assert_eq!(event.kind(), kind);
        assert_eq!(event.location_id().as_ref().map(|id| id.as_str()), location, "{kind}");
        assert_eq!(event.entity_id(), Some(entity), "{kind}");
        assert_eq!(event.order_key(), order);
        assert_eq!(event.webhook_id(), Some("1f2f3d4e-5a6b-47c8-9d0e-1a2b3c4d5e6f"));
        assert_eq!(event.timestamp(), Some("2026-03-01T10:00:00.25Z".parse().unwrap()));
    }
}

#[test]
fn a_dotted_name_with_a_data_envelope_is_the_same_event() {
    let GhlEvent::ContactCreate(event) = parse(&fixture!("webhook_dotted_contact_created")) else {
        panic!("another kind")
    };
    assert_eq!(event.data.id.as_str(), "nmFmQEsNgz6AVpgLVUJ0");
    let own = json!({"type": "RecordCreate", "id": "r", "data": {"id": "inner"}});
    assert_eq!(parse(&own).entity_id(), Some("r"), "a data field of an event's own is not an envelope");
    let flat = json!({"type": "appointment.created", "data": {"locationId": "l", "appointmentId": "a", "startTime": "2026-03-01T10:00:00Z"}});
    let GhlEvent::AppointmentCreate(event) = parse(&flat) else { panic!("another kind") };
    assert_eq!((event.data.appointment.id.as_str(), event.data.location_id.as_str()), ("a", "l"));
}

#[test]
fn a_known_kind_of_another_shape_is_kept_whole_and_names_the_field() {
    let body = fixture!("webhook_contact_changed_shape");
    let event = parse(&body);
    let GhlEvent::Unknown(unknown) = &event else { panic!("it was understood: {event:?}") };
    assert_eq!((unknown.kind.as_str(), &unknown.raw), ("ContactUpdate", &body));
    assert!(unknown.why.as_ref().unwrap().contains("tags"), "{:?}", unknown.why);
    assert_eq!(event.kind(), EventKind::ContactUpdate);
    assert_eq!(event.entity_id(), Some("nmFmQEsNgz6AVpgLVUJ0"), "it is still ordered with its contact");
    assert_eq!(event.webhook_id(), Some("1f2f3d4e-5a6b-47c8-9d0e-1a2b3c4d5e6f"));
    assert!(event.timestamp().is_some());
}

#[test]
fn an_event_without_the_id_it_speaks_of_is_not_understood() {
    let event = parse(&json!({"type": "ContactCreate", "locationId": "l"}));
    let GhlEvent::Unknown(unknown) = event else { panic!("it was understood") };
    assert!(unknown.why.unwrap().contains("id"));
}

#[test]
fn an_unknown_kind_is_kept_whole() {
    let body = json!({"type": "SomethingNew", "locationId": "l", "id": "x", "n": 1});
    let event = parse(&body);
    let GhlEvent::Unknown(unknown) = &event else { panic!("it was understood") };
    assert_eq!((unknown.kind.as_str(), &unknown.raw, &unknown.why), ("SomethingNew", &body, &None));
    assert_eq!((event.location_id(), event.entity_id()), (Some("l".into()), Some("x")));
}

proptest! {
    #[test]
    fn any_json_object_is_an_event_and_anything_else_is_a_typed_error(text in ".{0,60}", kind in "[A-Za-z.]{0,20}", value in any::<i64>()) {
        let is_object = serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok();
        prop_assert_eq!(GhlEvent::parse(text.as_bytes()).is_ok(), is_object);
        for known in EventKind::KNOWN.iter().map(EventKind::as_str).chain([kind.as_str()]) {
            let body = json!({"type": known, "id": value, "locationId": value, "data": [text], "timestamp": value, "appointment": value});
            let event = parse(&body);
            let _ = (event.order_key(), event.entity_id(), event.timestamp(), event.company_id());
            prop_assert!(webhook_changes(&event, &"o".into(), NOW).is_empty());
        }
    }
}

fn change(body: &Value) -> sidecar_core::record::Change {
    let mut changes = webhook_changes(&parse(body), &OrganizationId::from("org1"), Timestamp::from_secs(1));
    assert_eq!(changes.len(), 1);
    changes.remove(0)
}

#[test]
fn a_contact_webhook_changes_the_fields_it_carries_and_no_others() {
    let change = change(&fixture!("webhook_contact_update"));
    assert_eq!((change.key.kind.as_ref(), &*change.key.id), ("contact", "nmFmQEsNgz6AVpgLVUJ0"));
    assert_eq!(change.location.as_deref(), Some("ve9EPM428h8vShlRW1KT"));
    assert_eq!(change.version, "2026-03-01T10:00:00.25Z".parse().unwrap());
    assert_eq!(change.position, Some("2021-11-26T12:41:02.193Z".parse().unwrap()));
    assert_eq!((change.origin, change.refetch_task.as_deref()), (ChangeOrigin::Webhook, Some("ghl.read_contact")));
    let Mutation::Patch(patch) = change.mutation else { panic!("no patch") };
    for envelope in ["type", "appId", "versionId", "webhookId", "timestamp"] {
        assert!(!patch.contains_key(envelope), "{envelope}");
    }
    assert_eq!(
        (&patch["email"], &patch["companyName"], patch.get("dateUpdated")),
        (&json!("ann@example.com"), &Value::Null, None)
    );
}

#[test]
fn an_appointment_webhook_changes_the_appointment_not_its_envelope() {
    let change = change(&fixture!("webhook_appointment_update"));
    assert_eq!((change.key.kind.as_ref(), &*change.key.id), ("appointment", "0TkCdp9PfvLeWKYRRvIz"));
    assert_eq!(change.position, Some("2023-09-25T10:30:00Z".parse().unwrap()));
    let Mutation::Patch(patch) = change.mutation else { panic!("no patch") };
    assert_eq!((&patch["id"], &patch["locationId"]), (&json!("0TkCdp9PfvLeWKYRRvIz"), &json!("0007BWpSzSwfiuSl0tR2")));
    assert!(!patch.contains_key("appointment"));
}

#[test]
fn a_delete_is_a_delete_and_an_event_without_a_time_counts_as_of_its_arrival() {
    assert_eq!(change(&fixture!("webhook_contact_delete")).mutation, Mutation::Delete);
    assert_eq!(change(&fixture!("webhook_dotted_contact_created")).version, Timestamp::from_secs(1));
}

#[test]
fn events_of_other_things_change_no_record() {
    for body in [
        fixture!("webhook_task_create"),
        fixture!("webhook_install"),
        fixture!("webhook_inbound_message"),
        fixture!("webhook_contact_changed_shape"),
    ] {
        assert!(webhook_changes(&parse(&body), &"org1".into(), NOW).is_empty());
    }
}

struct Signed {
    verifier: GhlWebhookVerifier,
    headers: HeaderMap,
    body: Vec<u8>,
}

fn signed(body: &Value) -> Signed {
    let signer = Ed25519Signer::from_seed([7; 32]);
    let body = body.to_string().into_bytes();
    let verifier = GhlWebhookVerifier::with_keys([signer.public_key_pem()]).unwrap();
    Signed { verifier, headers: signer.sign(SIGNATURE_HEADER, &body), body }
}

impl Signed {
    fn verify(&self) -> Result<sidecar_core::signature::Verified, SignatureError> {
        self.verifier.verify(Delivery { headers: &self.headers, body: &self.body, received_at: NOW })
    }
}

fn at(seconds: i64) -> Value {
    json!({"type": "ContactCreate", "webhookId": "w1", "timestamp": Timestamp::from_secs(NOW.as_secs() + seconds).to_string()})
}

#[test]
fn a_signed_delivery_passes_and_tells_its_id_and_time() {
    let verified = signed(&at(-60)).verify().unwrap();
    assert_eq!((verified.scheme, verified.delivery_id.as_deref()), ("ed25519", Some("w1")));
    assert_eq!(verified.signed_at, Some(Timestamp::from_secs(NOW.as_secs() - 60)));
}

#[test]
fn a_repetition_an_hour_later_passes_and_an_old_or_future_delivery_does_not() {
    assert!(signed(&at(-70 * 60)).verify().is_ok());
    assert!(matches!(signed(&at(-3 * 3_600)).verify(), Err(SignatureError::Stale { .. })));
    assert!(matches!(signed(&at(3 * 3_600)).verify(), Err(SignatureError::Stale { .. })));
    let mut strict = signed(&at(-600));
    strict.verifier = strict.verifier.tolerance(std::time::Duration::from_secs(300));
    assert!(matches!(strict.verify(), Err(SignatureError::Stale { .. })));
}

#[test]
fn a_body_without_a_time_passes_by_its_signature() {
    assert_eq!(signed(&json!({"type": "InvoicePaid"})).verify().unwrap().signed_at, None);
}

#[test]
fn a_changed_body_a_foreign_key_and_no_signature_are_refused() {
    let mut forged = signed(&at(0));
    forged.body.push(b' ');
    assert_eq!(forged.verify(), Err(SignatureError::Mismatch));
    let mut foreign = signed(&at(0));
    foreign.verifier = GhlWebhookVerifier::new().unwrap();
    assert_eq!(foreign.verify(), Err(SignatureError::Mismatch));
    let mut bare = signed(&at(0));
    bare.headers.clear();
    assert_eq!(bare.verify(), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    let mut absent = signed(&at(0));
    absent.headers.insert(SIGNATURE_HEADER, HeaderValue::from_static("N/A"));
    assert_eq!(absent.verify(), Err(SignatureError::Missing(SIGNATURE_HEADER)));
    let mut twice = signed(&at(0));
    twice.headers.append(SIGNATURE_HEADER, HeaderValue::from_static("N/A"));
    assert!(matches!(twice.verify(), Err(SignatureError::Malformed(_))));
    let mut keyless = signed(&at(0));
    keyless.verifier = GhlWebhookVerifier::with_keys::<&str>([]).unwrap();
    assert_eq!(keyless.verify(), Err(SignatureError::NoKeys));
}

#[test]
fn the_former_signature_counts_only_when_enabled_and_never_saves_a_wrong_current_one() {
    let mut legacy = signed(&at(0));
    let current = legacy.headers.clone();
    legacy.headers.clear();
    legacy.headers.insert(LEGACY_SIGNATURE_HEADER, HeaderValue::from_static("AAAA"));
    assert_eq!(legacy.verify(), Err(SignatureError::Missing(SIGNATURE_HEADER)), "off unless enabled");
    legacy.verifier = legacy.verifier.allow_legacy_rsa(true).unwrap();
    assert!(
        matches!(legacy.verify(), Err(SignatureError::Mismatch | SignatureError::Malformed(_))),
        "enabled: it is looked at"
    );
    legacy.headers.extend(current);
    assert!(legacy.verify().is_ok(), "the current signature decides");
    legacy.headers.insert(SIGNATURE_HEADER, HeaderValue::from_str(&"A".repeat(88)).unwrap());
    assert!(legacy.verify().is_err(), "no fallback");
}

#[test]
fn a_key_that_is_none_is_named() {
    let good = Ed25519Signer::from_seed([7; 32]).public_key_pem();
    let error = GhlWebhookVerifier::with_keys([good.as_str(), "nonsense"]).unwrap_err();
    assert_eq!(error.index, 1);
}

#[test]
fn a_genuine_former_signature_passes_where_it_is_enabled() {
    let vector = fixture!("legacy_signature");
    let [key, signature, body] = ["public_key", "signature", "signed"].map(|field| vector[field].as_str().unwrap());
    let mut delivery = signed(&at(0));
    delivery.body = body.as_bytes().to_vec();
    delivery.headers.clear();
    delivery.headers.insert(SIGNATURE_HEADER, HeaderValue::from_static("N/A"));
    delivery.headers.insert(LEGACY_SIGNATURE_HEADER, HeaderValue::from_str(&signature.replace('\n', "")).unwrap());
    delivery.verifier = delivery.verifier.legacy_keys([key]).unwrap().tolerance(std::time::Duration::MAX);
    assert_eq!(delivery.verify().unwrap().scheme, "rsa-pkcs1-sha256");
    delivery.body.push(b' ');
    assert_eq!(delivery.verify(), Err(SignatureError::Mismatch));
    delivery.verifier = delivery.verifier.allow_legacy_rsa(false).unwrap();
    assert_eq!(delivery.verify(), Err(SignatureError::Missing(SIGNATURE_HEADER)));
}
