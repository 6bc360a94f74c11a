//! Orders to the sandbox (faults, time, limits, tokens, webhooks, changes) and what it shows of itself, in process
//! and as `/__control/*`.
//! Invariant: whatever a route orders, the typed handle orders too, and the other way round.

mod calcom;
mod calcom_routes;
mod routes;

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calcom::Calcom;
use crate::clock::rfc3339;
use crate::ghl::{self, FaultRule, Ghl, LimitRules, TokenFault, WebhookOrder};
use crate::lock;
use crate::sandbox::SandboxError;

pub use calcom::{CalcomControl, CalcomTokenOrder};
pub(crate) use routes::router;

/// What to do with tokens and the app's installation; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenOrder {
    /// Lifetime of access tokens issued from now on, in seconds.
    pub lifetime_s: Option<i64>,
    /// Ends this access token now.
    pub expire: Option<String>,
    /// Ends the access tokens of this location or company now.
    pub expire_resource: Option<String>,
    /// Ends every OAuth access token now; refresh tokens stay good.
    pub expire_all: bool,
    /// What the next token requests suffer.
    pub fault: Option<TokenFault>,
    /// How many token requests `fault` hits; default 1.
    pub times: Option<u64>,
    /// Forgets the token faults that have not hit yet.
    pub clear_faults: bool,
    /// The app's only redirect URI.
    pub redirect_uri: Option<String>,
    /// Whether a company's installation covers its locations at once.
    pub install_to_locations: Option<bool>,
    /// Installs the app on this company or location, with INSTALL events.
    pub install: Option<String>,
    /// Removes the app from this company or location: tokens end, UNINSTALL is sent.
    pub uninstall: Option<String>,
}

/// Orders and insight. Clones share the sandbox.
#[derive(Debug, Clone)]
pub struct Control {
    ghl: Ghl,
    calcom: CalcomControl,
    url: String,
}

impl Control {
    pub(crate) fn new(ghl: Ghl, calcom: Calcom, url: String) -> Self {
        Self { ghl, calcom: CalcomControl::new(calcom), url }
    }

    /// The orders to the Cal.com stand-in. Those of this type are GHL's, except for time, which all share, and the reset.
    #[must_use]
    pub fn calcom(&self) -> &CalcomControl {
        &self.calcom
    }

    pub(crate) fn ghl(&self) -> &Ghl {
        &self.ghl
    }

    /// Adds fault rules; each lasts until its `times` are over or faults are cleared.
    pub fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        lock(&self.ghl.world.faults).add(rules);
    }

    /// Ends every fault rule.
    pub fn clear_faults(&self) {
        lock(&self.ghl.world.faults).clear();
    }

    /// Moves the sandbox's clock; tokens, windows, the index and re-sends follow.
    pub fn jump(&self, by_ms: i64) {
        self.ghl.world.clock.jump(by_ms);
    }

    /// The sandbox's time, in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.ghl.world.clock.now_ms()
    }

    /// How long the search index lags, in milliseconds. Default 5,000.
    pub fn index_lag(&self, lag_ms: i64) {
        self.ghl.world.set_index_lag(lag_ms.max(0));
    }

    /// The request limits in force from now on.
    pub fn limits(&self, rules: LimitRules) {
        lock(&self.ghl.world.limits).rules = rules;
    }

    /// The request limits in force.
    #[must_use]
    pub fn limit_rules(&self) -> LimitRules {
        lock(&self.ghl.world.limits).rules
    }

    /// Pretends that a location or company already spent `used` requests of its day.
    pub fn spend_day(&self, resource: &str, used: u32) {
        let now_ms = self.now_ms();
        lock(&self.ghl.world.limits).spend_day(resource, used, now_ms);
    }

    /// Whether a location allows contacts with the same e-mail or phone. Default: no.
    pub fn allow_duplicates(&self, location: &str, allow: bool) -> Result<(), SandboxError> {
        lock(&self.ghl.site(location)?.directory).allow_duplicates = allow;
        Ok(())
    }

    /// Tokens and installation; says how many access tokens it ended.
    pub fn tokens(&self, order: &TokenOrder) -> Result<usize, SandboxError> {
        let world = &self.ghl.world;
        if let Some(uri) = &order.redirect_uri {
            *lock(&world.redirect_uri) = Some(uri.clone());
        }
        if let Some(everywhere) = order.install_to_locations {
            world.install_to_locations.store(everywhere, Ordering::Relaxed);
        }
        if order.clear_faults {
            lock(&world.token_faults).clear();
        }
        if let Some(fault) = order.fault {
            lock(&world.token_faults).push_back((fault, order.times.unwrap_or(1).max(1)));
        }
        let ended = {
            let mut tokens = lock(&world.tokens);
            tokens.lifetime_s = order.lifetime_s.unwrap_or(tokens.lifetime_s);
            let named = order.expire.is_some() || order.expire_resource.is_some();
            match named || order.expire_all {
                true => tokens.expire(order.expire.as_deref(), order.expire_resource.as_deref()),
                false => 0,
            }
        };
        if let Some(id) = &order.install {
            ghl::install(world, &self.resource(id)?);
        }
        if let Some(id) = &order.uninstall {
            self.resource(id)?;
            ghl::uninstall(world, id);
        }
        Ok(ended)
    }

    /// How webhooks are sent, and things to send now.
    pub fn webhooks(&self, order: &WebhookOrder) {
        let world = &self.ghl.world;
        world.mailer.order(order);
        (0..order.unknown).for_each(|_| ghl::unknown(world));
        (0..order.forged).for_each(|_| ghl::forged(world));
    }

    /// Ends faults and orders, forgets counts. What the provider holds (contacts, tokens, time) stays.
    pub fn reset(&self) {
        let world = &self.ghl.world;
        self.clear_faults();
        lock(&world.token_faults).clear();
        {
            let mut limits = lock(&world.limits);
            limits.rules = LimitRules::default();
            limits.clear();
        }
        world.mailer.reset_settings();
        world.mailer.clear();
        world.tally.clear();
        self.calcom.reset();
    }

    /// Everything held and counted; contacts, appointments, opportunities, bookings and deliveries only when `full`.
    #[must_use]
    pub fn state(&self, full: bool) -> Value {
        let (ghl, world) = (&self.ghl, &self.ghl.world);
        let locations = ghl.location_ids().into_iter().map(|id| self.location(&id, full));
        let mut state = json!({
            "now": rfc3339(self.now_ms()),
            "ghl": {
                "companyId": ghl.company_id(), "appId": ghl.app_id(), "locations": locations.collect::<Vec<_>>(),
                "installation": *lock(&world.installation), "indexLagMs": world.index_lag(), "limits": self.limit_rules(),
                "faults": lock(&world.faults).rules(), "webhooks": world.mailer.settings(), "counts": ghl.counts(),
            },
        });
        if full {
            state["ghl"]["deliveries"] = json!(ghl.deliveries());
        }
        state["calcom"] = self.calcom.state(full);
        state
    }

    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        let ghl = &self.ghl;
        let mut env = vec![
            ("GHL_API_URL", format!("{}/ghl", self.url)),
            ("GHL_AUTHORIZE_URL", format!("{}/ghl/oauth/chooselocation", self.url)),
            ("GHL_CLIENT_ID", ghl.client_id().to_owned()),
            ("GHL_CLIENT_SECRET", ghl.client_secret().to_owned()),
            ("GHL_WEBHOOK_PUBLIC_KEY", ghl.public_key_pem()),
        ];
        if let Some(uri) = lock(&ghl.world.redirect_uri).clone() {
            env.push(("GHL_REDIRECT_URI", uri));
        }
        env.extend(self.calcom.env());
        env
    }

    fn location(&self, id: &str, full: bool) -> Value {
        let ghl = &self.ghl;
        let appointments = ghl.appointments(id);
        let opportunities = ghl.opportunities(id);
        let mut location = json!({"id": id, "contactCount": ghl.contact_count(id), "appointmentCount": appointments.len(), "opportunityCount": opportunities.len(), "calendarIds": ghl.calendar_ids(id), "pipelines": ghl.pipelines(id)});
        if full {
            location["contacts"] = Value::Array(ghl.contacts(id));
            location["appointments"] = Value::Array(appointments);
            location["opportunities"] = Value::Array(opportunities);
        }
        location
    }

    fn resource(&self, id: &str) -> Result<ghl::Resource, SandboxError> {
        if id == self.ghl.company_id() {
            return Ok(ghl::Resource::Company(id.to_owned()));
        }
        self.ghl.site(id).map(|site| ghl::Resource::Location(site.place.id.clone()))
    }
}
