use futures_core::Stream;
use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{Page, Result, client::pages_by_offset, page};

use crate::{
    client::{RequestBuilder, request},
    events::EventKind,
    model::{TimeUnit, Webhook, WebhookVersion},
};

/// Webhooks per page: the provider's default and maximum.
const PAGE_SIZE: u32 = 250;

request! {
    /// Subscribes to events. From [`Webhooks::create`](super::Webhooks::create) and
    /// [`EventTypeWebhooks::create`](crate::event_types::EventTypeWebhooks::create).
    CreateWebhook => Webhook, via send;
    body {
        /// Whether it is active; `true` unless set.
        "active" active: bool,
        /// The version of the schema of its bodies.
        "version" version_of_bodies: WebhookVersion,
    }
}

impl CreateWebhook {
    pub(crate) fn new(builder: RequestBuilder, subscriber_url: String, triggers: Vec<EventKind>) -> Self {
        let has_triggers = !triggers.is_empty();
        let builder = builder.set("subscriberUrl", subscriber_url).set("triggers", triggers).set("active", true);
        Self(builder.require(has_triggers, "the webhook has no triggers: give at least one"))
    }

    /// Sets the secret that signs deliveries. Without one they are not signed, and every verifier rejects them.
    pub fn secret(self, secret: &SecretString) -> Self {
        Self(self.0.set("secret", secret.expose_secret()))
    }

    /// Sets how long after the start Cal.com checks for no-shows; the two no-show triggers require it.
    pub fn no_show_after(self, time: u32, unit: &TimeUnit) -> Self {
        Self(self.0.set("time", time).set("timeUnit", unit))
    }

    async fn send(self) -> Result<Webhook> {
        let signed = self.0.field("secret").is_some_and(|secret| secret.as_str() != Some(""));
        self.0
            .require(signed, "the webhook has no secret, so its deliveries would not be signed: give one with `secret`")
            .data()
            .await
    }
}

request! {
    /// Changes a webhook. From [`Webhooks::update`](super::Webhooks::update) and
    /// [`EventTypeWebhooks::update`](crate::event_types::EventTypeWebhooks::update).
    UpdateWebhook => Webhook, via data;
    body {
        /// The URL that receives deliveries.
        "subscriberUrl" subscriber_url: String,
        /// Its triggers; they replace the previous ones.
        "triggers" triggers: Vec<EventKind>,
        /// Whether it is active.
        "active" active: bool,
        /// The version of the schema of its bodies.
        "version" version_of_bodies: WebhookVersion,
    }
}

impl UpdateWebhook {
    /// Sets the secret that signs deliveries from now on. Verify with the old and the new secret for a while.
    pub fn secret(self, secret: &SecretString) -> Self {
        let has_secret = !secret.expose_secret().is_empty();
        let builder = self.0.set("secret", secret.expose_secret());
        Self(builder.require(has_secret, "the secret is empty, so deliveries would not be signed: give the new secret"))
    }

    /// Sets how long after the start Cal.com checks for no-shows.
    pub fn no_show_after(self, time: u32, unit: &TimeUnit) -> Self {
        Self(self.0.set("time", time).set("timeUnit", unit))
    }
}

request! {
    /// Lists webhooks. From [`Webhooks::list`](super::Webhooks::list) and
    /// [`EventTypeWebhooks::list`](crate::event_types::EventTypeWebhooks::list).
    ListWebhooks => Page<Webhook, u64>, via send;
    query {
        /// The number of webhooks to skip: the `next` of an earlier page.
        "skip" skip: u64,
        /// Webhooks per page: 1 to 250, 250 unless set.
        "take" page_size: u32,
    }
}

impl ListWebhooks {
    pub(crate) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// Returns a stream of all webhooks from `skip` on.
    pub fn items(self) -> impl Stream<Item = Result<Webhook>> + Send {
        let from = self.0.query_number("skip").unwrap_or(0);
        let fetch = move |at| self.clone().skip(at).send();
        page::items(pages_by_offset(from, usize::MAX, fetch, |webhook: &Webhook| Some(webhook.id.to_string())))
    }

    async fn send(self) -> Result<Page<Webhook, u64>> {
        self.0.page(PAGE_SIZE).await
    }
}
