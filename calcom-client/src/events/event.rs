use std::sync::Arc;

use serde_json::{Map, Value};
use sidecar_core::{Timestamp, event::UnknownEvent};

use super::{
    decode,
    payload::{
        BookingPayload, CalVideoNoShowPayload, FormPayload, InstantMeetingPayload, MeetingPayload, NoShowPayload,
        OooPayload, PingPayload, RecordingPayload, ReportPayload,
    },
};
use crate::{
    event_kind::{EventKind, Subject, for_each_event},
    model::{BookingUid, EventTypeId, WireTime},
};

/// An event whose payload matches the known schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T> {
    /// When the provider created the event. `None` for meetings, which have no envelope.
    pub created_at: Option<WireTime>,
    /// The payload, typed.
    pub data: T,
    /// The payload as sent.
    pub document: Arc<Map<String, Value>>,
    /// The envelope's other fields, beside the payload: a form's responses are repeated there.
    pub envelope_fields: Map<String, Value>,
}

/// The body is not a JSON object, so it is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook body is not a JSON object: {reason}")]
pub struct InvalidBody {
    pub(super) reason: String,
}

macro_rules! events {
    ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
        /// An event, by its kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum CalcomEvent {
            $(#[doc = concat!("`", $wire, "`.")] $variant(Box<Event<$payload>>),)*
            /// A test delivery, sent by Cal.com's button for testing a webhook.
            Ping(Box<Event<PingPayload>>),
            /// A kind that this version of the crate does not know, or a known kind whose schema has changed
            /// ([`UnknownEvent::why`] names the field).
            Unknown(Box<UnknownEvent>),
        }

        impl CalcomEvent {
            /// Returns the kind; for an unknown event the name that was sent.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$variant(_) => EventKind::$variant,)*
                    Self::Ping(_) => EventKind::Ping,
                    Self::Unknown(event) => EventKind::from_name(&event.kind),
                }
            }

            /// Returns the creation time and the document of a known event.
            fn parts(&self) -> Option<(Option<&WireTime>, &Arc<Map<String, Value>>)> {
                match self {
                    $(Self::$variant(event) => Some((event.created_at.as_ref(), &event.document)),)*
                    Self::Ping(event) => Some((event.created_at.as_ref(), &event.document)),
                    Self::Unknown(_) => None,
                }
            }

            /// Returns the event of a known kind, or the error of its payload; `None` for an unknown kind.
            pub(super) fn of_kind(kind: &EventKind, parts: decode::Parts) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $(EventKind::$variant => Some(parts.event().map(|event| Self::$variant(Box::new(event)))),)*
                    EventKind::Ping => Some(parts.event().map(|event| Self::Ping(Box::new(event)))),
                    EventKind::Other(_) => None,
                }
            }
        }
    };
}
for_each_event!(events);

impl CalcomEvent {
    /// Parses a delivery's body. Verify the delivery first ([`CalcomVerifier`](super::CalcomVerifier)).
    ///
    /// # Errors
    /// [`InvalidBody`] if the body is not a JSON object. Every JSON object is an event, possibly [`Unknown`](Self::Unknown).
    pub fn parse(body: &[u8]) -> Result<Self, InvalidBody> {
        decode::parse(body)
    }

    /// Returns when the provider created the event. `None` for meetings: their `createdAt` is that of the booking.
    pub fn created_at(&self) -> Option<Timestamp> {
        match self.parts() {
            Some((created_at, _)) => created_at?.timestamp(),
            None => text(self.document(), "createdAt")?.parse().ok(),
        }
    }

    /// Returns the best known time of the reported change: the event's creation, or the planned start or end of a meeting.
    pub fn happened_at(&self) -> Option<Timestamp> {
        let planned = match self.kind() {
            EventKind::MeetingStarted => "startTime",
            EventKind::MeetingEnded => "endTime",
            _ => return self.created_at(),
        };
        text(self.document(), planned)?.parse().ok()
    }

    /// Returns the booking; for a rescheduled booking the new one.
    pub fn booking_uid(&self) -> Option<BookingUid> {
        let concerns_booking = matches!(self.kind().subject(), Subject::Booking | Subject::Other);
        let document = self.document();
        let uid = text(document, "uid").or_else(|| text(document, "bookingUid"));
        uid.filter(|_| concerns_booking).map(BookingUid::from)
    }

    /// Returns the booking that a rescheduled one replaces.
    pub fn previous_booking_uid(&self) -> Option<BookingUid> {
        text(self.document(), "rescheduleUid").map(BookingUid::from)
    }

    /// Returns the event type, if the event names it.
    pub fn event_type_id(&self) -> Option<EventTypeId> {
        self.document().get("eventTypeId")?.as_i64().map(EventTypeId::from)
    }

    /// Returns a text of the caller's metadata. Events of cancelled and rejected bookings have no metadata, those of paid bookings the
    /// payment provider's: store the values that you need by the booking's uid.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.document().get("metadata")?.get(key)?.as_str()
    }

    /// Returns the ordering key: process deliveries of one key in order. A rescheduled booking has another key than the booking that it
    /// replaces; to order a whole reschedule chain, use the uid of its first booking.
    pub fn order_key(&self) -> String {
        let subject = self.kind().subject();
        let document = self.document();
        let id = match subject {
            Subject::OutOfOffice => document.get("oooEntry").and_then(|entry| entry.get("id")).map(ToString::to_string),
            Subject::Form => text(document, "formId").map(str::to_owned),
            _ => self.booking_uid().map(|uid| uid.to_string()),
        };
        let subject = subject.as_str();
        id.map_or_else(|| subject.to_owned(), |id| format!("{subject}:{id}"))
    }

    /// Returns the payload's fields; for an unknown event without a payload those of the body.
    pub fn document(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self {
            Self::Unknown(event) => {
                let payload = event.raw.get("payload").and_then(Value::as_object);
                payload.or_else(|| event.raw.as_object()).unwrap_or(&EMPTY)
            }
            known => known.parts().map_or(&EMPTY, |(_, document)| document),
        }
    }
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::fixtures;

    macro_rules! payloads {
        ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
            /// Returns the payload serialized.
            fn payload(event: &CalcomEvent) -> Value {
                match event {
                    $(CalcomEvent::$variant(event) => serde_json::to_value(&event.data).unwrap(),)*
                    CalcomEvent::Ping(event) => serde_json::to_value(&event.data).unwrap(),
                    CalcomEvent::Unknown(event) => panic!("{}: {:?}", event.kind, event.why),
                }
            }
        };
    }
    for_each_event!(payloads);

    /// Returns the value without nulls, which parse like absent fields, and with every number as a float.
    fn normalized(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().filter(|(_, value)| !value.is_null());
                Value::Object(fields.map(|(name, value)| (name.clone(), normalized(value))).collect())
            }
            Value::Array(items) => items.iter().map(normalized).collect(),
            Value::Number(number) => serde_json::json!(number.as_f64()),
            other => other.clone(),
        }
    }

    #[test]
    fn parsed_payloads_serialize_without_loss() {
        for fixture in fixtures::all() {
            let fixture = fixture.set("someNewField", serde_json::json!({"a": [1, null]}));
            let event = CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap();
            assert_eq!(
                normalized(&payload(&event)),
                normalized(&Value::Object(event.document().clone())),
                "{}",
                event.kind()
            );
            assert!(event.document().contains_key("someNewField"), "{}", event.kind());
        }
    }
}
