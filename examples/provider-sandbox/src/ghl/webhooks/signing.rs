//! Completes and signs events.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::deliveries::Event;
use crate::ghl::identity::Identity;
use crate::ghl::state::GhlState;
use crate::rng::SeededRng;

/// Adds `appId`, `versionId`, `webhookId` and `timestamp` to an event and signs it.
pub(super) fn signed_event(mut event: Value, state: &GhlState, sign: fn(&Identity, &[u8]) -> String) -> Event {
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
