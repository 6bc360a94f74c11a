//! The control API of Cal.com, in process.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calcom::state::CalcomState;
use crate::calcom::{self, Calcom, FaultRule, LimitRules, WebhookCommand};
use crate::lock;

/// Changes Cal.com's OAuth tokens. Absent settings keep their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalcomTokenCommand {
    /// Sets the lifetime of new access tokens, in seconds.
    pub lifetime_s: Option<i64>,
    /// Expires this access token.
    pub expire: Option<String>,
    /// Expires every access token; refresh tokens stay valid.
    pub expire_all: bool,
    /// Revokes all codes and tokens, as if the user had removed the app.
    pub revoke: bool,
}

/// The control API of Cal.com. Clones share the sandbox.
#[derive(Debug, Clone)]
pub struct CalcomControl(Calcom);

impl CalcomControl {
    pub(super) fn new(calcom: Calcom) -> Self {
        Self(calcom)
    }

    pub(crate) fn api(&self) -> &Calcom {
        &self.0
    }

    pub(crate) fn state(&self) -> &Arc<CalcomState> {
        &self.0.state
    }

    /// Adds fault rules. A rule applies until its `times` are used up or the rules are cleared.
    pub fn add_faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        lock(&self.state().shared.faults).add(rules);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        lock(&self.state().shared.faults).clear();
    }

    /// Sets the rate limits.
    pub fn set_limits(&self, rules: LimitRules) {
        lock(&self.state().limits).rules = rules;
    }

    /// Returns the rate limits.
    #[must_use]
    pub fn limits(&self) -> LimitRules {
        lock(&self.state().limits).rules
    }

    /// Changes tokens. Returns the number of access tokens that it expired.
    #[expect(clippy::must_use_candidate, reason = "called for its effect")]
    pub fn update_tokens(&self, command: &CalcomTokenCommand) -> usize {
        let mut tokens = lock(&self.state().tokens);
        tokens.lifetime_s = command.lifetime_s.unwrap_or(tokens.lifetime_s);
        let mut expired = command.expire.as_deref().map_or(0, |token| tokens.expire(Some(token)));
        if command.expire_all {
            expired += tokens.expire(None);
        }
        if command.revoke {
            expired += tokens.revoke();
        }
        expired
    }

    /// Changes the delivery settings and sends unknown, forged and lost events. A `url` is subscribed to every event, with
    /// [`Calcom::webhook_secret`](crate::Calcom::webhook_secret).
    pub fn update_webhooks(&self, command: &WebhookCommand) {
        let state = self.state();
        if let Some(url) = &command.url {
            self.0.subscribe(url, self.0.webhook_secret());
        }
        // Events go to subscriptions only, so the settings have no URL.
        state.shared.dispatcher.apply(&WebhookCommand { url: None, ..command.clone() });
        let account = lock(&state.account);
        (0..command.unknown).for_each(|_| calcom::send_unknown(state, &account));
        (0..command.forged).for_each(|_| calcom::send_forged(state, &account));
    }

    /// Removes faults and counts and restores limits and webhook settings. The account and the tokens remain.
    pub(super) fn reset(&self) {
        *lock(&self.state().limits) = Default::default();
        self.state().shared.reset();
    }

    pub(super) fn state_json(&self, full: bool) -> Value {
        let (calcom, state) = (&self.0, self.state());
        let mut json = json!({
            "limits": self.limits(), "faults": lock(&state.shared.faults).rules(), "webhooks": state.shared.dispatcher.settings(),
            "counts": calcom.counts(), "requestCount": calcom.request_count(),
        });
        let account = lock(&state.account);
        let event_types = account.event_types.values();
        json["userId"] = json!(account.me.id);
        json["eventTypes"] =
            event_types.map(|event_type| json!({"id": event_type.id, "slug": event_type.slug})).collect();
        json["bookingCount"] = json!(account.bookings.len());
        json["webhookCount"] = json!(account.subscriptions.len());
        drop(account);
        if full {
            json["bookings"] = json!(calcom.bookings());
            json["deliveries"] = json!(calcom.deliveries());
        }
        json
    }

    pub(super) fn env(&self) -> [(&'static str, String); 3] {
        [
            ("CALCOM_API_URL", self.0.base_url().to_owned()),
            ("CALCOM_API_KEY", self.0.api_key().to_owned()),
            ("CALCOM_WEBHOOK_SECRET", self.0.webhook_secret().to_owned()),
        ]
    }
}
