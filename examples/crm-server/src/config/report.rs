//! The report of `--check-config`.

use std::fmt::Write;

use super::{Config, Environment, VARIABLES};

/// Variables whose values are secret.
const SECRET: &[&str] = &[
    "SIDECAR_ENCRYPTION_KEYS",
    "SIDECAR_OPERATOR_TOKEN",
    "GHL_CLIENT_SECRET",
    "CALCOM_API_KEY",
    "CALCOM_WEBHOOK_SECRET",
    "CALCOM_CLIENT_SECRET",
    "DATABASE_URL",
    "REDIS_URL",
];

impl Config {
    /// Returns which variables are set, which are missing and what that disables. Contains no secret.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for variable in VARIABLES {
            let is_set = self.set.iter().any(|name| name == variable.name);
            let state = match (is_set, SECRET.contains(&variable.name)) {
                (true, true) => "set (not shown)".to_owned(),
                (true, false) => "set".to_owned(),
                (false, _) => format!("not set [{}]", variable.default),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:<30} {state}", variable.name);
        }
        for consequence in self.consequences() {
            let _ = writeln!(text, "! {consequence}");
        }
        text
    }

    /// Returns what is off or rejected because of missing variables.
    pub fn consequences(&self) -> Vec<String> {
        let mut consequences = Vec::new();
        if let Some(why) = self.ghl_off() {
            consequences.push(format!("GHL is off: {why}"));
        } else if self.ghl.app.as_ref().is_some_and(|app| app.redirect_uri.is_none()) {
            consequences.push("GHL cannot be connected: set GHL_REDIRECT_URI or APP_URL".to_owned());
        }
        consequences.extend(self.calcom.consequences());
        if self.operator_token.is_none() {
            consequences
                .push("organization routes and /metrics reject every request: set SIDECAR_OPERATOR_TOKEN".to_owned());
        }
        if self.encryption_keys.is_none() && self.environment != Environment::Production {
            consequences.push("encryption keys are generated: set SIDECAR_ENCRYPTION_KEYS in production".to_owned());
        }
        consequences
    }

    /// Returns what to set to turn GHL on; `None` when it is on.
    pub fn ghl_off(&self) -> Option<String> {
        (!self.ghl.missing.is_empty()).then(|| format!("set {}", self.ghl.missing.join(" and ")))
    }
}
