use serde_json::Value;

use super::operations as op;
use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    events::EventKind,
    model::{EventTypeId, Webhook, WebhookId},
    webhooks::{CreateWebhook, ListWebhooks, UpdateWebhook},
};

/// The webhooks of one event type. From [`EventTypes::webhooks`](super::EventTypes::webhooks).
#[derive(Debug, Clone)]
pub struct EventTypeWebhooks {
    client: CalcomClient,
    event_type: EventTypeId,
}

impl EventTypeWebhooks {
    pub(super) fn new(client: CalcomClient, event_type: EventTypeId) -> Self {
        Self { client, event_type }
    }

    /// Subscribes to events of this event type. A secret is needed too.
    pub fn create(
        &self,
        subscriber_url: impl Into<String>,
        triggers: impl IntoIterator<Item = EventKind>,
    ) -> CreateWebhook {
        let builder = RequestBuilder::new(&self.client, &op::CREATE_WEBHOOK, [&self.event_type]);
        CreateWebhook::new(builder, subscriber_url.into(), triggers.into_iter().collect())
    }

    /// Lists them.
    pub fn list(&self) -> ListWebhooks {
        ListWebhooks::new(RequestBuilder::new(&self.client, &op::LIST_WEBHOOKS, [&self.event_type]))
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.client, &op::GET_WEBHOOK, [&self.event_type, &id.into()]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<WebhookId>) -> UpdateWebhook {
        UpdateWebhook(
            RequestBuilder::new(&self.client, &op::UPDATE_WEBHOOK, [&self.event_type, &id.into()]).with_body(),
        )
    }

    /// Deletes one and answers with it.
    pub fn delete(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.client, &op::DELETE_WEBHOOK, [&self.event_type, &id.into()]))
    }

    /// Deletes all of them. The answer says how many, in words.
    pub fn delete_all(&self) -> PlainRequest<Value> {
        PlainRequest::new(RequestBuilder::new(&self.client, &op::DELETE_WEBHOOKS, [&self.event_type]))
    }
}
