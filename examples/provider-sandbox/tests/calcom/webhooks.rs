use calcom_client::CalcomEvent;
use calcom_client::events::{EventKind, WebhookStatus};
use provider_sandbox::calcom::WebhookCommand;
use serde_json::Value;
use sidecar_core::ErrorKind;

use crate::receiver::Receiver;
use crate::support::{Fixture, SECRET, at, ms, verifies};

const MORNING: &str = "2026-11-24T09:00:00Z";

fn find_event(events: &[CalcomEvent], kind: &EventKind) -> CalcomEvent {
    events.iter().find(|event| event.kind() == *kind).unwrap_or_else(|| panic!("no {kind} came")).clone()
}

#[tokio::test]
async fn each_booking_change_emits_an_event_that_the_client_accepts() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let uid = fixture.book("intro", MORNING);
    let rescheduled = fixture.calcom.reschedule(&uid, ms("2026-11-24T10:00:00Z")).unwrap();
    let rescheduled = rescheduled["uid"].as_str().unwrap();
    fixture.calcom.mark_absent(rescheduled).unwrap();
    fixture.calcom.meeting_ended(rescheduled).unwrap();
    fixture.calcom.cancel(rescheduled).unwrap();
    let waiting = fixture.book("consultation", MORNING);
    fixture.calcom.decline(&waiting).unwrap();
    fixture.calcom.ping();
    fixture.client.out_of_office().create(at("2026-11-26T00:00:00Z"), at("2026-11-27T00:00:00Z")).await.unwrap();
    fixture.wait_for_deliveries().await;
    let events = receiver.events();
    let kinds = [
        EventKind::BookingCreated,
        EventKind::BookingRescheduled,
        EventKind::BookingNoShowUpdated,
        EventKind::MeetingEnded,
        EventKind::BookingCancelled,
        EventKind::BookingRequested,
        EventKind::BookingRejected,
        EventKind::Ping,
        EventKind::OooCreated,
    ];
    assert_eq!(events.len(), kinds.len());
    for kind in &kinds {
        assert!(!matches!(find_event(&events, kind), CalcomEvent::Unknown(_)), "{kind}");
    }
    let booking = |kind: &EventKind| find_event(&events, kind).booking_uid().unwrap().to_string();
    assert_eq!(booking(&EventKind::BookingCreated), uid);
    assert!(kinds[1..5].iter().all(|kind| booking(kind) == rescheduled));
    assert!(kinds[5..7].iter().all(|kind| booking(kind) == waiting));
    let rescheduled = find_event(&events, &EventKind::BookingRescheduled);
    assert_eq!(rescheduled.previous_booking_uid().unwrap().as_str(), uid);
}

#[tokio::test]
async fn created_events_have_metadata_and_cancelled_ones_do_not() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let uid = fixture.book("intro", MORNING);
    fixture.calcom.cancel(&uid).unwrap();
    fixture.wait_for_deliveries().await;
    let events = receiver.events();
    let created = find_event(&events, &EventKind::BookingCreated);
    assert_eq!(created.metadata("organizationId"), Some("org_1"));
    assert!(created.metadata("videoCallUrl").is_some());
    let CalcomEvent::BookingCreated(created) = created else { panic!("another kind") };
    assert_eq!(
        (created.data.status, created.data.event_type_slug.as_deref()),
        (Some(WebhookStatus::Accepted), Some("intro"))
    );
    assert_eq!(created.data.start_time.unwrap().timestamp(), Some(at(MORNING)));
    assert_eq!(created.data.attendees.unwrap()[0].first_name.as_deref(), Some("Ann"));
    let CalcomEvent::BookingCancelled(cancelled) = find_event(&events, &EventKind::BookingCancelled) else {
        panic!("another kind")
    };
    assert_eq!((cancelled.data.status, cancelled.data.metadata), (Some(WebhookStatus::Cancelled), None));
    assert_eq!(cancelled.data.cancelled_by.as_deref(), Some("ann@example.com"));
    assert_eq!(cancelled.data.start_time.unwrap().timestamp(), Some(at(MORNING)));
}

#[tokio::test]
async fn a_webhook_receives_only_its_triggers_signed_with_its_secret() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::listen(&[]).await;
    let webhooks = fixture.client.webhooks();
    let created = webhooks.create(&receiver.url, [EventKind::BookingCancelled]).secret(&SECRET.into()).await.unwrap();
    let uid = fixture.book("intro", MORNING);
    fixture.calcom.cancel(&uid).unwrap();
    fixture.wait_for_deliveries().await;
    let kinds: Vec<EventKind> = receiver.events().iter().map(CalcomEvent::kind).collect();
    assert_eq!(kinds, [EventKind::BookingCancelled]);
    let (headers, body) = receiver.raw().remove(0);
    assert_eq!(headers["x-cal-webhook-version"], "2021-10-20");
    assert!(!verifies(&headers, &[&body[..], b" "].concat()));
    assert_eq!(fixture.calcom.counts().webhooks.unsubscribed, 1);
    let inactive = webhooks.update(&created.id).active(false).await.unwrap();
    assert_eq!((inactive.active, webhooks.list().await.unwrap().items.len()), (Some(false), 1));
    webhooks.delete(&created.id).await.unwrap();
    assert_eq!(webhooks.get(&created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_rejected_delivery_is_attempted_three_times_with_the_same_bytes() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[500, 404, 200, 503, 503, 503]).await;
    fixture.sandbox.control().calcom().update_webhooks(&WebhookCommand {
        retry_interval_ms: Some(5),
        retry_jitter_ms: Some(2),
        ..WebhookCommand::default()
    });
    let uid = fixture.book("intro", MORNING);
    fixture.wait_for_deliveries().await;
    fixture.calcom.cancel(&uid).unwrap();
    fixture.wait_for_deliveries().await;
    let counts = fixture.calcom.counts().webhooks;
    assert_eq!((counts.attempts, counts.delivered, counts.lost), (6, 1, 1));
    let raw = receiver.raw();
    assert!(raw[1..3].iter().all(|(_, body)| *body == raw[0].1));
}

#[tokio::test]
async fn deliveries_are_held_duplicated_dropped_and_forged_on_command() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let calcom = fixture.sandbox.control().calcom().clone();
    calcom.update_webhooks(&WebhookCommand {
        hold: Some(true),
        duplicates: Some(1),
        shuffle: Some(true),
        ..WebhookCommand::default()
    });
    fixture.book("intro", MORNING);
    assert_eq!((fixture.calcom.counts().webhooks.held, receiver.raw().len()), (2, 0));
    calcom.update_webhooks(&WebhookCommand {
        hold: Some(false),
        duplicates: Some(0),
        shuffle: Some(false),
        ..WebhookCommand::default()
    });
    fixture.wait_for_deliveries().await;
    assert_eq!(receiver.events().len(), 2);
    calcom.update_webhooks(&WebhookCommand { forged: 1, unknown: 1, ..WebhookCommand::default() });
    fixture.wait_for_deliveries().await;
    let genuine = receiver.raw()[2..].iter().filter(|(headers, body)| verifies(headers, body)).count();
    assert_eq!((receiver.raw().len(), genuine), (4, 1));
    calcom.update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    fixture.book("intro", "2026-11-24T10:00:00Z");
    fixture.wait_for_deliveries().await;
    assert_eq!((receiver.raw().len(), fixture.calcom.counts().webhooks.dropped), (4, 1));
}

#[tokio::test]
async fn a_confirmation_emits_a_created_event() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let uid = fixture.book("consultation", MORNING);
    fixture.calcom.confirm(&uid).unwrap();
    fixture.wait_for_deliveries().await;
    let mut kinds: Vec<Value> = receiver.bodies().into_iter().map(|body| body["triggerEvent"].clone()).collect();
    kinds.sort_by_key(Value::to_string);
    assert_eq!(kinds, ["BOOKING_CREATED", "BOOKING_REQUESTED"]);
}
