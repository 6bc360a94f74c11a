//! Event types: what can be booked; and webhooks that are for one event type only.
//!
//! Invariant: the event types themselves have a version of their own, their webhooks have none.

pub(crate) mod operations;
mod webhooks;
mod write;

use operations as op;
use serde_json::Value;
pub use webhooks::EventTypeWebhooks;
pub use write::{CreateEventType, ListEventTypes, UpdateEventType};

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{EventType, EventTypeId, Minutes},
};

/// The event types family. From [`CalcomClient::event_types`].
#[derive(Debug, Clone)]
pub struct EventTypes(CalcomClient);

impl CalcomClient {
    /// Event types and their webhooks.
    pub fn event_types(&self) -> EventTypes {
        EventTypes(self.clone())
    }
}

impl EventTypes {
    /// Makes an event type. The slug is its part of the booking link and unique among the user's.
    pub fn create(
        &self,
        title: impl Into<String>,
        slug: impl Into<String>,
        length: impl Into<Minutes>,
    ) -> CreateEventType {
        let builder = RequestBuilder::new(&self.0, &op::CREATE, []);
        CreateEventType(
            builder.set("title", title.into()).set("slug", slug.into()).set("lengthInMinutes", length.into()),
        )
    }

    /// Lists event types: the user's own, or those of somebody else that are not hidden.
    pub fn list(&self) -> ListEventTypes {
        ListEventTypes(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Reads an event type.
    pub fn get(&self, id: impl Into<EventTypeId>) -> PlainRequest<EventType> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET, [&id.into()]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<EventTypeId>) -> UpdateEventType {
        UpdateEventType(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes an event type.
    pub fn delete(&self, id: impl Into<EventTypeId>) -> PlainRequest<Value> {
        PlainRequest::json(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }

    /// The webhooks of an event type.
    pub fn webhooks(&self, id: impl Into<EventTypeId>) -> EventTypeWebhooks {
        EventTypeWebhooks::new(self.0.clone(), id.into())
    }
}
