//! Every kind of event by its fixture: what the accessors say, and what becomes of bodies that have changed.

use std::collections::BTreeSet;

use calcom_client::{
    CalcomEvent,
    model::BookingStatus,
    webhook::{
        EventKind, Subject, WebhookStatus,
        fixtures::{self, AT, Fixture},
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    answers::any_json,
    support::{at, mutants, paths},
};

fn read(fixture: Fixture) -> CalcomEvent {
    CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap()
}

#[test]
fn there_is_a_fixture_of_every_kind_and_each_is_understood() {
    let kinds: BTreeSet<_> = fixtures::all().iter().map(|fixture| fixture.kind().as_str().to_owned()).collect();
    let known: BTreeSet<_> =
        EventKind::KNOWN.iter().chain([&EventKind::Ping]).map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(kinds, known);
    for fixture in fixtures::all() {
        let kind = fixture.kind().clone();
        let event = read(fixture);
        assert!(!matches!(event, CalcomEvent::Unknown(_)), "{event:?}");
        assert_eq!(event.kind(), kind);
        assert_eq!(event.kind().subject() == Subject::Other, kind == EventKind::Ping, "{kind}");
    }
}

#[test]
fn the_accessors_answer_for_every_kind() {
    for fixture in fixtures::all() {
        let kind = fixture.kind().clone();
        let event = read(fixture);
        let is_meeting = matches!(kind, EventKind::MeetingStarted | EventKind::MeetingEnded);
        assert_eq!(event.created_at(), (!is_meeting).then_some(AT), "{kind}");
        assert!(event.happened_at().is_some(), "{kind}");
        assert_eq!(event.booking_uid().is_some(), kind.subject() == Subject::Booking, "{kind}");
        assert!(event.order_key().starts_with(kind.subject().as_str()), "{kind}");
    }
}

#[test]
fn a_moved_booking_names_both_and_its_kind_has_a_dotted_name() {
    let event = read(fixtures::of(&EventKind::BookingRescheduled));
    assert_eq!(event.booking_uid().unwrap().as_str(), "bk_2");
    assert_eq!(event.previous_booking_uid().unwrap().as_str(), "bk_1");
    assert_eq!((event.metadata("organizationId"), event.kind().dotted()), (Some("org_1"), Some("booking.rescheduled")));
    assert_eq!(event.event_type_id(), Some(7.into()));
    let CalcomEvent::BookingRescheduled(event) = event else { panic!("another kind") };
    assert_eq!(event.data.status, Some(WebhookStatus::Accepted));
    assert_eq!(BookingStatus::from(WebhookStatus::Accepted), BookingStatus::Accepted);
    assert_eq!(BookingStatus::from(WebhookStatus::from("AWAITING_HOST")).as_str(), "awaiting_host");
    assert_eq!(event.data.start_time.unwrap().timestamp(), Some(at("2026-12-03T09:00:00Z")));
    let cancelled = read(fixtures::of(&EventKind::BookingCancelled));
    assert_eq!(cancelled.metadata("organizationId"), None, "a cancelled booking comes without");
}

#[test]
fn a_meeting_is_flat_and_says_when_it_was_planned() {
    for (kind, planned) in
        [(EventKind::MeetingStarted, "2026-12-02T09:00:00Z"), (EventKind::MeetingEnded, "2026-12-02T09:30:00Z")]
    {
        let event = read(fixtures::of(&kind));
        assert_eq!((event.happened_at(), event.created_at()), (Some(at(planned)), None));
        assert_eq!(event.order_key(), "booking:bk_1");
    }
    let CalcomEvent::MeetingEnded(event) = read(fixtures::of(&EventKind::MeetingEnded)) else { panic!("another kind") };
    assert_eq!(event.data.created_at.unwrap().timestamp(), Some(at("2026-11-23T18:05:00Z")), "the booking's own");
}

#[test]
fn a_form_has_its_answers_beside_the_payload_too() {
    let CalcomEvent::FormSubmitted(event) = read(fixtures::of(&EventKind::FormSubmitted)) else {
        panic!("another kind")
    };
    assert_eq!(event.beside["Name"], "Ann Example");
    assert_eq!(event.data.responses.unwrap()["Name"]["response"], "Ann Example");
}

#[test]
fn the_button_that_tries_a_webhook_out_is_a_ping_whatever_it_calls_itself() {
    for name in ["PING", "BOOKING_CREATED", "MEETING_ENDED", "BOOKING_OF_TOMORROW", ""] {
        let mut body = fixtures::of(&EventKind::Ping).body();
        body["triggerEvent"] = json!(name);
        let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
        assert!(matches!(event, CalcomEvent::Ping(_)), "{name}: {event:?}");
        assert_eq!((event.kind(), event.booking_uid()), (EventKind::Ping, None));
    }
}

#[test]
fn unknown_kinds_and_changed_shapes_are_kept_whole() {
    let mut body = fixtures::of(&EventKind::BookingCreated).body();
    body["triggerEvent"] = json!("BOOKING_OF_TOMORROW");
    let event = CalcomEvent::parse(body.to_string().as_bytes()).unwrap();
    let CalcomEvent::Unknown(unknown) = &event else { panic!("it was understood") };
    assert_eq!((unknown.kind.as_str(), &unknown.raw, &unknown.why), ("BOOKING_OF_TOMORROW", &body, &None));
    assert_eq!(event.booking_uid().unwrap().as_str(), "bk_1", "the accessors look into it all the same");

    let changed = fixtures::of(&EventKind::BookingCreated).set("uid", json!({"is": "now an object"}));
    let event = read(changed);
    let CalcomEvent::Unknown(unknown) = &event else { panic!("it was understood") };
    assert!(unknown.why.as_ref().unwrap().contains("uid"), "{unknown:?}");
    assert_eq!(event.kind(), EventKind::BookingCreated);

    for body in ["[]", "7", "null", "", "{", "\"x\""] {
        assert!(CalcomEvent::parse(body.as_bytes()).is_err(), "{body}");
    }
    assert!(matches!(CalcomEvent::parse(b"{}").unwrap(), CalcomEvent::Unknown(_)));
}

#[test]
fn a_body_of_a_template_without_an_envelope_is_read_too() {
    let mut flat = fixtures::of(&EventKind::BookingCreated).body()["payload"].take();
    flat["triggerEvent"] = json!("BOOKING_CREATED");
    flat["createdAt"] = json!("2026-12-01T18:05:00Z");
    let event = CalcomEvent::parse(flat.to_string().as_bytes()).unwrap();
    assert!(matches!(event, CalcomEvent::BookingCreated(_)), "{event:?}");
    assert_eq!(event.created_at(), Some(AT));
}

#[test]
fn dotted_names_are_understood() {
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

/// It is an event, every accessor answers, and nothing of the body is lost.
fn assert_kept(body: &Value) {
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
fn no_changed_field_makes_any_event_panic_or_lose_what_it_holds() {
    let mut tried = 0;
    for fixture in fixtures::all() {
        let body = fixture.body();
        for path in paths(&body) {
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
    assert!(tried > 10_000, "{tried} changed bodies");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_value_in_any_field_is_kept(seed in any::<prop::sample::Index>(), value in any_json(), extra in any_json()) {
        for fixture in fixtures::all() {
            let mut body = fixture.body();
            let all = paths(&body);
            let path: &String = seed.get(&all);
            *body.pointer_mut(path).unwrap() = value.clone();
            body["aFieldOfTomorrow"] = extra.clone();
            assert_kept(&body);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CalcomEvent::parse(&bytes);
    }
}
