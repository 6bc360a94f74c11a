//! Configuration: from environment variables to a checked [`Config`].
//!
//! Invariant: an invalid value stops the start with a text that names its variable; a missing integration does not.

mod calcom;
mod database;
mod environment;
mod keys;
mod parse;
mod reader;
mod report;
mod variables;

use std::{fmt, net::SocketAddr, time::Duration};

use ghl_client::{
    ApiVersion,
    config::{AUTHORIZE_URL, BASE_URL},
};
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

pub use calcom::{CalcomApp, CalcomConfig};
pub use database::DatabaseUrl;
pub use keys::KeysError;
pub use variables::{VARIABLES, Variable, help};

use calcom::calcom;
use parse::{
    address, api_version, base_url, boolean, count, environment_name, near, networks, operator_token, page, redis_url,
    seconds, webhook_keys,
};
use reader::Reader;

/// The part of the server that a process runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Routes and workers.
    #[default]
    All,
    /// Routes only; another process runs the workers.
    Web,
    /// Workers only, with routes for health and metrics.
    Worker,
}

/// Whether missing encryption keys are generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Generates nothing: encryption keys are required.
    Production,
    /// Generates encryption keys in a file beside the database.
    Development,
    /// Generates encryption keys in memory.
    Test,
}

/// The app in GHL's marketplace.
#[derive(Debug, Clone)]
pub struct GhlApp {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: SecretString,
    /// The redirect address after consent, once it is set.
    pub redirect_uri: Option<String>,
}

/// The configuration of GHL.
#[derive(Debug, Clone)]
pub struct GhlConfig {
    /// The app; `None` while GHL is off.
    pub app: Option<GhlApp>,
    /// The variables to set to turn it on.
    pub missing: Vec<&'static str>,
    /// The API's address.
    pub api_url: String,
    /// The consent page.
    pub authorize_url: String,
    /// Public keys that verify webhooks in place of the provider's, if any.
    pub webhook_keys: Vec<String>,
    /// Whether the legacy RSA signature is accepted too.
    pub allow_legacy_rsa: bool,
    /// The API version for every family, if set.
    pub version: Option<ApiVersion>,
}

/// The server's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether missing encryption keys are generated.
    pub environment: Environment,
    /// The part of the server that a process runs.
    pub role: Role,
    /// The address to listen on; port 0 picks a free port.
    pub bind: SocketAddr,
    /// The address for metrics without a token, if set.
    pub metrics_bind: Option<SocketAddr>,
    /// The database.
    pub database_url: DatabaseUrl,
    /// The Redis in which processes share rate limits, if set.
    pub redis_url: Option<SecretString>,
    /// The public address of this server, without a trailing slash.
    pub app_url: Option<Url>,
    /// The key ring of the vault.
    pub encryption_keys: Option<SecretString>,
    /// The operator's bearer token.
    pub operator_token: Option<SecretString>,
    /// The networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Deliveries per second of one location or organization; 0 for no limit.
    pub webhook_limit: u32,
    /// How often each source is synced.
    pub sync_interval: Duration,
    /// The log filter, in the syntax of `tracing`.
    pub log: String,
    /// GHL.
    pub ghl: GhlConfig,
    /// Cal.com.
    pub calcom: CalcomConfig,
    /// The names of the variables that are set, for the report.
    set: Vec<String>,
}

/// A variable with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadVariable {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong and what is valid. Never contains a secret's value.
    pub problem: String,
}

/// Every variable with an invalid value, so that all can be corrected at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<BadVariable>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, bad) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            bad.fmt(f)?;
        }
        Ok(())
    }
}

impl Config {
    /// Reads the process's environment and a `.env` file, if there is one; the environment wins.
    ///
    /// # Errors
    /// [`ConfigError`] names each variable with an invalid value.
    pub fn from_env() -> Result<Self, ConfigError> {
        let (config, result) = Self::inspect();
        result.map(|()| config)
    }

    /// Reads the same for a report, even if values are invalid.
    pub fn inspect() -> (Self, Result<(), ConfigError>) {
        let (variables, bad) = environment::variables_with_file();
        Self::read(Reader::new(variables).with(bad))
    }

    /// Reads only these variables; the last value of a name wins. Empty values count as not set.
    ///
    /// # Errors
    /// [`ConfigError`] names each variable with an invalid value.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let (config, result) = Self::read(Reader::new(variables));
        result.map(|()| config)
    }

    fn read(mut read: Reader) -> (Self, Result<(), ConfigError>) {
        let environment = read.parsed("SIDECAR_ENV", environment_name).unwrap_or(Environment::Production);
        let app_url = read.parsed("APP_URL", base_url).or_else(|| read.parsed("NEXT_PUBLIC_APP_URL", base_url));
        let config = Self {
            environment,
            role: Role::All,
            bind: read.parsed("BIND_ADDR", address).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            metrics_bind: read.parsed("METRICS_ADDR", address),
            database_url: read.parsed("DATABASE_URL", DatabaseUrl::parse).unwrap_or_default(),
            redis_url: read.parsed("REDIS_URL", redis_url),
            encryption_keys: read.parsed("SIDECAR_ENCRYPTION_KEYS", keys::ring),
            operator_token: read.parsed("SIDECAR_OPERATOR_TOKEN", operator_token),
            trusted_proxies: read.parsed("TRUSTED_PROXIES", networks).unwrap_or_else(|| near(environment)),
            webhook_limit: read.parsed("WEBHOOK_LIMIT_PER_SECOND", count).unwrap_or(500),
            sync_interval: read.parsed("SYNC_INTERVAL_SECS", seconds).unwrap_or(Duration::from_secs(900)),
            log: read.text("RUST_LOG").unwrap_or_else(|| "info".to_owned()),
            ghl: ghl(&mut read, app_url.as_ref()),
            calcom: calcom(&mut read, app_url.as_ref()),
            app_url,
            set: read.names(),
        };
        match (environment, &config.encryption_keys) {
            (Environment::Production, None) => read.reject(
                "SIDECAR_ENCRYPTION_KEYS",
                "is not set: tokens are stored encrypted. Generate a key with `crm-server keys generate`, or set SIDECAR_ENV=development to try the server",
            ),
            (Environment::Development, None) if config.database_url.is_shared() => read.reject(
                "SIDECAR_ENCRYPTION_KEYS",
                "is not set: keys are generated only beside a SQLite file. Generate one with `crm-server keys generate` and set it for every process",
            ),
            _ => {}
        }
        (config, read.finish())
    }

    /// Whether browsers use https for this server, so that cookies must be `Secure`.
    pub fn is_https(&self) -> bool {
        let ghl = self.ghl.app.as_ref().and_then(|app| app.redirect_uri.as_deref());
        let calcom = self.calcom.app.as_ref().and_then(|app| app.redirect_uri.as_deref());
        self.app_url.as_ref().map(Url::as_str).into_iter().chain(ghl).chain(calcom).any(|url| url.starts_with("https:"))
    }

    /// Returns the address of a path of this server: absolute if APP_URL is set.
    pub fn address(&self, path: &str) -> String {
        match &self.app_url {
            Some(url) => format!("{}{path}", url.as_str().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

fn ghl(read: &mut Reader, app_url: Option<&Url>) -> GhlConfig {
    let (id, secret) = (read.text("GHL_CLIENT_ID"), read.text("GHL_CLIENT_SECRET"));
    let callback = app_url.map(|url| format!("{}/api/integrations/ghl/auth", url.as_str().trim_end_matches('/')));
    let redirect_uri = read.parsed("GHL_REDIRECT_URI", page).map(String::from).or(callback);
    let missing = [("GHL_CLIENT_ID", id.is_none()), ("GHL_CLIENT_SECRET", secret.is_none())];
    GhlConfig {
        missing: missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect(),
        app: id.zip(secret).map(|(client_id, secret)| GhlApp { client_id, client_secret: secret.into(), redirect_uri }),
        api_url: read.parsed("GHL_API_URL", base_url).map_or_else(|| BASE_URL.to_owned(), String::from),
        authorize_url: read.parsed("GHL_AUTHORIZE_URL", page).map_or_else(|| AUTHORIZE_URL.to_owned(), String::from),
        webhook_keys: read.parsed("GHL_WEBHOOK_PUBLIC_KEY", webhook_keys).unwrap_or_default(),
        allow_legacy_rsa: read.parsed("GHL_WEBHOOK_ALLOW_LEGACY_RSA", boolean).unwrap_or(false),
        version: read.parsed("GHL_API_VERSION", api_version),
    }
}

#[cfg(test)]
mod tests;
