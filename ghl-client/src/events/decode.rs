//! From a body to an event: takes the envelope apart, and puts the shapes that workflows and older integrations send
//! (`data`, `contactId`, flat appointments) into the provider's own.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::event::UnknownEvent;

use super::{
    event::{Envelope, Event, GhlEvent, InvalidBody},
    kind::{EventKind, Subject},
};
use crate::model::WireTime;

/// A body taken apart.
pub(super) struct Parts {
    envelope: Envelope,
    document: Map<String, Value>,
}

impl Parts {
    pub(super) fn event<T: DeserializeOwned>(self) -> Result<Event<T>, serde_json::Error> {
        let data = T::deserialize(&self.document)?;
        Ok(Event { envelope: self.envelope, data, document: self.document.into() })
    }
}

pub(super) fn parse(body: &[u8], expected: Option<&EventKind>) -> Result<GhlEvent, InvalidBody> {
    let Value::Object(object) = read(body)? else {
        return Err(InvalidBody { why: "it is another JSON value".to_owned() });
    };
    let name = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = kind_of(&name, &object, expected);
    let (envelope, document) = take_apart(&kind, object);
    let why = match GhlEvent::of_kind(&kind, Parts { envelope, document }) {
        Some(Ok(event)) => return Ok(event),
        Some(Err(error)) => Some(error.to_string()),
        None => None,
    };
    // An event whose payload does not match its schema is still known by its kind.
    let kind = if name.is_empty() { kind.as_str().to_owned() } else { name };
    Ok(GhlEvent::Unknown(Box::new(UnknownEvent { kind, raw: read(body)?, why })))
}

fn kind_of(name: &str, object: &Map<String, Value>, expected: Option<&EventKind>) -> EventKind {
    match (EventKind::from_name(name), expected) {
        (EventKind::Other(_), Some(expected)) => expected.clone(),
        // To a conversation provider's URL the channel is sent where other events have their name.
        (EventKind::Other(_), None) if matches!(name, "SMS" | "Email") && object.contains_key("messageId") => {
            EventKind::ProviderOutboundMessage
        }
        (kind, _) => kind,
    }
}

fn read(body: &[u8]) -> Result<Value, InvalidBody> {
    sidecar_core::json::from_slice(body).map_err(|error| InvalidBody { why: error.to_string() })
}

fn take_apart(kind: &EventKind, mut object: Map<String, Value>) -> (Envelope, Map<String, Value>) {
    // A value of another type stays where it is.
    let mut text = |name: &str| {
        object.get(name)?.as_str()?;
        object.remove(name)?.as_str().map(str::to_owned)
    };
    if *kind != EventKind::ProviderOutboundMessage {
        text("type");
    }
    let envelope = Envelope {
        app_id: text("appId"),
        version_id: text("versionId"),
        webhook_id: text("webhookId"),
        timestamp: object.remove("timestamp").filter(|time| !time.is_null()).map(WireTime::from_wire),
    };
    let names_its_subject = object.contains_key("id") || object.contains_key("appointment");
    if !names_its_subject && object.get("data").is_some_and(Value::is_object) {
        let data = object.remove("data");
        object.extend(data.and_then(|data| data.as_object().cloned()).unwrap_or_default());
    }
    match kind.subject() {
        Subject::Contact => rename(&mut object, "contactId", "id"),
        Subject::Order | Subject::Invoice | Subject::Product | Subject::Price => rename(&mut object, "id", "_id"),
        Subject::Appointment if !object.contains_key("appointment") => nest_appointment(&mut object),
        _ => {}
    }
    (envelope, object)
}

fn rename(object: &mut Map<String, Value>, from: &str, to: &str) {
    if object.contains_key(to) {
        return;
    }
    if let Some(value) = object.remove(from) {
        object.insert(to.to_owned(), value);
    }
}

fn nest_appointment(object: &mut Map<String, Value>) {
    let location = object.get("locationId").cloned();
    let mut appointment = std::mem::take(object);
    rename(&mut appointment, "appointmentId", "id");
    object.insert("appointment".to_owned(), Value::Object(appointment));
    if let Some(location) = location {
        object.insert("locationId".to_owned(), location);
    }
}
