use std::sync::Arc;

use serde_json::{Map, Value};
use sidecar_core::{Timestamp, event::UnknownEvent};

use super::{
    decode,
    kind::{EventKind, Subject, for_each_event},
    payload::{
        AppPaymentStatusPayload, AppointmentPayload, AssociationPayload, CampaignStatusPayload, ContactPayload,
        ConversationMergePayload, ConversationUnreadPayload, EmailStatsPayload, ExternalAuthPayload, InstallPayload,
        InvoicePayload, KnowledgeBaseAssetPayload, KnowledgeBasePayload, LocationPayload, MessagePayload, NotePayload,
        ObjectSchemaPayload, OpportunityPayload, OrderPayload, PlanChangePayload, PricePayload, ProductPayload,
        ProviderMessagePayload, RecordPayload, RelationPayload, SaasPlanPayload, SupportTicketPayload, TaskPayload,
        UserPayload, VoiceCallPayload,
    },
};
use crate::model::{CompanyId, ContactId, LocationId, WireTime};

/// The fields that every delivery has around its payload.
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
    /// The envelope.
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
pub struct InvalidBody {
    pub(super) why: String,
}

macro_rules! events {
    ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
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
    /// [`InvalidBody`] when the body is no JSON object; anything else is an event, if need be an unknown one.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidBody> {
        decode::parse(body, None)
    }

    /// Reads a body that came to a URL of one kind's own: the pages of invoices, products, prices, calls and custom objects
    /// show bodies without a `type`. A `type` that names a known kind wins.
    ///
    /// # Errors
    /// As [`GhlEvent::parse`].
    pub fn parse_as(kind: &EventKind, body: &[u8]) -> Result<Self, InvalidBody> {
        decode::parse(body, Some(kind))
    }

    /// The location it happened in; for `Location…` events the location itself. Invoices and orders name it as `altId`.
    pub fn location_id(&self) -> Option<LocationId> {
        let document = self.document();
        let own = (self.kind().subject() == Subject::Location).then(|| text(document, "id")).flatten();
        let alternative = || text(document, "altId").filter(|_| text(document, "altType") == Some("location"));
        own.or_else(|| text(document, "locationId")).or_else(alternative).map(LocationId::from)
    }

    /// The company, where the event names it.
    pub fn company_id(&self) -> Option<CompanyId> {
        text(self.document(), "companyId").map(CompanyId::from)
    }

    /// The contact that it is about or that has to do with it, where the event names one.
    pub fn contact_id(&self) -> Option<ContactId> {
        let document = self.document();
        let nested = |object: &str, name: &str| document.get(object)?.get(name)?.as_str().filter(|id| !id.is_empty());
        let id = match self.kind().subject() {
            Subject::Contact => text(document, "id"),
            Subject::Appointment => nested("appointment", "contactId"),
            Subject::Invoice => nested("contactDetails", "id"),
            _ => None,
        };
        id.or_else(|| text(document, "contactId")).map(ContactId::from)
    }

    /// The id of what it speaks of: the contact, the appointment, the location, …; of an installation, the location or else
    /// the company.
    pub fn entity_id(&self) -> Option<&str> {
        let document = self.document();
        let nested = |object: &str, name: &str| document.get(object)?.get(name)?.as_str().filter(|id| !id.is_empty());
        let id = match self.kind().subject() {
            Subject::Appointment => nested("appointment", "id"),
            Subject::Installation => text(document, "locationId").or_else(|| text(document, "companyId")),
            Subject::Message => text(document, "messageId").or_else(|| text(document, "emailMessageId")),
            Subject::Email => nested("webhookPayload", "id"),
            Subject::Conversation => text(document, "newConversationId"),
            Subject::SaasPlan => text(document, "planId"),
            Subject::SupportTicket => text(document, "ticketId"),
            _ => None,
        };
        // An installation is never known by another id, nor is a message.
        match self.kind().subject() {
            Subject::Installation | Subject::Message => id,
            _ => id.or_else(|| text(document, "id")).or_else(|| text(document, "_id")),
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

    /// When the thing changed, as well as the event tells: the delivery's [`timestamp`](Self::timestamp), or else the thing's
    /// own update time, or else its creation.
    pub fn changed_at(&self) -> Option<Timestamp> {
        let document = self.document();
        let thing = match self.kind().subject() {
            Subject::Appointment => document.get("appointment").and_then(Value::as_object).unwrap_or(document),
            Subject::Email => document.get("webhookPayload").and_then(Value::as_object).unwrap_or(document),
            _ => document,
        };
        let own = ["dateUpdated", "updatedAt", "timestamp", "dateAdded", "createdAt"];
        self.timestamp().or_else(|| own.iter().find_map(|name| crate::model::field_time(thing.get(*name))))
    }

    /// Deliveries of the same key are about the same thing and are to be worked on in their order.
    pub fn order_key(&self) -> String {
        let what = self.kind().subject().as_str();
        match (self.entity_id(), self.location_id()) {
            (Some(id), _) => format!("{what}:{id}"),
            (None, Some(location)) => format!("{what}:location:{location}"),
            (None, None) => what.to_owned(),
        }
    }

    /// The body's fields: those of the payload for a known event, all of them for an unknown one.
    pub fn document(&self) -> &Map<String, Value> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::fixtures;

    macro_rules! payloads {
        ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
            /// The payload as it is written, and the fields of it that no model names.
            fn payload(event: &GhlEvent) -> (Value, Vec<String>) {
                match event {
                    $(GhlEvent::$variant(event) => {
                        (serde_json::to_value(&event.data).unwrap(), event.data.extra.keys().cloned().collect())
                    })*
                    GhlEvent::Unknown(event) => panic!("{}: {:?}", event.kind, event.why),
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

    fn read(fixture: fixtures::Fixture) -> GhlEvent {
        let kind = fixture.kind().clone();
        GhlEvent::parse_as(&kind, fixture.body().to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_is_read_is_written_again_whole() {
        for fixture in fixtures::all() {
            let event = read(fixture.set("someNewField", serde_json::json!({"a": [1, null]})));
            let (written, extra) = payload(&event);
            assert_eq!(plain(&written), plain(&Value::Object(event.document().clone())), "{}", event.kind());
            assert!(extra.contains(&"someNewField".to_owned()));
        }
    }

    #[test]
    fn every_documented_field_has_a_name() {
        for fixture in fixtures::all() {
            let event = read(fixture);
            let (_, extra) = payload(&event);
            assert!(extra.is_empty(), "{}: {extra:?}", event.kind());
        }
    }
}
