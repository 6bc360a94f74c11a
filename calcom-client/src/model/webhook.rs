use super::{EventTypeId, UserId, WebhookId};
use crate::webhook::EventKind;

sidecar_core::open_enum! {
    /// The shape of what a webhook delivers.
    pub enum WebhookVersion {
        /// The usual one.
        V2021_10_20 = "2021-10-20",
        /// The same, with calendar files in some events.
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
        /// Its id.
        "id" id: WebhookId,
        /// Whose it is.
        "userId" user_id: Option<UserId>,
        /// The event type, of a webhook of one.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Where it delivers.
        "subscriberUrl" subscriber_url: Option<String>,
        /// What it delivers.
        "triggers" triggers: Option<Vec<EventKind>>,
        /// Whether it delivers.
        "active" active: Option<bool>,
        /// What it signs with.
        "secret" secret: Option<WebhookSecret>,
        /// A template of one's own for the bodies. Such bodies cannot be read as events.
        "payloadTemplate" payload_template: Option<String>,
        /// The shape of its bodies.
        "version" version: Option<WebhookVersion>,
        /// How long after the start no-shows are looked for.
        "time" time: Option<i64>,
        /// In which unit.
        "timeUnit" time_unit: Option<TimeUnit>,
    }
}

/// A webhook's secret as the provider shows it; not shown in `Debug` output.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// For a verifier.
    pub fn to_secret(&self) -> sidecar_core::SecretString {
        self.0.clone().into()
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}
