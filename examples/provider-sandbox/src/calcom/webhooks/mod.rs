//! Webhooks: `subscriptions` selects the receivers, `payload` builds the events, and this file signs and queues them.
//! `crate::deliveries` sends them.
//! Invariant: a payload has the documented fields of its trigger. It omits what Cal.com omits: the metadata of cancelled and rejected
//! bookings, and delivery ids.

pub(crate) mod payload;
pub(crate) mod subscriptions;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) use self::payload::BookingEvent;
use self::subscriptions::Subscription;
use super::account::Account;
use super::bookings::changes::AttendeeAbsence;
use super::bookings::record::Booking;
use super::out_of_office::OutOfOfficeEntry;
use super::state::CalcomState;
use crate::clock::rfc3339;
use crate::deliveries::{Event, RetryPolicy, WebhookSettings};

/// Cal.com retries after every failure; each delay is one and a half times the one before.
pub(crate) const RETRY_POLICY: RetryPolicy = RetryPolicy { is_retryable: |_| true, backoff_percent: 150 };

/// Returns the default settings: three attempts, the second after 10 to 15 seconds.
pub(crate) fn webhook_settings() -> WebhookSettings {
    WebhookSettings {
        retry_interval_ms: 10_000,
        retry_jitter_ms: 5_000,
        max_retries: 2,
        clock_skew_ms: 0,
        ..WebhookSettings::default()
    }
}

/// Emits the event of a changed booking.
pub(crate) fn booking(state: &CalcomState, account: &Account, event: BookingEvent<'_>, booking: &Booking) {
    let payload = payload::booking(account, event, booking);
    emit(state, account, event.trigger(), &envelope(state, event.trigger(), &payload));
}

/// Emits the event of changed attendee absences.
pub(crate) fn no_show(state: &CalcomState, account: &Account, booking: &Booking, absences: &[AttendeeAbsence]) {
    const TRIGGER: &str = "BOOKING_NO_SHOW_UPDATED";
    emit(state, account, TRIGGER, &envelope(state, TRIGGER, &payload::no_show(booking, absences)));
}

/// Emits the event of a new out-of-office entry.
pub(crate) fn out_of_office(state: &CalcomState, account: &Account, entry: &OutOfOfficeEntry) {
    let payload = payload::out_of_office(account, entry, state.clock.now_ms());
    emit(state, account, "OOO_CREATED", &envelope(state, "OOO_CREATED", &payload));
}

/// Emits the event of a meeting's start or end, which has no envelope.
pub(crate) fn meeting(state: &CalcomState, account: &Account, trigger: &str, booking: &Booking) {
    emit(state, account, trigger, &payload::meeting(account, trigger, booking));
}

/// Sends the test event to every subscription.
pub(crate) fn ping(state: &CalcomState, account: &Account) {
    let event = envelope(state, "PING", &payload::ping(account, state.clock.now_ms()));
    for subscription in &account.subscriptions {
        send(state, subscription, "PING", &event, subscription.secret.as_deref());
    }
}

/// Sends an event of an undocumented type to every subscription.
pub(crate) fn send_unknown(state: &CalcomState, account: &Account) {
    let event = envelope(state, "BOOKING_TELEPORTED", &json!({"uid": "unknown", "distance": 42}));
    for subscription in &account.subscriptions {
        send(state, subscription, "BOOKING_TELEPORTED", &event, subscription.secret.as_deref());
    }
}

/// Sends a plausible event, signed with a wrong secret, to every subscription.
pub(crate) fn send_forged(state: &CalcomState, account: &Account) {
    let payload = json!({"uid": "forged", "bookingId": 1, "status": "CANCELLED", "type": "intro"});
    let event = envelope(state, "BOOKING_CANCELLED", &payload);
    for subscription in &account.subscriptions {
        send(state, subscription, "BOOKING_CANCELLED", &event, Some("wrong secret"));
    }
}

/// Returns the headers of a delivery of `body`.
pub(crate) fn signed_headers(secret: Option<&str>, body: &[u8]) -> HeaderMap {
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

fn envelope(state: &CalcomState, trigger: &str, payload: &Value) -> Value {
    json!({"triggerEvent": trigger, "createdAt": rfc3339(state.clock.now_ms()), "payload": payload})
}

/// Sends an event to the subscriptions of its trigger.
fn emit(state: &CalcomState, account: &Account, trigger: &str, event: &Value) {
    let mut receivers = account.subscriptions.iter().filter(|subscription| subscription.receives(trigger)).peekable();
    if receivers.peek().is_none() {
        state.shared.dispatcher.count_unsubscribed(trigger);
    }
    receivers.for_each(|subscription| send(state, subscription, trigger, event, subscription.secret.as_deref()));
}

fn send(state: &CalcomState, to: &Subscription, trigger: &str, event: &Value, secret: Option<&str>) {
    let body = Bytes::from(event.to_string());
    let mut headers = signed_headers(secret, &body);
    if let Ok(version) = HeaderValue::from_str(&to.version) {
        headers.insert("x-cal-webhook-version", version);
    }
    state.shared.dispatcher.send(&Event {
        webhook_id: state.shared.dispatcher.new_id(),
        kind: trigger.to_owned(),
        url: Some(to.subscriber_url.clone()),
        headers,
        body,
    });
}

/// Returns the HMAC-SHA256 in lower-case hex.
fn hmac_hex(secret: &str, body: &[u8]) -> String {
    // HMAC accepts keys of every length.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    hmac.update(body);
    hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hex_hmac_of_the_body_or_a_literal_without_secret() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_hex("Jefe", b"what do ya want for nothing?"), expected);
        assert_eq!(signed_headers(None, b"{}")["x-cal-signature-256"], "no-secret-provided");
    }
}
