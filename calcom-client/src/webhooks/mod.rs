//! Webhooks: the user's subscriptions to events. What they deliver is read and verified in [`webhook`](crate::webhook).
//!
//! Invariant: a subscription has a secret, and no template of its own: its bodies could not be read.

pub(crate) mod operations;
mod write;

use operations as op;
pub use write::{CreateWebhook, ListWebhooks, UpdateWebhook};

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{Webhook, WebhookId},
    webhook::EventKind,
};

/// The webhooks family. From [`CalcomClient::webhooks`].
#[derive(Debug, Clone)]
pub struct Webhooks(CalcomClient);

impl Webhooks {
    pub(crate) fn new(client: CalcomClient) -> Self {
        Self(client)
    }

    /// Subscribes to events. A secret is needed too. Addresses of private networks are refused, redirects not followed.
    pub fn create(
        &self,
        subscriber_url: impl Into<String>,
        triggers: impl IntoIterator<Item = EventKind>,
    ) -> CreateWebhook {
        let builder = RequestBuilder::new(&self.0, &op::CREATE, []);
        CreateWebhook::new(builder, subscriber_url.into(), triggers.into_iter().collect())
    }

    /// Lists the user's webhooks: one page when awaited, all of them by [`ListWebhooks::items`].
    pub fn list(&self) -> ListWebhooks {
        ListWebhooks::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Reads one.
    pub fn get(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET, [&id.into()]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<WebhookId>) -> UpdateWebhook {
        UpdateWebhook(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes one and answers with it.
    pub fn delete(&self, id: impl Into<WebhookId>) -> PlainRequest<Webhook> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }
}
