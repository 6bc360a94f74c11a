use base64::Engine;
use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use http::HeaderMap;
use provider_sandbox::control::TokenCommand;
use provider_sandbox::ghl::{DeliveryOutcome, WebhookCommand};
use serde_json::json;

use crate::receiver::{Receiver, sleep_ms};
use crate::support::Fixture;

impl Receiver {
    /// Listens, and receives all events.
    async fn start(fixture: &Fixture, statuses: &[u16]) -> Self {
        let receiver = Self::listen(statuses).await;
        fixture.ghl.set_webhook_url(receiver.url.as_str());
        receiver
    }

    /// Returns the event types in alphabetical order.
    fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.bodies().iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    }
}

/// Waits until no delivery is pending.
async fn wait_for_deliveries(fixture: &Fixture) {
    for _ in 0..1_000 {
        if fixture.ghl.counts().webhooks.pending == 0 {
            return;
        }
        sleep_ms(5).await;
    }
    panic!("deliveries are still pending: {:?}", fixture.ghl.counts().webhooks);
}

fn verifies(fixture: &Fixture, headers: &HeaderMap, body: &[u8]) -> bool {
    let key = VerifyingKey::from_public_key_pem(&fixture.ghl.public_key_pem()).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(headers["x-ghl-signature"].as_bytes()).unwrap();
    key.verify_strict(body, &Signature::from_slice(&bytes).unwrap()).is_ok()
}

#[rustfmt::skip]
const CONTACT_FIELDS: &[&str] = &[
    "type", "locationId", "id", "address1", "city", "state", "companyName", "country", "source", "dateAdded",
    "dateOfBirth", "dnd", "email", "name", "firstName", "lastName", "phone", "postalCode", "tags", "website",
    "attachments", "assignedTo", "customFields", "appId", "versionId", "webhookId", "timestamp",
];

#[tokio::test]
async fn a_create_event_is_signed_and_has_exactly_the_documented_fields() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let body = json!({"locationId": fixture.location, "firstName": "Ada"});
    let created = fixture.call("POST", "/contacts/", Some(body)).await;
    wait_for_deliveries(&fixture).await;
    let event = receiver.bodies().remove(0);
    assert_eq!((&event["type"], &event["id"]), (&json!("ContactCreate"), &created.body["contact"]["id"]));
    let mut names: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = CONTACT_FIELDS.to_vec();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let (headers, raw) = receiver.raw().remove(0);
    assert!(verifies(&fixture, &headers, &raw));
    assert_eq!(headers["x-wh-signature"], "N/A");
}

#[tokio::test]
async fn each_kind_of_change_emits_its_event() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let contact = fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "Ada"})).unwrap();
    let id = contact["id"].as_str().unwrap();
    fixture.ghl.update_contact(id, &json!({"city": "Leeds"})).unwrap();
    fixture.ghl.update_contact(id, &json!({"tags": ["a"]})).unwrap();
    fixture.ghl.update_contact(id, &json!({"dnd": true})).unwrap();
    let fields = json!({"calendarId": fixture.ghl.calendar_ids(&fixture.location)[0], "contactId": id, "startTime": "2026-11-29T10:00:00-07:00"});
    let appointment = fixture.ghl.create_appointment(&fixture.location, &fields).unwrap();
    let appointment_id = appointment["id"].as_str().unwrap();
    fixture.ghl.update_appointment(appointment_id, &json!({"appointmentStatus": "cancelled"})).unwrap();
    fixture.ghl.delete_appointment(appointment_id).unwrap();
    fixture.ghl.delete_contact(id).unwrap();
    wait_for_deliveries(&fixture).await;
    let kinds = [
        "AppointmentCreate",
        "AppointmentDelete",
        "AppointmentUpdate",
        "ContactCreate",
        "ContactDelete",
        "ContactDndUpdate",
        "ContactTagUpdate",
        "ContactUpdate",
    ];
    assert_eq!(receiver.kinds(), kinds);
    let event = receiver.bodies().into_iter().find(|body| body["type"] == "AppointmentUpdate").unwrap();
    assert_eq!(
        (&event["appointment"]["id"], &event["appointment"]["appointmentStatus"]),
        (&json!(appointment_id), &json!("cancelled"))
    );
}

#[tokio::test]
async fn only_429_is_retried_and_other_failures_are_lost() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[429, 429, 200, 500]).await;
    fixture.sandbox.control().update_webhooks(&WebhookCommand {
        retry_interval_ms: Some(5),
        retry_jitter_ms: Some(2),
        ..WebhookCommand::default()
    });
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "One"})).unwrap();
    wait_for_deliveries(&fixture).await;
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "Two"})).unwrap();
    wait_for_deliveries(&fixture).await;
    let counts = fixture.ghl.counts().webhooks;
    assert_eq!((counts.attempts, counts.delivered, counts.throttled, counts.lost), (4, 1, 2, 1));
    let bodies = receiver.bodies();
    assert!(bodies[..3].iter().all(|body| body["webhookId"] == bodies[0]["webhookId"]));
    let lost = fixture.ghl.deliveries().into_iter().find(|delivery| delivery.outcome == DeliveryOutcome::Lost).unwrap();
    assert_eq!(lost.statuses, [500]);
    fixture.sandbox.control().update_webhooks(&WebhookCommand { redeliver_lost: true, ..WebhookCommand::default() });
    wait_for_deliveries(&fixture).await;
    assert_eq!(
        fixture.ghl.deliveries().iter().filter(|delivery| delivery.outcome == DeliveryOutcome::Delivered).count(),
        2
    );
}

#[tokio::test]
async fn a_retry_waits_ten_minutes_of_sandbox_time() {
    let fixture = Fixture::new().await;
    let _receiver = Receiver::start(&fixture, &[429]).await;
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "One"})).unwrap();
    while fixture.ghl.counts().webhooks.throttled == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.ghl.counts().webhooks.pending, 1);
    // Lets the delay start before the clock advances.
    sleep_ms(20).await;
    fixture.sandbox.control().advance_clock(661_000);
    wait_for_deliveries(&fixture).await;
    assert_eq!(fixture.ghl.counts().webhooks.delivered, 1);
}

#[tokio::test]
async fn a_refused_connection_loses_the_event() {
    let fixture = Fixture::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fixture.ghl.set_webhook_url(format!("http://{free}/"));
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "One"})).unwrap();
    wait_for_deliveries(&fixture).await;
    assert_eq!(fixture.ghl.counts().webhooks.lost, 1);
}

#[tokio::test]
async fn held_events_are_sent_on_release_with_duplicates() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let control = fixture.sandbox.control();
    control.update_webhooks(&WebhookCommand {
        hold: Some(true),
        duplicates: Some(2),
        shuffle: Some(true),
        ..WebhookCommand::default()
    });
    for name in ["A", "B"] {
        fixture.ghl.create_contact(&fixture.location, &json!({"firstName": name})).unwrap();
    }
    assert_eq!((fixture.ghl.counts().webhooks.held, receiver.bodies().len()), (6, 0));
    control.update_webhooks(&WebhookCommand { hold: Some(false), ..WebhookCommand::default() });
    wait_for_deliveries(&fixture).await;
    let ids: std::collections::BTreeSet<String> =
        receiver.bodies().iter().map(|body| body["webhookId"].to_string()).collect();
    assert_eq!((receiver.bodies().len(), ids.len()), (6, 2));
}

#[tokio::test]
async fn dropped_events_are_not_sent() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    fixture.sandbox.control().update_webhooks(&WebhookCommand { drop_percent: Some(100), ..WebhookCommand::default() });
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "One"})).unwrap();
    wait_for_deliveries(&fixture).await;
    assert_eq!((receiver.bodies().len(), fixture.ghl.counts().webhooks.dropped), (0, 1));
}

#[tokio::test]
async fn unknown_and_forged_events_are_sent_on_command() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    fixture.control("webhooks", json!({"unknown": 1, "forged": 1})).await;
    wait_for_deliveries(&fixture).await;
    let received = receiver.raw();
    let (forged, genuine): (Vec<_>, Vec<_>) =
        received.iter().partition(|(headers, body)| !verifies(&fixture, headers, body));
    assert_eq!((forged.len(), genuine.len()), (1, 1));
    assert!(String::from_utf8_lossy(&genuine[0].1).contains("ContactTeleport"));
}

#[tokio::test]
async fn each_location_has_a_constant_clock_skew_of_at_most_two_seconds() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let now_ms = fixture.sandbox.control().now_ms();
    for at in 0..10 {
        for location in [&fixture.location, &fixture.other_location] {
            fixture.ghl.create_contact(location, &json!({"firstName": format!("N{at}")})).unwrap();
        }
    }
    let took_ms = fixture.sandbox.control().now_ms() - now_ms;
    wait_for_deliveries(&fixture).await;
    let skews = |location: &str| -> Vec<i64> {
        let bodies = receiver.bodies();
        let stamps =
            bodies.iter().filter(|body| body["locationId"] == location).map(|body| body["timestamp"].as_str().unwrap());
        stamps.map(|stamp| provider_sandbox::clock::parse_timestamp(stamp).unwrap() - now_ms).collect()
    };
    for location in [&fixture.location, &fixture.other_location] {
        let skews = skews(location);
        let (least, most) = (skews.iter().min().unwrap(), skews.iter().max().unwrap());
        assert_eq!(skews.len(), 10);
        assert!(*least >= -2_000 && *most <= 2_000 + took_ms && most - least <= took_ms, "{skews:?} in {took_ms} ms");
    }
    assert!(
        (skews(&fixture.location)[0] - skews(&fixture.other_location)[0]).abs() > took_ms,
        "each location has its own clock"
    );
}

#[tokio::test]
async fn install_and_uninstall_emit_events_and_stop_other_events() {
    let fixture = Fixture::new().await;
    let receiver = Receiver::start(&fixture, &[]).await;
    let control = fixture.sandbox.control();
    control
        .update_tokens(&TokenCommand { install: Some(fixture.ghl.company_id().to_owned()), ..TokenCommand::default() })
        .unwrap();
    control
        .update_tokens(&TokenCommand { uninstall: Some(fixture.location.clone()), ..TokenCommand::default() })
        .unwrap();
    fixture.ghl.create_contact(&fixture.location, &json!({"firstName": "Unheard"})).unwrap();
    wait_for_deliveries(&fixture).await;
    assert_eq!(receiver.kinds(), ["INSTALL", "INSTALL", "INSTALL", "UNINSTALL"]);
}

#[tokio::test]
async fn any_payload_can_be_signed() {
    let fixture = Fixture::new().await;
    let (headers, body) = fixture.ghl.sign_delivery(&json!({"type": "ContactCreate"}));
    assert!(verifies(&fixture, &headers, &body));
    assert!(!verifies(&fixture, &headers, b"{}"));
}
