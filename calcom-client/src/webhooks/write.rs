use futures_core::Stream;
use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{Page, Result, client::pages_by_offset, page};

use crate::{
    client::{RequestBuilder, request},
    model::{TimeUnit, Webhook, WebhookVersion},
    webhook::EventKind,
};

/// Webhooks in a page: the provider's own number, and the most it gives.
const PAGE_SIZE: u32 = 250;

request! {
    /// Subscribes to events. From [`Webhooks::create`](super::Webhooks::create) and
    /// [`EventTypeWebhooks::create`](crate::event_types::EventTypeWebhooks::create).
    CreateWebhook => Webhook, via send;
    body {
        /// Whether it delivers; yes unless set.
        "active" active: bool,
        /// The shape of its bodies.
        "version" version_of_bodies: WebhookVersion,
    }
}

impl CreateWebhook {
    pub(crate) fn new(builder: RequestBuilder, subscriber_url: String, triggers: Vec<EventKind>) -> Self {
        let some = !triggers.is_empty();
        let builder = builder.set("subscriberUrl", subscriber_url).set("triggers", triggers).set("active", true);
        Self(builder.require(some, "a webhook without triggers delivers nothing: name at least one"))
    }

    /// What deliveries are signed with. Without a secret they are not signed, and no verifier takes them.
    pub fn secret(self, secret: &SecretString) -> Self {
        Self(self.0.set("secret", secret.expose_secret()))
    }

    /// How long after the start no-shows are looked for; the two triggers for them need it.
    pub fn no_show_after(self, time: u32, unit: &TimeUnit) -> Self {
        Self(self.0.set("time", time).set("timeUnit", unit))
    }

    async fn send(self) -> Result<Webhook> {
        let signed = self.0.field("secret").is_some_and(|secret| secret.as_str() != Some(""));
        self.0.require(signed, "a webhook without a secret is not signed: give one with `secret`").data().await
    }
}

request! {
    /// Changes a webhook. From [`Webhooks::update`](super::Webhooks::update) and
    /// [`EventTypeWebhooks::update`](crate::event_types::EventTypeWebhooks::update).
    UpdateWebhook => Webhook, via data;
    body {
        /// Where it delivers.
        "subscriberUrl" subscriber_url: String,
        /// All that it delivers, in place of what it did.
        "triggers" triggers: Vec<EventKind>,
        /// Whether it delivers.
        "active" active: bool,
        /// The shape of its bodies.
        "version" version_of_bodies: WebhookVersion,
    }
}

impl UpdateWebhook {
    /// What deliveries are signed with from now on. Verify with both secrets for a while.
    pub fn secret(self, secret: &SecretString) -> Self {
        let some = !secret.expose_secret().is_empty();
        let builder = self.0.set("secret", secret.expose_secret());
        Self(builder.require(some, "an empty secret would leave deliveries unsigned"))
    }

    /// How long after the start no-shows are looked for.
    pub fn no_show_after(self, time: u32, unit: &TimeUnit) -> Self {
        Self(self.0.set("time", time).set("timeUnit", unit))
    }
}

request! {
    /// Lists webhooks. From [`Webhooks::list`](super::Webhooks::list) and
    /// [`EventTypeWebhooks::list`](crate::event_types::EventTypeWebhooks::list).
    ListWebhooks => Page<Webhook, u64>, via send;
    query {
        /// Leaves out the first ones: an earlier page's `next`.
        "skip" skip: u64,
        /// Webhooks in a page: 1 to 250, 250 unless set.
        "take" page_size: u32,
    }
}

impl ListWebhooks {
    pub(crate) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// All webhooks from `skip` on, one by one.
    pub fn items(self) -> impl Stream<Item = Result<Webhook>> + Send {
        let from = self.0.query_number("skip").unwrap_or(0);
        let fetch = move |at| self.clone().skip(at).send();
        page::items(pages_by_offset(from, usize::MAX, fetch, |webhook: &Webhook| Some(webhook.id.to_string())))
    }

    async fn send(self) -> Result<Page<Webhook, u64>> {
        self.0.page(PAGE_SIZE).await
    }
}
