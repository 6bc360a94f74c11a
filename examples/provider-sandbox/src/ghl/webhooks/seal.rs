//! Completing and signing an event.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::deliveries::Event;
use crate::dice::Dice;
use crate::ghl::identity::Identity;
use crate::ghl::state::World;

/// An event completed with `appId`, `versionId`, `webhookId` and `timestamp`, and signed.
pub(super) fn sealed(mut event: Value, world: &World, sign: fn(&Identity, &[u8]) -> String) -> Event {
    let webhook_id = world.mailer.new_id();
    let offset = clock_offset(&event, world.mailer.settings().skew_ms);
    event["appId"] = json!(world.identity.app_id);
    event["versionId"] = json!(world.identity.version_id);
    event["webhookId"] = json!(webhook_id);
    event["timestamp"] = json!(rfc3339(world.clock.now_ms() + offset));
    let body = Bytes::from(event.to_string());
    let kind = event["type"].as_str().unwrap_or_default().to_owned();
    Event { webhook_id, kind, url: None, headers: headers(&sign(&world.identity, &body)), body }
}

/// Any payload with the headers GHL would send it with.
pub(crate) fn signed(world: &World, payload: &Value) -> (HeaderMap, Bytes) {
    let body = Bytes::from(payload.to_string());
    (headers(&world.identity.sign(&body)), body)
}

/// The current signature, and the retired header's literal `N/A`.
fn headers(signature: &str) -> HeaderMap {
    let signature = HeaderValue::from_str(signature).unwrap_or(HeaderValue::from_static("N/A"));
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-ghl-signature"), signature),
        (HeaderName::from_static("x-wh-signature"), HeaderValue::from_static("N/A")),
    ])
}

/// How far the clock that stamps a location's events is off, in milliseconds.
fn clock_offset(event: &Value, skew_ms: u64) -> i64 {
    let location = event["locationId"].as_str().or(event["id"].as_str()).unwrap_or_default();
    let parts: Vec<u64> = location.bytes().map(u64::from).collect();
    let skew = i64::try_from(skew_ms).unwrap_or(0);
    i64::try_from(Dice::new(0, &parts).below(2 * skew.unsigned_abs() + 1)).unwrap_or(0) - skew
}
