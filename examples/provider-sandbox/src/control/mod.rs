//! The control API: injects faults, moves time, changes limits, tokens, webhooks and data, and reports the state. In process, and over
//! HTTP as `/__control/*`.
//! Invariant: every HTTP command has an in-process method, and every method has an HTTP command.

mod calcom;
mod calcom_routes;
mod routes;

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::calcom::Calcom;
use crate::clock::rfc3339;
use crate::ghl::{self, FaultRule, Ghl, LimitRules, TokenFault, WebhookCommand};
use crate::lock;
use crate::sandbox::SandboxError;

pub use calcom::{CalcomControl, CalcomTokenCommand};
pub(crate) use routes::router;

/// Changes GHL's tokens and the app's installation. Absent settings keep their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenCommand {
    /// Sets the lifetime of new access tokens, in seconds.
    pub lifetime_s: Option<i64>,
    /// Expires this access token.
    pub expire: Option<String>,
    /// Expires the access tokens of this location or company.
    pub expire_resource: Option<String>,
    /// Expires every OAuth access token; refresh tokens stay valid.
    pub expire_all: bool,
    /// Injects a fault into the next token requests.
    pub fault: Option<TokenFault>,
    /// Number of token requests that `fault` applies to. Default 1.
    pub times: Option<u64>,
    /// Removes the pending token faults.
    pub clear_faults: bool,
    /// Sets the only redirect URI that is accepted.
    pub redirect_uri: Option<String>,
    /// Sets whether installing the app on the company also installs it on its locations.
    pub install_to_locations: Option<bool>,
    /// Installs the app on this company or location and sends INSTALL events.
    pub install: Option<String>,
    /// Uninstalls the app from this company or location: revokes tokens and sends UNINSTALL.
    pub uninstall: Option<String>,
}

/// The control API of GHL, and of the clock and the reset, which are common to both providers. Clones share the sandbox.
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

    /// Returns the control API of Cal.com.
    #[must_use]
    pub fn calcom(&self) -> &CalcomControl {
        &self.calcom
    }

    pub(crate) fn ghl(&self) -> &Ghl {
        &self.ghl
    }

    /// Adds fault rules. A rule applies until its `times` are used up or the rules are cleared.
    pub fn add_faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        lock(&self.ghl.state.shared.faults).add(rules);
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        lock(&self.ghl.state.shared.faults).clear();
    }

    /// Advances the clock of both providers: token lifetimes, rate limit windows, the search index and webhook retries.
    pub fn advance_clock(&self, by_ms: i64) {
        self.ghl.state.clock.advance(by_ms);
    }

    /// Returns the sandbox's time in epoch milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.ghl.state.clock.now_ms()
    }

    /// Sets the lag of the search index, in milliseconds. Default 5,000.
    pub fn set_index_lag(&self, lag_ms: i64) {
        self.ghl.state.set_index_lag(lag_ms.max(0));
    }

    /// Sets the rate limits.
    pub fn set_limits(&self, rules: LimitRules) {
        lock(&self.ghl.state.limits).rules = rules;
    }

    /// Returns the rate limits.
    #[must_use]
    pub fn limits(&self) -> LimitRules {
        lock(&self.ghl.state.limits).rules
    }

    /// Sets the number of requests that a location or company has used today.
    pub fn set_daily_usage(&self, resource: &str, used: u32) {
        let now_ms = self.now_ms();
        lock(&self.ghl.state.limits).set_daily_usage(resource, used, now_ms);
    }

    /// Sets whether a location accepts contacts with the same e-mail or phone. Default: no.
    pub fn set_allow_duplicates(&self, location_id: &str, allow: bool) -> Result<(), SandboxError> {
        lock(&self.ghl.location(location_id)?.contact_store).allow_duplicates = allow;
        Ok(())
    }

    /// Changes tokens and installation. Returns the number of access tokens that it expired.
    pub fn update_tokens(&self, command: &TokenCommand) -> Result<usize, SandboxError> {
        let state = &self.ghl.state;
        if let Some(uri) = &command.redirect_uri {
            *lock(&state.redirect_uri) = Some(uri.clone());
        }
        if let Some(install_to_locations) = command.install_to_locations {
            state.install_to_locations.store(install_to_locations, Ordering::Relaxed);
        }
        if command.clear_faults {
            lock(&state.token_faults).clear();
        }
        if let Some(fault) = command.fault {
            lock(&state.token_faults).push_back((fault, command.times.unwrap_or(1).max(1)));
        }
        let expired = {
            let mut tokens = lock(&state.tokens);
            tokens.lifetime_s = command.lifetime_s.unwrap_or(tokens.lifetime_s);
            let is_selective = command.expire.is_some() || command.expire_resource.is_some();
            match is_selective || command.expire_all {
                true => tokens.expire(command.expire.as_deref(), command.expire_resource.as_deref()),
                false => 0,
            }
        };
        if let Some(id) = &command.install {
            ghl::install(state, &self.resource(id)?);
        }
        if let Some(id) = &command.uninstall {
            self.resource(id)?;
            ghl::uninstall(state, id);
        }
        Ok(expired)
    }

    /// Changes the delivery settings and sends unknown, forged and lost events.
    pub fn update_webhooks(&self, command: &WebhookCommand) {
        let state = &self.ghl.state;
        state.shared.dispatcher.apply(command);
        (0..command.unknown).for_each(|_| ghl::send_unknown(state));
        (0..command.forged).for_each(|_| ghl::send_forged(state));
    }

    /// Removes faults and counts and restores limits and webhook settings of both providers. Data, tokens and time remain.
    pub fn reset(&self) {
        let state = &self.ghl.state;
        lock(&state.token_faults).clear();
        *lock(&state.limits) = Default::default();
        state.shared.reset();
        self.calcom.reset();
    }

    /// Returns settings and counts; with `full`, also contacts, appointments, opportunities, bookings and deliveries.
    #[must_use]
    pub fn state(&self, full: bool) -> Value {
        let (ghl, state) = (&self.ghl, &self.ghl.state);
        let locations = ghl.location_ids().into_iter().map(|id| self.location_state(&id, full));
        let mut json = json!({
            "now": rfc3339(self.now_ms()),
            "ghl": {
                "companyId": ghl.company_id(), "appId": ghl.app_id(), "locations": locations.collect::<Vec<_>>(),
                "installation": *lock(&state.installation), "indexLagMs": state.index_lag(), "limits": self.limits(),
                "faults": lock(&state.shared.faults).rules(), "webhooks": state.shared.dispatcher.settings(), "counts": ghl.counts(),
            },
        });
        if full {
            json["ghl"]["deliveries"] = json!(ghl.deliveries());
        }
        json["calcom"] = self.calcom.state_json(full);
        json
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
        if let Some(uri) = lock(&ghl.state.redirect_uri).clone() {
            env.push(("GHL_REDIRECT_URI", uri));
        }
        env.extend(self.calcom.env());
        env
    }

    fn location_state(&self, id: &str, full: bool) -> Value {
        let ghl = &self.ghl;
        let appointments = ghl.appointments(id);
        let opportunities = ghl.opportunities(id);
        let mut json = json!({
            "id": id, "contactCount": ghl.contact_count(id), "appointmentCount": appointments.len(),
            "opportunityCount": opportunities.len(), "calendarIds": ghl.calendar_ids(id), "pipelines": ghl.pipelines(id),
        });
        if full {
            json["contacts"] = Value::Array(ghl.contacts(id));
            json["appointments"] = Value::Array(appointments);
            json["opportunities"] = Value::Array(opportunities);
        }
        json
    }

    fn resource(&self, id: &str) -> Result<ghl::Resource, SandboxError> {
        if id == self.ghl.company_id() {
            return Ok(ghl::Resource::Company(id.to_owned()));
        }
        self.ghl.location(id).map(|location| ghl::Resource::Location(location.profile.id.clone()))
    }
}
