use std::sync::Arc;

use serde_json::{Map, Value};
use sidecar_core::{Timestamp, event::UnknownEvent};

use super::{
    decode,
    kind::{EventKind, Subject, for_each_event},
    payload::{
        BookingPayload, CalVideoNoShowPayload, FormPayload, InstantMeetingPayload, MeetingPayload, NoShowPayload,
        OooPayload, PingPayload, RecordingPayload, ReportPayload,
    },
};
use crate::model::{BookingUid, EventTypeId, WireTime};

/// An event whose payload has the known shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T> {
    /// When the provider made the event. `None` of meetings, which come without an envelope.
    pub created_at: Option<WireTime>,
    /// The payload, typed.
    pub data: T,
    /// The payload as sent.
    pub document: Arc<Map<String, Value>>,
    /// What stood beside the payload: a form's answers are repeated there.
    pub beside: Map<String, Value>,
}

/// The body is no JSON object, so it cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's body is no JSON object: {why}")]
pub struct NotAnEvent {
    pub(super) why: String,
}

macro_rules! events {
    ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
        /// An event, by its kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum CalcomEvent {
            $(#[doc = concat!("`", $wire, "`.")] $variant(Box<Event<$payload>>),)*
            /// Somebody tried the webhook out.
            Ping(Box<Event<PingPayload>>),
            /// A kind that this version of the crate does not know, or a known one whose shape has changed
            /// ([`UnknownEvent::why`] names the field).
            Unknown(Box<UnknownEvent>),
        }

        impl CalcomEvent {
            /// The kind; for an unknown event the name that was sent.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$variant(_) => EventKind::$variant,)*
                    Self::Ping(_) => EventKind::Ping,
                    Self::Unknown(event) => EventKind::from_name(&event.kind),
                }
            }

            /// Time and document of a known event.
            fn parts(&self) -> Option<(Option<&WireTime>, &Arc<Map<String, Value>>)> {
                match self {
                    $(Self::$variant(event) => Some((event.created_at.as_ref(), &event.document)),)*
                    Self::Ping(event) => Some((event.created_at.as_ref(), &event.document)),
                    Self::Unknown(_) => None,
                }
            }

            /// The event of a known kind, or what does not fit in its payload; `None` for an unknown kind.
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
    /// Reads a delivery's body. Verify it first ([`CalcomVerifier`](super::CalcomVerifier)).
    ///
    /// # Errors
    /// [`NotAnEvent`] when the body is no JSON object; anything else is an event, if need be an unknown one.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnEvent> {
        decode::parse(body)
    }

    /// When the provider made the event. Meetings do not tell: theirs is the booking's own creation, which is not this.
    pub fn created_at(&self) -> Option<Timestamp> {
        match self.parts() {
            Some((created_at, _)) => created_at?.timestamp(),
            None => text(self.document(), "createdAt")?.parse().ok(),
        }
    }

    /// When what it tells happened, as well as it tells: its making, or the planned start or end of a meeting.
    pub fn happened_at(&self) -> Option<Timestamp> {
        let planned = match self.kind() {
            EventKind::MeetingStarted => "startTime",
            EventKind::MeetingEnded => "endTime",
            _ => return self.created_at(),
        };
        text(self.document(), planned)?.parse().ok()
    }

    /// The booking that it is about; of a moved booking the new one.
    pub fn booking_uid(&self) -> Option<BookingUid> {
        let of_a_booking = matches!(self.kind().subject(), Subject::Booking | Subject::Other);
        let document = self.document();
        let uid = text(document, "uid").or_else(|| text(document, "bookingUid"));
        uid.filter(|_| of_a_booking).map(BookingUid::from)
    }

    /// The booking that a moved one took the place of.
    pub fn previous_booking_uid(&self) -> Option<BookingUid> {
        text(self.document(), "rescheduleUid").map(BookingUid::from)
    }

    /// The event type, where the event names it.
    pub fn event_type_id(&self) -> Option<EventTypeId> {
        self.document().get("eventTypeId")?.as_i64().map(EventTypeId::from)
    }

    /// A text of the caller's own metadata. Cancelled and rejected bookings come without any, paid ones with the payment
    /// provider's: keep what you need by the booking's uid.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.document().get("metadata")?.get(key)?.as_str()
    }

    /// Deliveries of the same key are about the same thing and are to be worked on in their order. A moved booking has a key of
    /// its own: whoever follows a chain of them orders by its first uid.
    pub fn order_key(&self) -> String {
        let what = self.kind().subject().as_str();
        let document = self.document();
        let id = match self.kind().subject() {
            Subject::OutOfOffice => document.get("oooEntry").and_then(|entry| entry.get("id")).map(ToString::to_string),
            Subject::Form => text(document, "formId").map(str::to_owned),
            _ => self.booking_uid().map(|uid| uid.to_string()),
        };
        id.map_or_else(|| what.to_owned(), |id| format!("{what}:{id}"))
    }

    /// The payload's fields; all of the body's for an unknown event.
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
    use crate::webhook::fixtures;

    macro_rules! payloads {
        ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
            /// The payload as it is written.
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

    /// Without nulls, which an absent field equals once it is read, and with all numbers alike.
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().filter(|(_, value)| !value.is_null());
                Value::Object(fields.map(|(name, value)| (name.clone(), plain(value))).collect())
            }
            Value::Array(items) => items.iter().map(plain).collect(),
            Value::Number(number) => serde_json::json!(number.as_f64()),
            other => other.clone(),
        }
    }

    #[test]
    fn what_is_read_is_written_again_whole() {
        for fixture in fixtures::all() {
            let fixture = fixture.set("someNewField", serde_json::json!({"a": [1, null]}));
            let event = CalcomEvent::parse(fixture.body().to_string().as_bytes()).unwrap();
            assert_eq!(plain(&payload(&event)), plain(&Value::Object(event.document().clone())), "{}", event.kind());
            assert!(event.document().contains_key("someNewField"), "{}", event.kind());
        }
    }
}
