//! Delivery settings and the commands that change them.

use serde::{Deserialize, Serialize};

/// Delivery settings. The defaults are those that GHL documents (help centre article 155000007071).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Receives the events that have no address of their own. Without it they are dropped and counted as
    /// `unsubscribed`. Cal.com's events are addressed by their subscriptions.
    pub url: Option<String>,
    /// Holds events back until it is set to `false`.
    pub hold: bool,
    /// Number of extra copies of each event, with the same `webhookId`.
    pub duplicates: u32,
    /// Sends events out of order.
    pub shuffle: bool,
    /// Percentage of events that are not sent.
    pub drop_percent: u8,
    /// Delay before the first retry of a rejected event (GHL: only after 429), in milliseconds.
    pub retry_interval_ms: u64,
    /// Largest random addition to each retry delay, in milliseconds.
    pub retry_jitter_ms: u64,
    /// Number of retries of one event.
    pub max_retries: u32,
    /// Time that the receiver has to respond, in milliseconds.
    pub timeout_ms: u64,
    /// GHL: largest error of `timestamp` in either direction, in milliseconds. The error is constant per location.
    pub clock_skew_ms: u64,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            url: None,
            hold: false,
            duplicates: 0,
            shuffle: false,
            drop_percent: 0,
            retry_interval_ms: 600_000,
            retry_jitter_ms: 60_000,
            max_retries: 6,
            timeout_ms: 10_000,
            clock_skew_ms: 2_000,
        }
    }
}

/// Changes settings and sends events. Absent settings keep their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookCommand {
    /// See [`WebhookSettings::url`].
    pub url: Option<String>,
    /// See [`WebhookSettings::hold`]; `false` sends the held events.
    pub hold: Option<bool>,
    /// See [`WebhookSettings::duplicates`].
    pub duplicates: Option<u32>,
    /// See [`WebhookSettings::shuffle`].
    pub shuffle: Option<bool>,
    /// See [`WebhookSettings::drop_percent`].
    pub drop_percent: Option<u8>,
    /// See [`WebhookSettings::retry_interval_ms`].
    pub retry_interval_ms: Option<u64>,
    /// See [`WebhookSettings::retry_jitter_ms`].
    pub retry_jitter_ms: Option<u64>,
    /// See [`WebhookSettings::max_retries`].
    pub max_retries: Option<u32>,
    /// See [`WebhookSettings::timeout_ms`].
    pub timeout_ms: Option<u64>,
    /// See [`WebhookSettings::clock_skew_ms`].
    pub clock_skew_ms: Option<u64>,
    /// Sends this many events of an undocumented type.
    pub unknown: u32,
    /// Sends this many events signed with a wrong key.
    pub forged: u32,
    /// Sends every lost event again, which no provider does.
    pub redeliver_lost: bool,
}

impl WebhookSettings {
    pub(super) fn apply(&mut self, command: &WebhookCommand) {
        fn set<T: Clone>(setting: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                setting.clone_from(value);
            }
        }
        if command.url.is_some() {
            self.url.clone_from(&command.url);
        }
        set(&mut self.hold, command.hold.as_ref());
        set(&mut self.duplicates, command.duplicates.as_ref());
        set(&mut self.shuffle, command.shuffle.as_ref());
        set(&mut self.drop_percent, command.drop_percent.as_ref());
        set(&mut self.retry_interval_ms, command.retry_interval_ms.as_ref());
        set(&mut self.retry_jitter_ms, command.retry_jitter_ms.as_ref());
        set(&mut self.max_retries, command.max_retries.as_ref());
        set(&mut self.timeout_ms, command.timeout_ms.as_ref());
        set(&mut self.clock_skew_ms, command.clock_skew_ms.as_ref());
    }
}
