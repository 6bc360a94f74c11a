use std::sync::Arc;

use serde_json::{Map, Value};
use sidecar_core::{Timestamp, event::UnknownEvent};

use super::{
    decode,
    kind::{EventKind, Subject, for_each_event},
    payload::{
        AppointmentPayload, ContactPayload, InstallPayload, LocationPayload, MessagePayload, NotePayload,
        OpportunityPayload, OtherPayload, TaskPayload,
    },
};
use crate::model::{CompanyId, LocationId, WireTime};

/// What every delivery carries around its payload.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// The app that subscribed.
    pub app_id: Option<String>,
    /// The app's version.
    pub version_id: Option<String>,
    /// The delivery's id: the same in every repetition.
    pub webhook_id: Option<String>,
    /// When the thing happened, by the provider's clock (some seconds off at times); the same in every repetition.
    pub timestamp: Option<WireTime>,
}

/// An event whose payload has the known shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T> {
    /// What it came in.
    pub envelope: Envelope,
    /// The payload, typed.
    pub data: T,
    /// The payload as sent, without the envelope's fields. It tells a null field, which is empty now, from an absent one,
    /// of which nothing is said.
    pub document: Arc<Map<String, Value>>,
}

/// The body is no JSON object, so it cannot be an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's body is no JSON object: {why}")]
pub struct NotAnEvent {
    pub(super) why: String,
}

macro_rules! events {
    ($($variant:ident $wire:literal $payload:ident [$($dotted:literal)?],)*) => {
        /// An event, by its kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum GhlEvent {
            $(#[doc = concat!("`", $wire, "`.")] $variant(Box<Event<$payload>>),)*
            /// A kind that this version of the crate does not know, or a known one whose shape has changed
            /// ([`UnknownEvent::why`] names the field).
            Unknown(Box<UnknownEvent>),
        }

        impl GhlEvent {
            /// The kind; for an unknown event the name that was sent.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$variant(_) => EventKind::$variant,)*
                    Self::Unknown(event) => EventKind::from_name(&event.kind),
                }
            }

            /// Envelope and document of a known event.
            pub(crate) fn parts(&self) -> Option<(&Envelope, &Arc<Map<String, Value>>)> {
                match self {
                    $(Self::$variant(event) => Some((&event.envelope, &event.document)),)*
                    Self::Unknown(_) => None,
                }
            }

            /// The event of a known kind, or what does not fit in its payload; `None` for an unknown kind.
            pub(super) fn of_kind(kind: &EventKind, parts: decode::Parts) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $(EventKind::$variant => Some(parts.event().map(|event| Self::$variant(Box::new(event)))),)*
                    EventKind::Other(_) => None,
                }
            }
        }
    };
}
for_each_event!(events);

impl GhlEvent {
    /// Reads a delivery's body. Verify it first ([`GhlWebhookVerifier`](super::GhlWebhookVerifier)).
    ///
    /// # Errors
    /// [`NotAnEvent`] when the body is no JSON object; anything else is an event, if need be an unknown one.
    pub fn parse(body: &[u8]) -> Result<Self, NotAnEvent> {
        decode::parse(body)
    }

    /// The location it happened in; for `Location…` events the location itself.
    pub fn location_id(&self) -> Option<LocationId> {
        let document = self.document();
        let own = (self.kind().subject() == Subject::Location).then(|| text(document, "id")).flatten();
        own.or_else(|| text(document, "locationId")).map(LocationId::from)
    }

    /// The company, where the event names it.
    pub fn company_id(&self) -> Option<CompanyId> {
        text(self.document(), "companyId").map(CompanyId::from)
    }

    /// The id of what it speaks of: the contact, the appointment, the location, …; of an installation, the location or else
    /// the company.
    pub fn entity_id(&self) -> Option<&str> {
        let document = self.document();
        match self.kind().subject() {
            Subject::Appointment => document
                .get("appointment")
                .and_then(|nested| nested.get("id")?.as_str())
                .or_else(|| text(document, "id")),
            Subject::Installation => text(document, "locationId").or_else(|| text(document, "companyId")),
            Subject::Message => text(document, "messageId").or_else(|| text(document, "emailMessageId")),
            Subject::Contact | Subject::Location | Subject::Other => {
                text(document, "id").or_else(|| text(document, "_id"))
            }
        }
    }

    /// The delivery's id, the same in every repetition. Deliveries made by hand have none: take a hash of the body then.
    pub fn webhook_id(&self) -> Option<&str> {
        match self.parts() {
            Some((envelope, _)) => envelope.webhook_id.as_deref(),
            None => text(self.document(), "webhookId"),
        }
    }

    /// When the thing happened, by the provider's clock.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self.parts() {
            Some((envelope, _)) => envelope.timestamp.as_ref()?.timestamp(),
            None => crate::model::field_time(self.document().get("timestamp")),
        }
    }

    /// Deliveries of the same key are about the same thing and are to be worked on in their order.
    pub fn order_key(&self) -> String {
        let what = match self.kind().subject() {
            Subject::Contact => "contact",
            Subject::Appointment => "appointment",
            Subject::Location => "location",
            Subject::Installation => "installation",
            Subject::Message => "message",
            Subject::Other => "other",
        };
        match (self.entity_id(), self.location_id()) {
            (Some(id), _) => format!("{what}:{id}"),
            (None, Some(location)) => format!("{what}:location:{location}"),
            (None, None) => what.to_owned(),
        }
    }

    /// The body's fields: those of the payload for a known event, all of them for an unknown one.
    fn document(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self {
            Self::Unknown(event) => event.raw.as_object().unwrap_or(&EMPTY),
            known => known.parts().map_or(&EMPTY, |(_, document)| document),
        }
    }
}

fn text<'a>(document: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    document.get(name)?.as_str().filter(|text| !text.is_empty())
}
