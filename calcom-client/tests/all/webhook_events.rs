//! Every kind of event, from its fixture: the accessors, and the parsing of changed bodies.

use std::collections::BTreeSet;

use calcom_client::{
    CalcomEvent,
    events::{
        EventKind, Subject, WebhookStatus,
        fixtures::{self, AT, Fixture},
    },
    model::BookingStatus,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    responses::any_json,
    support::{at, mutants, paths},
};

fn parse(fixture: Fixture) -> CalcomEvent {
    CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap()
}

#[test]
fn every_kind_has_a_fixture_that_parses_as_that_kind() {
    let kinds: BTreeSet<_> = fixtures::all().iter().map(|fixture| fixture.kind().as_str().to_owned()).collect();
    let known: BTreeSet<_> =
        EventKind::KNOWN.iter().chain([&EventKind::Ping]).map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(kinds, known);
    for fixture in fixtures::all() {
        let kind = fixture.kind().clone();
        let event = parse(fixture);
        assert!(!matches!(event, CalcomEvent::Unknown(_)), "{event:?}");
        assert_eq!(event.kind(), kind);
        assert_eq!(event.kind().subject() == Subject::Other, kind == EventKind::Ping, "{kind}");
    }
}

#[test]
fn the_accessors_work_for_every_kind() {
    for fixture in fixtures::all() {
        let kind = fixture.kind().clone();
        let event = parse(fixture);
        let is_meeting = matches!(kind, EventKind::MeetingStarted | EventKind::MeetingEnded);
        assert_eq!(event.created_at(), (!is_meeting).then_some(AT), "{kind}");
        assert!(event.happened_at().is_some(), "{kind}");
        assert_eq!(event.booking_uid().is_some(), kind.subject() == Subject::Booking, "{kind}");
        assert!(event.order_key().starts_with(kind.subject().as_str()), "{kind}");
    }
}

#[test]
fn a_rescheduled_booking_names_the_new_and_the_old_one() {
    let event = parse(fixtures::of(&EventKind::BookingRescheduled));
    assert_eq!(event.booking_uid().unwrap().as_str(), "bk_2");
    assert_eq!(event.previous_booking_uid().unwrap().as_str(), "bk_1");
    assert_eq!((event.metadata("organizationId"), event.kind().dotted()), (Some("org_1"), Some("booking.rescheduled")));
    assert_eq!(event.event_type_id(), Some(7.into()));
    let CalcomEvent::BookingRescheduled(event) = event else { panic!("another kind") };
    assert_eq!(event.data.status, Some(WebhookStatus::Accepted));
    assert_eq!(BookingStatus::from(WebhookStatus::Accepted), BookingStatus::Accepted);
    assert_eq!(BookingStatus::from(WebhookStatus::from("AWAITING_HOST")).as_str(), "awaiting_host");
    assert_eq!(event.data.start_time.unwrap().timestamp(), Some(at("2026-12-03T09:00:00Z")));
    let cancelled = parse(fixtures::of(&EventKind::BookingCancelled));
    assert_eq!(cancelled.metadata("organizationId"), None, "events of cancelled bookings have no metadata");
}

#[test]
fn a_meeting_has_no_envelope_and_happens_at_its_planned_time() {
    for (kind, planned) in
        [(EventKind::MeetingStarted, "2026-12-02T09:00:00Z"), (EventKind::MeetingEnded, "2026-12-02T09:30:00Z")]
    {
        let event = parse(fixtures::of(&kind));
        assert_eq!((event.happened_at(), event.created_at()), (Some(at(planned)), None));
        assert_eq!(event.order_key(), "booking:bk_1");
    }
    let CalcomEvent::MeetingEnded(event) = parse(fixtures::of(&EventKind::MeetingEnded)) else {
        panic!("another kind")
    };
    assert_eq!(
        event.data.created_at.unwrap().timestamp(),
        Some(at("2026-11-23T18:05:00Z")),
        "the creation of the booking"
    );
}

#[test]
fn a_form_event_repeats_its_responses_beside_the_payload() {
    let CalcomEvent::FormSubmitted(event) = parse(fixtures::of(&EventKind::FormSubmitted)) else {
        panic!("another kind")
    };
    assert_eq!(event.envelope_fields["Name"], "Ann Example");
    assert_eq!(event.data.responses.unwrap()["Name"]["response"], "Ann Example");
}

#[test]
fn a_test_delivery_is_a_ping_under_any_trigger_name() {
    for name in ["PING", "BOOKING_CREATED", "MEETING_ENDED", "BOOKING_OF_TOMORROW", ""] {
        let mut body = fixtures::of(&EventKind::Ping).body();
        body["triggerEvent"] = json!(name);
        let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
        assert!(matches!(event, CalcomEvent::Ping(_)), "{name}: {event:?}");
        assert_eq!((event.kind(), event.booking_uid()), (EventKind::Ping, None));
    }
}

#[test]
fn unknown_kinds_and_changed_schemas_keep_the_whole_body() {
    let mut body = fixtures::of(&EventKind::BookingCreated).body();
    body["triggerEvent"] = json!("BOOKING_OF_TOMORROW");
    let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
    let CalcomEvent::Unknown(unknown) = &event else { panic!("the event is not unknown") };
    assert_eq!((unknown.kind.as_str(), &unknown.raw, &unknown.why), ("BOOKING_OF_TOMORROW", &body, &None));
    assert_eq!(event.booking_uid().unwrap().as_str(), "bk_1", "the accessors work for unknown events too");

    let changed = fixtures::of(&EventKind::BookingCreated).set("uid", json!({"is": "now an object"}));
    let event = parse(changed);
    let CalcomEvent::Unknown(unknown) = &event else { panic!("the event is not unknown") };
    assert!(unknown.why.as_ref().unwrap().contains("uid"), "{unknown:?}");
    assert_eq!(event.kind(), EventKind::BookingCreated);

    for body in ["[]", "7", "null", "", "{", "\"x\""] {
        assert!(CalcomEvent::parse(body.as_bytes()).is_err(), "{body}");
    }
    assert!(matches!(CalcomEvent::parse(b"{}").unwrap(), CalcomEvent::Unknown(_)));
}

#[test]
fn a_custom_template_without_an_envelope_is_parsed() {
    let mut flat = fixtures::of(&EventKind::BookingCreated).body()["payload"].take();
    flat["triggerEvent"] = json!("BOOKING_CREATED");
    flat["createdAt"] = json!("2026-12-01T18:05:00Z");
    let event = CalcomEvent::parse(flat.to_string().as_bytes()).unwrap();
    assert!(matches!(event, CalcomEvent::BookingCreated(_)), "{event:?}");
    assert_eq!(event.created_at(), Some(AT));
}

#[test]
fn dotted_names_are_parsed() {
    for name in ["booking.created", "booking.cancelled", "booking.rescheduled"] {
        let kind = EventKind::from_name(name);
        assert_eq!(kind.dotted(), Some(name));
        let mut body = fixtures::of(&kind).body();
        body["triggerEvent"] = json!(name);
        let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(event.kind(), kind);
        assert!(!matches!(event, CalcomEvent::Unknown(_)));
    }
}

/// Asserts that the body is an event, that no accessor panics, and that no field is lost.
fn assert_lossless(body: &Value) {
    let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
    let _ = (event.kind(), event.created_at(), event.happened_at(), event.booking_uid(), event.previous_booking_uid());
    let _ = (event.event_type_id(), event.metadata("organizationId"), event.order_key());
    match &event {
        CalcomEvent::Unknown(unknown) => assert_eq!(unknown.raw, *body),
        known => {
            let payload = body.get("payload").filter(|payload| payload.is_object()).unwrap_or(body);
            for (name, value) in payload.as_object().unwrap() {
                let envelope = ["triggerEvent", "createdAt"].contains(&name.as_str());
                assert!(envelope || known.document().get(name) == Some(value), "{}: {name} is lost", known.kind());
            }
        }
    }
}

#[test]
fn a_changed_field_of_any_event_causes_no_panic_or_data_loss() {
    let mut checked = 0;
    for fixture in fixtures::all() {
        let body = fixture.body();
        for path in paths(&body) {
            for mutant in mutants() {
                let mut changed = body.clone();
                *changed.pointer_mut(&path).unwrap() = mutant;
                assert_lossless(&changed);
                checked += 1;
            }
            let mut shorter = body.clone();
            let (parent, name) = path.rsplit_once('/').unwrap();
            if let Some(parent) = shorter.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.remove(&name.replace("~1", "/").replace("~0", "~"));
                assert_lossless(&shorter);
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "only {checked} changed bodies");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_value_in_any_field_is_preserved(seed in any::<prop::sample::Index>(), value in any_json(), extra in any_json()) {
        for fixture in fixtures::all() {
            let mut body = fixture.body();
            let all = paths(&body);
            let path: &String = seed.get(&all);
            *body.pointer_mut(path).unwrap() = value.clone();
            body["aFieldOfTomorrow"] = extra.clone();
            assert_lossless(&body);
        }
    }

    #[test]
    fn arbitrary_bytes_cause_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CalcomEvent::parse(&bytes);
    }
}
