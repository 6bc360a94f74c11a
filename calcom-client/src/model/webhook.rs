use super::{EventTypeId, UserId, WebhookId};
use crate::event_kind::EventKind;

sidecar_core::open_enum! {
    /// The version of the schema of webhook bodies.
    pub enum WebhookVersion {
        /// The default.
        V2021_10_20 = "2021-10-20",
        /// Like the default, with calendar files in some events.
        V2026_07_27 = "2026-07-27",
    }
}

sidecar_core::open_enum! {
    /// A unit of time.
    pub enum TimeUnit {
        /// Days.
        Day = "DAY",
        /// Hours.
        Hour = "HOUR",
        /// Minutes.
        Minute = "MINUTE",
    }
}

sidecar_core::model! {
    /// A subscription to events. Its secret is never shown in `Debug` output.
    pub struct Webhook {
        /// Id.
        "id" id: WebhookId,
        /// Owner.
        "userId" user_id: Option<UserId>,
        /// The event type, if the webhook belongs to one.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// The URL that receives deliveries.
        "subscriberUrl" subscriber_url: Option<String>,
        /// Triggers.
        "triggers" triggers: Option<Vec<EventKind>>,
        /// Whether it is active.
        "active" active: Option<bool>,
        /// The secret that signs deliveries.
        "secret" secret: Option<WebhookSecret>,
        /// A custom template of the bodies. Such bodies cannot be parsed as events.
        "payloadTemplate" payload_template: Option<String>,
        /// The version of the schema of its bodies.
        "version" version: Option<WebhookVersion>,
        /// How long after the start Cal.com checks for no-shows.
        "time" time: Option<i64>,
        /// Unit of `time`.
        "timeUnit" time_unit: Option<TimeUnit>,
    }
}

/// A webhook's secret; not shown in `Debug` output.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// Returns the secret for a verifier.
    pub fn to_secret(&self) -> sidecar_core::SecretString {
        self.0.clone().into()
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}
