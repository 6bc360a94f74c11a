//! Webhooks: who wants to hear what (`subscriptions`), what is said (`payload`), and its signature. Sending is `crate::deliveries`.
//! Invariant: a payload has the documented fields of its trigger; what Cal.com leaves out (metadata of cancelled and rejected
//! bookings, ids of deliveries) is left out here.

pub(crate) mod payload;
pub(crate) mod subscriptions;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) use self::payload::Told;
use self::subscriptions::Subscription;
use super::account::Account;
use super::bookings::changes::AbsentAttendee;
use super::bookings::record::Booking;
use super::out_of_office::Absence;
use super::state::World;
use crate::clock::rfc3339;
use crate::deliveries::{Event, Persistence, WebhookSettings};

/// Cal.com sends again after every failure, each time after half as long again.
pub(crate) const PERSISTENCE: Persistence = Persistence { again: |_| true, growth_percent: 150 };

/// Three attempts in all, the second after ten seconds and some.
pub(crate) fn settings() -> WebhookSettings {
    WebhookSettings {
        resend_interval_ms: 10_000,
        resend_jitter_ms: 5_000,
        resends: 2,
        skew_ms: 0,
        ..WebhookSettings::default()
    }
}

/// Tells what became of a booking.
pub(crate) fn booking(world: &World, account: &Account, told: Told<'_>, booking: &Booking) {
    tell(world, account, told.trigger(), &payload::booking(account, told, booking));
}

/// Tells who did not come, or did after all.
pub(crate) fn no_show(world: &World, account: &Account, booking: &Booking, attendees: &[AbsentAttendee]) {
    tell(world, account, "BOOKING_NO_SHOW_UPDATED", &payload::no_show(booking, attendees));
}

/// Tells that the user will be away.
pub(crate) fn out_of_office(world: &World, account: &Account, absence: &Absence) {
    tell(world, account, "OOO_CREATED", &payload::out_of_office(account, absence, world.clock.now_ms()));
}

/// Tells that a meeting's time has come or is over; without an envelope.
pub(crate) fn meeting(world: &World, account: &Account, trigger: &str, booking: &Booking) {
    post(world, account, trigger, &payload::meeting(account, trigger, booking));
}

/// What the button sends that tries a webhook out, to every subscription.
pub(crate) fn ping(world: &World, account: &Account) {
    let event = enveloped(world, "PING", &payload::ping(account, world.clock.now_ms()));
    account.subscriptions.iter().for_each(|own| send(world, own, "PING", &event, own.secret.as_deref()));
}

/// An event of a kind that nobody documented, to every subscription.
pub(crate) fn unknown(world: &World, account: &Account) {
    let event = enveloped(world, "BOOKING_TELEPORTED", &json!({"uid": "unknown", "distance": 42}));
    account.subscriptions.iter().for_each(|own| send(world, own, "BOOKING_TELEPORTED", &event, own.secret.as_deref()));
}

/// An event that looks right, signed with somebody else's secret, to every subscription.
pub(crate) fn forged(world: &World, account: &Account) {
    let payload = json!({"uid": "forged", "bookingId": 1, "status": "CANCELLED", "type": "intro"});
    let event = enveloped(world, "BOOKING_CANCELLED", &payload);
    account.subscriptions.iter().for_each(|own| send(world, own, "BOOKING_CANCELLED", &event, Some("somebody else's")));
}

/// Any body with the headers Cal.com would send it with.
pub(crate) fn signed(secret: Option<&str>, body: &[u8]) -> HeaderMap {
    let signature = secret.map_or_else(|| "no-secret-provided".to_owned(), |secret| hmac_hex(secret, body));
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            HeaderName::from_static("x-cal-signature-256"),
            HeaderValue::from_str(&signature).unwrap_or(HeaderValue::from_static("")),
        ),
        (HeaderName::from_static("x-cal-webhook-version"), HeaderValue::from_static("2021-10-20")),
    ])
}

fn tell(world: &World, account: &Account, trigger: &str, payload: &Value) {
    post(world, account, trigger, &enveloped(world, trigger, payload));
}

fn enveloped(world: &World, trigger: &str, payload: &Value) -> Value {
    json!({"triggerEvent": trigger, "createdAt": rfc3339(world.clock.now_ms()), "payload": payload})
}

fn post(world: &World, account: &Account, trigger: &str, event: &Value) {
    let mut wanted = account.subscriptions.iter().filter(|own| own.wants(trigger)).peekable();
    if wanted.peek().is_none() {
        world.mailer.unaddressed(trigger);
    }
    wanted.for_each(|own| send(world, own, trigger, event, own.secret.as_deref()));
}

fn send(world: &World, to: &Subscription, trigger: &str, event: &Value, secret: Option<&str>) {
    let body = Bytes::from(event.to_string());
    let mut headers = signed(secret, &body);
    if let Ok(version) = HeaderValue::from_str(&to.version) {
        headers.insert("x-cal-webhook-version", version);
    }
    world.mailer.send(&Event {
        webhook_id: world.mailer.new_id(),
        kind: trigger.to_owned(),
        url: Some(to.subscriber_url.clone()),
        headers,
        body,
    });
}

/// HMAC-SHA256 in lower-case hex.
fn hmac_hex(secret: &str, body: &[u8]) -> String {
    // Every length of key will do.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    hmac.update(body);
    hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_hex_over_the_raw_body_and_a_word_without_a_secret() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_hex("Jefe", b"what do ya want for nothing?"), expected);
        assert_eq!(signed(None, b"{}")["x-cal-signature-256"], "no-secret-provided");
    }
}
