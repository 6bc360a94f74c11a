//! Orders to the Cal.com stand-in, in process.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calcom::state::World;
use crate::calcom::{self, Calcom, FaultRule, LimitRules, WebhookOrder};
use crate::lock;

/// What to do with OAuth tokens; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalcomTokenOrder {
    /// Lifetime of access tokens issued from now on, in seconds.
    pub lifetime_s: Option<i64>,
    /// Ends this access token now.
    pub expire: Option<String>,
    /// Ends every access token now; refresh tokens stay good.
    pub expire_all: bool,
    /// Ends everything, refresh tokens too, as a user does who takes the app's access away.
    pub revoke: bool,
}

/// Orders to the Cal.com stand-in. Clones share it.
#[derive(Debug, Clone)]
pub struct CalcomControl(Calcom);

impl CalcomControl {
    pub(super) fn new(calcom: Calcom) -> Self {
        Self(calcom)
    }

    pub(crate) fn handle(&self) -> &Calcom {
        &self.0
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    /// Adds fault rules; each lasts until its `times` are over or faults are cleared.
    pub fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        lock(&self.world().faults).add(rules);
    }

    /// Ends every fault rule.
    pub fn clear_faults(&self) {
        lock(&self.world().faults).clear();
    }

    /// The request limits in force from now on.
    pub fn limits(&self, rules: LimitRules) {
        lock(&self.world().limits).rules = rules;
    }

    /// The request limits in force.
    #[must_use]
    pub fn limit_rules(&self) -> LimitRules {
        lock(&self.world().limits).rules
    }

    /// Tokens; says how many access tokens it ended.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn tokens(&self, order: &CalcomTokenOrder) -> usize {
        let mut tokens = lock(&self.world().tokens);
        tokens.lifetime_s = order.lifetime_s.unwrap_or(tokens.lifetime_s);
        let mut ended = order.expire.as_deref().map_or(0, |token| tokens.expire(Some(token)));
        if order.expire_all {
            ended += tokens.expire(None);
        }
        if order.revoke {
            ended += tokens.revoke();
        }
        ended
    }

    /// How webhooks are sent, and things to send now. A `url` is subscribed to every event, with
    /// [`Calcom::webhook_secret`](crate::Calcom::webhook_secret).
    pub fn webhooks(&self, order: &WebhookOrder) {
        let world = self.world();
        if let Some(url) = &order.url {
            self.0.deliver_to(url, self.0.webhook_secret());
        }
        // Subscriptions alone say where events go.
        world.mailer.order(&WebhookOrder { url: None, ..order.clone() });
        let account = lock(&world.account);
        (0..order.unknown).for_each(|_| calcom::unknown(world, &account));
        (0..order.forged).for_each(|_| calcom::forged(world, &account));
    }

    /// Ends faults and orders, forgets counts. What the account holds (bookings, webhooks, tokens) stays.
    pub(super) fn reset(&self) {
        let world = self.world();
        self.clear_faults();
        {
            let mut limits = lock(&world.limits);
            limits.rules = LimitRules::default();
            limits.clear();
        }
        world.mailer.reset_settings();
        world.mailer.clear();
        world.tally.clear();
    }

    pub(super) fn state(&self, full: bool) -> Value {
        let (calcom, world) = (&self.0, self.world());
        let mut state = json!({
            "limits": self.limit_rules(), "faults": lock(&world.faults).rules(), "webhooks": world.mailer.settings(),
            "counts": calcom.counts(), "requestCount": calcom.requests_counted(),
        });
        let account = lock(&world.account);
        let types = account.event_types.values().map(|own| json!({"id": own.id, "slug": own.slug}));
        state["userId"] = json!(account.me.id);
        state["eventTypes"] = types.collect();
        state["bookingCount"] = json!(account.bookings.len());
        state["webhookCount"] = json!(account.subscriptions.len());
        drop(account);
        if full {
            state["bookings"] = json!(calcom.bookings());
            state["deliveries"] = json!(calcom.deliveries());
        }
        state
    }

    pub(super) fn env(&self) -> [(&'static str, String); 3] {
        [
            ("CALCOM_API_URL", self.0.base_url().to_owned()),
            ("CALCOM_API_KEY", self.0.api_key().to_owned()),
            ("CALCOM_WEBHOOK_SECRET", self.0.webhook_secret().to_owned()),
        ]
    }
}
