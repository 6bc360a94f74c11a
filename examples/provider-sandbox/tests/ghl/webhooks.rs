use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use bytes::Bytes;
use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{Signature, VerifyingKey};
use http::{HeaderMap, StatusCode};
use provider_sandbox::control::TokenOrder;
use provider_sandbox::ghl::{Outcome, WebhookOrder};
use serde_json::{Value, json};

use crate::support::{World, pause};

/// Takes deliveries, answering with the given statuses in turn and 200 afterwards.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    async fn start(world: &World, answers: &[u16]) -> Self {
        let receiver =
            Self { answers: Arc::new(Mutex::new(answers.iter().rev().copied().collect())), ..Self::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        world.ghl.webhook_url(format!("http://{}/hook", listener.local_addr().unwrap()));
        let router = Router::new().route("/hook", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn bodies(&self) -> Vec<Value> {
        self.got.lock().unwrap().iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.bodies().iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect();
        kinds.sort();
        kinds
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.got.lock().unwrap().push((headers, body));
    let status = receiver.answers.lock().unwrap().pop().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

/// Waits until no delivery is under way.
async fn settled(world: &World) {
    for _ in 0..1_000 {
        if world.ghl.counts().webhooks.pending == 0 {
            return;
        }
        pause(5).await;
    }
    panic!("deliveries do not end: {:?}", world.ghl.counts().webhooks);
}

fn verifies(world: &World, headers: &HeaderMap, body: &[u8]) -> bool {
    let key = VerifyingKey::from_public_key_pem(&world.ghl.public_key_pem()).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(headers["x-ghl-signature"].as_bytes()).unwrap();
    key.verify_strict(body, &Signature::from_slice(&bytes).unwrap()).is_ok()
}

const CONTACT_FIELDS: &[&str] = &[
    "type",
    "locationId",
    "id",
    "address1",
    "city",
    "state",
    "companyName",
    "country",
    "source",
    "dateAdded",
    "dateOfBirth",
    "dnd",
    "email",
    "name",
    "firstName",
    "lastName",
    "phone",
    "postalCode",
    "tags",
    "website",
    "attachments",
    "assignedTo",
    "customFields",
    "appId",
    "versionId",
    "webhookId",
    "timestamp",
];

#[tokio::test]
async fn a_created_contact_is_told_signed_with_exactly_the_documented_fields() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let body = json!({"locationId": world.location, "firstName": "Ada"});
    let created = world.call("POST", "/contacts/", Some(body)).await;
    settled(&world).await;
    let event = receiver.bodies().remove(0);
    assert_eq!((&event["type"], &event["id"]), (&json!("ContactCreate"), &created.body["contact"]["id"]));
    let mut names: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = CONTACT_FIELDS.to_vec();
    names.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    let (headers, raw) = receiver.got.lock().unwrap()[0].clone();
    assert!(verifies(&world, &headers, &raw));
    assert_eq!(headers["x-wh-signature"], "N/A");
}

#[tokio::test]
async fn each_kind_of_change_has_its_event() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let contact = world.ghl.create_contact(&world.location, &json!({"firstName": "Ada"})).unwrap();
    let id = contact["id"].as_str().unwrap();
    world.ghl.update_contact(id, &json!({"city": "Leeds"})).unwrap();
    world.ghl.update_contact(id, &json!({"tags": ["a"]})).unwrap();
    world.ghl.update_contact(id, &json!({"dnd": true})).unwrap();
    let fields = json!({"calendarId": world.ghl.calendar_ids(&world.location)[0], "contactId": id, "startTime": "2026-11-29T10:00:00-07:00"});
    let appointment = world.ghl.create_appointment(&world.location, &fields).unwrap();
    let event = appointment["id"].as_str().unwrap();
    world.ghl.update_appointment(event, &json!({"appointmentStatus": "cancelled"})).unwrap();
    world.ghl.delete_appointment(event).unwrap();
    world.ghl.delete_contact(id).unwrap();
    settled(&world).await;
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
    let told = receiver.bodies().into_iter().find(|body| body["type"] == "AppointmentUpdate").unwrap();
    assert_eq!(
        (&told["appointment"]["id"], &told["appointment"]["appointmentStatus"]),
        (&json!(event), &json!("cancelled"))
    );
}

#[tokio::test]
async fn only_429_is_sent_again_everything_else_is_lost() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[429, 429, 200, 500]).await;
    world.sandbox.control().webhooks(&WebhookOrder {
        resend_interval_ms: Some(5),
        resend_jitter_ms: Some(2),
        ..WebhookOrder::default()
    });
    world.ghl.create_contact(&world.location, &json!({"firstName": "One"})).unwrap();
    settled(&world).await;
    world.ghl.create_contact(&world.location, &json!({"firstName": "Two"})).unwrap();
    settled(&world).await;
    let counts = world.ghl.counts().webhooks;
    assert_eq!((counts.attempts, counts.delivered, counts.throttled, counts.lost), (4, 1, 2, 1));
    let bodies = receiver.bodies();
    assert!(bodies[..3].iter().all(|body| body["webhookId"] == bodies[0]["webhookId"]));
    let lost = world.ghl.deliveries().into_iter().find(|delivery| delivery.outcome == Outcome::Lost).unwrap();
    assert_eq!(lost.answers, [500]);
    world.sandbox.control().webhooks(&WebhookOrder { redeliver_lost: true, ..WebhookOrder::default() });
    settled(&world).await;
    assert_eq!(world.ghl.deliveries().iter().filter(|delivery| delivery.outcome == Outcome::Delivered).count(), 2);
}

#[tokio::test]
async fn a_resend_waits_ten_minutes_of_the_sandbox_s_time() {
    let world = World::new().await;
    let _receiver = Receiver::start(&world, &[429]).await;
    world.ghl.create_contact(&world.location, &json!({"firstName": "One"})).unwrap();
    while world.ghl.counts().webhooks.throttled == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.ghl.counts().webhooks.pending, 1);
    // A turn, so that the wait has begun before the clock jumps; a jump before it would only make it longer.
    pause(20).await;
    world.sandbox.control().jump(661_000);
    settled(&world).await;
    assert_eq!(world.ghl.counts().webhooks.delivered, 1);
}

#[tokio::test]
async fn a_refused_connection_loses_the_event() {
    let world = World::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.ghl.webhook_url(format!("http://{free}/"));
    world.ghl.create_contact(&world.location, &json!({"firstName": "One"})).unwrap();
    settled(&world).await;
    assert_eq!(world.ghl.counts().webhooks.lost, 1);
}

#[tokio::test]
async fn held_events_are_sent_on_release_with_duplicates() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let control = world.sandbox.control();
    control.webhooks(&WebhookOrder {
        hold: Some(true),
        duplicate: Some(2),
        shuffle: Some(true),
        ..WebhookOrder::default()
    });
    for name in ["A", "B"] {
        world.ghl.create_contact(&world.location, &json!({"firstName": name})).unwrap();
    }
    assert_eq!((world.ghl.counts().webhooks.held, receiver.bodies().len()), (6, 0));
    control.webhooks(&WebhookOrder { hold: Some(false), ..WebhookOrder::default() });
    settled(&world).await;
    let ids: std::collections::BTreeSet<String> =
        receiver.bodies().iter().map(|body| body["webhookId"].to_string()).collect();
    assert_eq!((receiver.bodies().len(), ids.len()), (6, 2));
}

#[tokio::test]
async fn dropped_events_never_come() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    world.sandbox.control().webhooks(&WebhookOrder { drop_percent: Some(100), ..WebhookOrder::default() });
    world.ghl.create_contact(&world.location, &json!({"firstName": "One"})).unwrap();
    settled(&world).await;
    assert_eq!((receiver.bodies().len(), world.ghl.counts().webhooks.dropped), (0, 1));
}

#[tokio::test]
async fn unknown_and_forged_events_come_on_order() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    world.control("webhooks", json!({"unknown": 1, "forged": 1})).await;
    settled(&world).await;
    let got = receiver.got.lock().unwrap().clone();
    let (forged, honest): (Vec<_>, Vec<_>) = got.iter().partition(|(headers, body)| !verifies(&world, headers, body));
    assert_eq!((forged.len(), honest.len()), (1, 1));
    assert!(String::from_utf8_lossy(&honest[0].1).contains("ContactTeleport"));
}

#[tokio::test]
async fn timestamps_of_a_location_are_off_by_one_skew_of_at_most_two_seconds() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let now_ms = world.sandbox.control().now_ms();
    for at in 0..10 {
        for location in [&world.location, &world.other_location] {
            world.ghl.create_contact(location, &json!({"firstName": format!("N{at}")})).unwrap();
        }
    }
    let took_ms = world.sandbox.control().now_ms() - now_ms;
    settled(&world).await;
    let skews = |location: &str| -> Vec<i64> {
        let bodies = receiver.bodies();
        let stamps =
            bodies.iter().filter(|body| body["locationId"] == location).map(|body| body["timestamp"].as_str().unwrap());
        stamps.map(|stamp| provider_sandbox::clock::parse_moment(stamp).unwrap() - now_ms).collect()
    };
    for location in [&world.location, &world.other_location] {
        let skews = skews(location);
        let (least, most) = (skews.iter().min().unwrap(), skews.iter().max().unwrap());
        assert_eq!(skews.len(), 10);
        assert!(*least >= -2_000 && *most <= 2_000 + took_ms && most - least <= took_ms, "{skews:?} in {took_ms} ms");
    }
    assert!(
        (skews(&world.location)[0] - skews(&world.other_location)[0]).abs() > took_ms,
        "each location has its own clock"
    );
}

#[tokio::test]
async fn an_installation_tells_the_company_and_each_location_and_an_uninstalled_one_falls_silent() {
    let world = World::new().await;
    let receiver = Receiver::start(&world, &[]).await;
    let control = world.sandbox.control();
    control.tokens(&TokenOrder { install: Some(world.ghl.company_id().to_owned()), ..TokenOrder::default() }).unwrap();
    control.tokens(&TokenOrder { uninstall: Some(world.location.clone()), ..TokenOrder::default() }).unwrap();
    world.ghl.create_contact(&world.location, &json!({"firstName": "Unheard"})).unwrap();
    settled(&world).await;
    assert_eq!(receiver.kinds(), ["INSTALL", "INSTALL", "INSTALL", "UNINSTALL"]);
}

#[tokio::test]
async fn any_payload_can_be_signed_for_a_test_s_own_delivery() {
    let world = World::new().await;
    let (headers, body) = world.ghl.signed(&json!({"type": "ContactCreate"}));
    assert!(verifies(&world, &headers, &body));
    assert!(!verifies(&world, &headers, b"{}"));
}
