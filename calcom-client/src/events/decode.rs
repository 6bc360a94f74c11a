//! Decodes a body into an event, with or without an envelope.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::event::UnknownEvent;

use super::event::{CalcomEvent, Event, InvalidBody};
use crate::{event_kind::EventKind, model::WireTime};

/// The payload of a body and its envelope.
pub(super) struct Parts {
    created_at: Option<WireTime>,
    document: Map<String, Value>,
    envelope_fields: Map<String, Value>,
}

impl Parts {
    pub(super) fn event<T: DeserializeOwned>(self) -> Result<Event<T>, serde_json::Error> {
        let data = T::deserialize(&self.document)?;
        Ok(Event {
            created_at: self.created_at,
            data,
            document: self.document.into(),
            envelope_fields: self.envelope_fields,
        })
    }
}

pub(super) fn parse(body: &[u8]) -> Result<CalcomEvent, InvalidBody> {
    let Value::Object(object) = read(body)? else {
        return Err(InvalidBody { reason: "it is another JSON value".to_owned() });
    };
    let name = object.get("triggerEvent").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut kind = EventKind::from_name(&name);
    let parts = split_envelope(&kind, object);
    if is_ping(&parts.document) {
        kind = EventKind::Ping;
    }
    let why = match CalcomEvent::of_kind(&kind, parts) {
        Some(Ok(event)) => return Ok(event),
        Some(Err(error)) => Some(error.to_string()),
        None => None,
    };
    Ok(CalcomEvent::Unknown(Box::new(UnknownEvent { kind: name, raw: read(body)?, why })))
}

fn read(body: &[u8]) -> Result<Value, InvalidBody> {
    sidecar_core::json::from_slice(body).map_err(|error| InvalidBody { reason: error.to_string() })
}

/// Splits a body. An event without a `payload` has its fields at the root: meetings always, other events if the webhook has a custom
/// template.
fn split_envelope(kind: &EventKind, mut object: Map<String, Value>) -> Parts {
    // A `triggerEvent` or `createdAt` of another type stays where it is.
    if object.get("triggerEvent").is_some_and(Value::is_string) {
        object.remove("triggerEvent");
    }
    let flat = !object.get("payload").is_some_and(Value::is_object);
    let is_meeting = matches!(kind, EventKind::MeetingStarted | EventKind::MeetingEnded);
    // A meeting's creation time is the booking's.
    let created_at = match is_meeting && flat {
        true => None,
        false => time(&mut object, "createdAt"),
    };
    if flat {
        return Parts { created_at, document: object, envelope_fields: Map::new() };
    }
    let document = match object.remove("payload") {
        Some(Value::Object(payload)) => payload,
        _ => Map::new(),
    };
    Parts { created_at, document, envelope_fields: object }
}

fn time(object: &mut Map<String, Value>, name: &str) -> Option<WireTime> {
    object.get(name)?.as_str()?;
    serde_json::from_value(object.remove(name)?).ok()
}

/// Cal.com's button for testing a webhook sends this payload under the name of any trigger.
fn is_ping(document: &Map<String, Value>) -> bool {
    let is = |name: &str, text: &str| document.get(name).and_then(Value::as_str) == Some(text);
    is("type", "Test") && is("title", "Test trigger event") && !document.contains_key("uid")
}
