//! Webhooks: `payload` builds the events, this file completes and signs them, and `crate::deliveries` sends them.
//! Invariant: a payload has exactly the documented fields, without those that GHL omits.

pub(crate) mod payload;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use super::calendars::appointment_store::Appointment;
use super::contacts::record::Contact;
use super::identity::Identity;
use super::opportunities::opportunity_store::Opportunity;
use super::state::{GhlState, Location};
use crate::clock::rfc3339;
use crate::deliveries::{Event, RetryPolicy};
use crate::lock;
use crate::rng::SeededRng;

/// GHL retries only after 429, at constant intervals.
pub(crate) const RETRY_POLICY: RetryPolicy = RetryPolicy { is_retryable: |status| status == 429, backoff_percent: 100 };

/// Emits an event of a contact.
pub(crate) fn contact(state: &GhlState, kind: &str, contact: &Contact) {
    emit_for_location(state, &contact.location_id, payload::contact(kind, contact));
}

/// Emits the events of an update: fields, tags and do-not-disturb each have their own.
pub(crate) fn contact_updated(state: &GhlState, before: &Contact, after: &Contact) {
    let tags = |contact: &Contact| contact.tags.iter().cloned().collect::<BTreeSet<_>>();
    let tags_changed = tags(before) != tags(after);
    let dnd_changed = (before.dnd, &before.dnd_settings) != (after.dnd, &after.dnd_settings);
    let otherwise_unchanged = Contact {
        tags: after.tags.clone(),
        dnd: after.dnd,
        dnd_settings: after.dnd_settings.clone(),
        date_updated: after.date_updated,
        ..before.clone()
    };
    if otherwise_unchanged != *after || !(tags_changed || dnd_changed) {
        contact(state, "ContactUpdate", after);
    }
    if tags_changed {
        contact(state, "ContactTagUpdate", after);
    }
    if dnd_changed {
        contact(state, "ContactDndUpdate", after);
    }
}

/// Emits an event of an appointment.
pub(crate) fn appointment(state: &GhlState, location: &Location, kind: &str, appointment: &Appointment) {
    emit_for_location(state, &location.profile.id, payload::appointment(kind, &location.profile, appointment));
}

/// Emits an event of an opportunity.
pub(crate) fn opportunity(state: &GhlState, location: &Location, kind: &str, opportunity: &Opportunity) {
    emit_for_location(state, &location.profile.id, payload::opportunity(kind, &location.profile, opportunity));
}

/// Emits INSTALL for the company (`None`) or a location.
pub(crate) fn install(state: &GhlState, location_id: Option<&str>) {
    emit(state, payload::install(state, location_id));
}

/// Emits UNINSTALL for the company or a location.
pub(crate) fn uninstall(state: &GhlState, id: &str) {
    emit(state, payload::uninstall(state, id));
}

/// Sends an event of an undocumented type.
pub(crate) fn send_unknown(state: &GhlState) {
    let location_id = state.locations.first().map(|location| location.profile.id.as_str());
    emit(state, json!({"type": "ContactTeleport", "locationId": location_id, "id": "unknown", "distance": 42}));
}

/// Sends a plausible event, signed with a wrong key.
pub(crate) fn send_forged(state: &GhlState) {
    let Some(location) = state.locations.first() else { return };
    let Some(row) = lock(&location.contact_store).all().next().cloned() else { return };
    let event = payload::contact("ContactDelete", row.contact());
    state.shared.dispatcher.send(&signed_event(event, state, Identity::sign_with_wrong_key));
}

fn emit_for_location(state: &GhlState, location_id: &str, event: Value) {
    if state.receives_events(location_id) {
        emit(state, event);
    }
}

fn emit(state: &GhlState, event: Value) {
    state.shared.dispatcher.send(&signed_event(event, state, Identity::sign));
}

/// Adds `appId`, `versionId`, `webhookId` and `timestamp` to an event and signs it.
fn signed_event(mut event: Value, state: &GhlState, sign: fn(&Identity, &[u8]) -> String) -> Event {
    let webhook_id = state.shared.dispatcher.new_id();
    let clock_error = clock_error(&event, state.shared.dispatcher.settings().clock_skew_ms);
    event["appId"] = json!(state.identity.app_id);
    event["versionId"] = json!(state.identity.version_id);
    event["webhookId"] = json!(webhook_id);
    event["timestamp"] = json!(rfc3339(state.clock.now_ms() + clock_error));
    let body = Bytes::from(event.to_string());
    let kind = event["type"].as_str().unwrap_or_default().to_owned();
    Event { webhook_id, kind, url: None, headers: headers(&sign(&state.identity, &body)), body }
}

/// Returns the headers and the body of a delivery of `payload`.
pub(crate) fn sign_delivery(state: &GhlState, payload: &Value) -> (HeaderMap, Bytes) {
    let body = Bytes::from(payload.to_string());
    (headers(&state.identity.sign(&body)), body)
}

/// Returns the headers: the signature, and `N/A` in the retired signature header.
fn headers(signature: &str) -> HeaderMap {
    let signature = HeaderValue::from_str(signature).unwrap_or(HeaderValue::from_static("N/A"));
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-ghl-signature"), signature),
        (HeaderName::from_static("x-wh-signature"), HeaderValue::from_static("N/A")),
    ])
}

/// Returns the constant clock error of the event's location, in milliseconds.
fn clock_error(event: &Value, max_skew_ms: u64) -> i64 {
    let location_id = event["locationId"].as_str().or(event["id"].as_str()).unwrap_or_default();
    let parts: Vec<u64> = location_id.bytes().map(u64::from).collect();
    let skew = i64::try_from(max_skew_ms).unwrap_or(0);
    i64::try_from(SeededRng::new(0, &parts).below(2 * skew.unsigned_abs() + 1)).unwrap_or(0) - skew
}
