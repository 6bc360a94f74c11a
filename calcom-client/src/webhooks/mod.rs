//! The user's webhook subscriptions. [`events`](crate::events) verifies and parses their deliveries.
//!
//! Invariant: a subscription has a secret and no custom template, because bodies of a custom template cannot be parsed.

pub(crate) mod operations;
mod write;

use operations as op;
pub use write::{CreateWebhook, ListWebhooks, UpdateWebhook};

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    events::EventKind,
    model::{Webhook, WebhookId},
};

/// The operations on webhooks. From [`CalcomClient::webhooks`].
#[derive(Debug, Clone)]
pub struct Webhooks(CalcomClient);

impl CalcomClient {
    /// The user's webhooks. Their events are in [`events`](crate::events).
    pub fn webhooks(&self) -> Webhooks {
        Webhooks(self.clone())
    }
}

impl Webhooks {
    /// Subscribes to events; [`CreateWebhook::secret`] is required. Cal.com rejects addresses of private networks and does not follow
    /// redirects.
    pub fn create(
        &self,
        subscriber_url: impl Into<String>,
        triggers: impl IntoIterator<Item = EventKind>,
    ) -> CreateWebhook {
        let builder = RequestBuilder::new(&self.0, &op::CREATE, []);
        CreateWebhook::new(builder, subscriber_url.into(), triggers.into_iter().collect())
    }

    /// Lists the user's webhooks: awaiting it returns one page, [`ListWebhooks::items`] all of them.
    pub fn list(&self) -> ListWebhooks {
        ListWebhooks::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Reads a webhook.
    pub fn get(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET, [&id.into()]))
    }

    /// Changes the fields that are set on the request.
    pub fn update(&self, id: impl Into<WebhookId>) -> UpdateWebhook {
        UpdateWebhook(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes a webhook and returns it.
    pub fn delete(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }
}
