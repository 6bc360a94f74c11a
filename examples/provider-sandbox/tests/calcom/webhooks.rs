use calcom_client::CalcomEvent;
use calcom_client::webhook::{EventKind, WebhookStatus};
use provider_sandbox::calcom::WebhookOrder;
use serde_json::Value;
use sidecar_core::ErrorKind;

use crate::support::{Receiver, SECRET, World, at, ms, verifies};

const MORNING: &str = "2026-11-24T09:00:00Z";

fn of(events: &[CalcomEvent], kind: &EventKind) -> CalcomEvent {
    events.iter().find(|event| event.kind() == *kind).unwrap_or_else(|| panic!("no {kind} came")).clone()
}

#[tokio::test]
async fn each_change_of_a_booking_has_its_event_which_the_client_verifies_and_reads() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let uid = world.book("intro", MORNING);
    let moved = world.calcom.reschedule(&uid, ms("2026-11-24T10:00:00Z")).unwrap();
    let moved = moved["uid"].as_str().unwrap();
    world.calcom.mark_absent(moved).unwrap();
    world.calcom.meeting_ended(moved).unwrap();
    world.calcom.cancel(moved).unwrap();
    let waiting = world.book("consultation", MORNING);
    world.calcom.decline(&waiting).unwrap();
    world.calcom.ping();
    world.client.out_of_office().create(at("2026-11-26T00:00:00Z"), at("2026-11-27T00:00:00Z")).await.unwrap();
    world.settled().await;
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
        assert!(!matches!(of(&events, kind), CalcomEvent::Unknown(_)), "{kind}");
    }
    let booking = |kind: &EventKind| of(&events, kind).booking_uid().unwrap().to_string();
    assert_eq!(booking(&EventKind::BookingCreated), uid);
    assert!(kinds[1..5].iter().all(|kind| booking(kind) == moved));
    assert!(kinds[5..7].iter().all(|kind| booking(kind) == waiting));
    let rescheduled = of(&events, &EventKind::BookingRescheduled);
    assert_eq!(rescheduled.previous_booking_uid().unwrap().as_str(), uid);
}

#[tokio::test]
async fn metadata_comes_with_what_stands_and_not_with_what_is_over() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let uid = world.book("intro", MORNING);
    world.calcom.cancel(&uid).unwrap();
    world.settled().await;
    let events = receiver.events();
    let created = of(&events, &EventKind::BookingCreated);
    assert_eq!(created.metadata("organizationId"), Some("org_1"));
    assert!(created.metadata("videoCallUrl").is_some());
    let CalcomEvent::BookingCreated(created) = created else { panic!("another kind") };
    assert_eq!(
        (created.data.status, created.data.event_type_slug.as_deref()),
        (Some(WebhookStatus::Accepted), Some("intro"))
    );
    assert_eq!(created.data.start_time.unwrap().timestamp(), Some(at(MORNING)));
    assert_eq!(created.data.attendees.unwrap()[0].first_name.as_deref(), Some("Ann"));
    let CalcomEvent::BookingCancelled(cancelled) = of(&events, &EventKind::BookingCancelled) else {
        panic!("another kind")
    };
    assert_eq!((cancelled.data.status, cancelled.data.metadata), (Some(WebhookStatus::Cancelled), None));
    assert_eq!(cancelled.data.cancelled_by.as_deref(), Some("ann@example.com"));
    assert_eq!(cancelled.data.start_time.unwrap().timestamp(), Some(at(MORNING)));
}

#[tokio::test]
async fn a_webhook_made_by_the_api_hears_its_triggers_only_with_its_own_secret() {
    let world = World::new().await;
    let receiver = Receiver::listen(&[]).await;
    let webhooks = world.client.webhooks();
    let made = webhooks.create(&receiver.url, [EventKind::BookingCancelled]).secret(&SECRET.into()).await.unwrap();
    let uid = world.book("intro", MORNING);
    world.calcom.cancel(&uid).unwrap();
    world.settled().await;
    let kinds: Vec<EventKind> = receiver.events().iter().map(CalcomEvent::kind).collect();
    assert_eq!(kinds, [EventKind::BookingCancelled]);
    let (headers, body) = receiver.raw().remove(0);
    assert_eq!(headers["x-cal-webhook-version"], "2021-10-20");
    assert!(!verifies(&headers, &[&body[..], b" "].concat()));
    assert_eq!(world.calcom.counts().webhooks.unaddressed, 1);
    let silent = webhooks.update(&made.id).active(false).await.unwrap();
    assert_eq!((silent.active, webhooks.list().await.unwrap().items.len()), (Some(false), 1));
    webhooks.delete(&made.id).await.unwrap();
    assert_eq!(webhooks.get(&made.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_refused_delivery_is_sent_three_times_with_the_same_bytes_and_is_lost_then() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[500, 404, 200, 503, 503, 503]).await;
    world.sandbox.control().calcom().webhooks(&WebhookOrder {
        resend_interval_ms: Some(5),
        resend_jitter_ms: Some(2),
        ..WebhookOrder::default()
    });
    let uid = world.book("intro", MORNING);
    world.settled().await;
    world.calcom.cancel(&uid).unwrap();
    world.settled().await;
    let counts = world.calcom.counts().webhooks;
    assert_eq!((counts.attempts, counts.delivered, counts.lost), (6, 1, 1));
    let raw = receiver.raw();
    assert!(raw[1..3].iter().all(|(_, body)| *body == raw[0].1));
}

#[tokio::test]
async fn deliveries_are_held_copied_dropped_and_forged_on_order() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let calcom = world.sandbox.control().calcom().clone();
    calcom.webhooks(&WebhookOrder {
        hold: Some(true),
        duplicate: Some(1),
        shuffle: Some(true),
        ..WebhookOrder::default()
    });
    world.book("intro", MORNING);
    assert_eq!((world.calcom.counts().webhooks.held, receiver.raw().len()), (2, 0));
    calcom.webhooks(&WebhookOrder {
        hold: Some(false),
        duplicate: Some(0),
        shuffle: Some(false),
        ..WebhookOrder::default()
    });
    world.settled().await;
    assert_eq!(receiver.events().len(), 2);
    calcom.webhooks(&WebhookOrder { forged: 1, unknown: 1, ..WebhookOrder::default() });
    world.settled().await;
    let honest = receiver.raw()[2..].iter().filter(|(headers, body)| verifies(headers, body)).count();
    assert_eq!((receiver.raw().len(), honest), (4, 1));
    calcom.webhooks(&WebhookOrder { drop_percent: Some(100), ..WebhookOrder::default() });
    world.book("intro", "2026-11-24T10:00:00Z");
    world.settled().await;
    assert_eq!((receiver.raw().len(), world.calcom.counts().webhooks.dropped), (4, 1));
}

#[tokio::test]
async fn a_confirmed_request_is_told_as_a_creation() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let uid = world.book("consultation", MORNING);
    world.calcom.confirm(&uid).unwrap();
    world.settled().await;
    let mut kinds: Vec<Value> = receiver.bodies().into_iter().map(|body| body["triggerEvent"].clone()).collect();
    kinds.sort_by_key(Value::to_string);
    assert_eq!(kinds, ["BOOKING_CREATED", "BOOKING_REQUESTED"]);
}
