//! How events are sent, and orders that change it.

use serde::{Deserialize, Serialize};

/// How events are sent. The defaults are what GHL documents (help centre article 155000007071).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where events go that have no address of their own; none = they are dropped and counted as unaddressed. Cal.com's have one.
    pub url: Option<String>,
    /// Keep events back until this is switched off.
    pub hold: bool,
    /// Extra copies of each event, with the same webhookId.
    pub duplicate: u32,
    /// Send in disorder.
    pub shuffle: bool,
    /// Percent of the events that are never sent.
    pub drop_percent: u8,
    /// Wait before a refused event is sent again (GHL: after 429 only), in milliseconds.
    pub resend_interval_ms: u64,
    /// Random addition to that wait, in milliseconds.
    pub resend_jitter_ms: u64,
    /// How often an event is sent again at most.
    pub resends: u32,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// GHL: `timestamp` is off by at most this, in milliseconds, either way; always the same for one location, as the clock
    /// of one machine is.
    pub skew_ms: u64,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            url: None,
            hold: false,
            duplicate: 0,
            shuffle: false,
            drop_percent: 0,
            resend_interval_ms: 600_000,
            resend_jitter_ms: 60_000,
            resends: 6,
            timeout_ms: 10_000,
            skew_ms: 2_000,
        }
    }
}

/// A change of settings and things to do now; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookOrder {
    /// See [`WebhookSettings::url`].
    pub url: Option<String>,
    /// See [`WebhookSettings::hold`]; `false` sends what was held.
    pub hold: Option<bool>,
    /// See [`WebhookSettings::duplicate`].
    pub duplicate: Option<u32>,
    /// See [`WebhookSettings::shuffle`].
    pub shuffle: Option<bool>,
    /// See [`WebhookSettings::drop_percent`].
    pub drop_percent: Option<u8>,
    /// See [`WebhookSettings::resend_interval_ms`].
    pub resend_interval_ms: Option<u64>,
    /// See [`WebhookSettings::resend_jitter_ms`].
    pub resend_jitter_ms: Option<u64>,
    /// See [`WebhookSettings::resends`].
    pub resends: Option<u32>,
    /// See [`WebhookSettings::timeout_ms`].
    pub timeout_ms: Option<u64>,
    /// See [`WebhookSettings::skew_ms`].
    pub skew_ms: Option<u64>,
    /// Send this many events of an undocumented kind.
    pub unknown: u32,
    /// Send this many events signed with a foreign key.
    pub forged: u32,
    /// Send everything that was lost once more (no provider does).
    pub redeliver_lost: bool,
}

impl WebhookSettings {
    /// Takes over what `order` names.
    pub(super) fn follow(&mut self, order: &WebhookOrder) {
        fn set<T: Clone>(setting: &mut T, wanted: Option<&T>) {
            if let Some(wanted) = wanted {
                setting.clone_from(wanted);
            }
        }
        if order.url.is_some() {
            self.url.clone_from(&order.url);
        }
        set(&mut self.hold, order.hold.as_ref());
        set(&mut self.duplicate, order.duplicate.as_ref());
        set(&mut self.shuffle, order.shuffle.as_ref());
        set(&mut self.drop_percent, order.drop_percent.as_ref());
        set(&mut self.resend_interval_ms, order.resend_interval_ms.as_ref());
        set(&mut self.resend_jitter_ms, order.resend_jitter_ms.as_ref());
        set(&mut self.resends, order.resends.as_ref());
        set(&mut self.timeout_ms, order.timeout_ms.as_ref());
        set(&mut self.skew_ms, order.skew_ms.as_ref());
    }
}
