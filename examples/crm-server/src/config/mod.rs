//! Configuration: from environment variables to a checked [`Config`].
//!
//! Which variables there are stands in `variables`, how encryption keys come about in `keys`, what `--check-config` prints in
//! `report`. Invariant: a bad value stops the start with a text that names its variable; a missing integration does not.

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

/// What this process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Routes and workers.
    #[default]
    All,
    /// Routes only: another process works.
    Web,
    /// Workers only; listens for health and metrics.
    Worker,
}

/// How strict the start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Nothing is generated: what is needed must be set.
    Production,
    /// Encryption keys are generated and kept beside the database.
    Development,
    /// Encryption keys are generated and forgotten.
    Test,
}

/// The app at GHL's marketplace.
#[derive(Debug, Clone)]
pub struct GhlApp {
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: SecretString,
    /// Where people come back to after their consent; none until it is set.
    pub redirect_uri: Option<String>,
}

/// What concerns GHL.
#[derive(Debug, Clone)]
pub struct GhlConfig {
    /// The app; none while GHL is off.
    pub app: Option<GhlApp>,
    /// What to set to turn it on.
    pub missing: Vec<&'static str>,
    /// Where the API is.
    pub api_url: String,
    /// Where people consent.
    pub authorize_url: String,
    /// Keys that webhooks verify with instead of the provider's own; none: the provider's own.
    pub webhook_keys: Vec<String>,
    /// Whether the former RSA signature is good too.
    pub allow_legacy_rsa: bool,
    /// One API version for every family.
    pub version: Option<ApiVersion>,
}

/// Everything that is configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// How strict the start is.
    pub environment: Environment,
    /// What this process does.
    pub role: Role,
    /// Where it listens; port 0 is any free one.
    pub bind: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics_bind: Option<SocketAddr>,
    /// Where everything is kept.
    pub database_url: DatabaseUrl,
    /// Where processes share their limits, if anywhere.
    pub redis_url: Option<SecretString>,
    /// Where people find this server, without a slash at its end.
    pub app_url: Option<Url>,
    /// The key ring of the vault, as given.
    pub encryption_keys: Option<SecretString>,
    /// What machines sign in with.
    pub operator_token: Option<SecretString>,
    /// Whose word is believed about whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// Deliveries a second of one location or organization; 0 for no limit.
    pub webhook_limit: u32,
    /// How often each source is copied.
    pub sync_interval: Duration,
    /// What is logged, as `tracing` filters are written.
    pub log: String,
    /// GHL.
    pub ghl: GhlConfig,
    /// Cal.com.
    pub calcom: CalcomConfig,
    /// Names that are set, for the report.
    set: Vec<String>,
}

/// A variable has a value that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadVariable {
    /// Which.
    pub variable: &'static str,
    /// What is wrong, and how it should be. Never holds a secret's value.
    pub problem: String,
}

/// Variables have values that cannot be right: all of them, so that they are corrected in one go.
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
    /// From the process's environment and a `.env` file where there is one; the environment wins.
    ///
    /// # Errors
    /// [`ConfigError`] names each variable that cannot be right.
    pub fn from_env() -> Result<Self, ConfigError> {
        let (config, verdict) = Self::look();
        verdict.map(|()| config)
    }

    /// The same, to be looked at: also when it cannot be used.
    pub fn look() -> (Self, Result<(), ConfigError>) {
        let (variables, bad) = environment::and_file();
        Self::read(Reader::new(variables).with(bad))
    }

    /// From these variables alone; of a name that comes twice, the last. Empty values count as not set.
    ///
    /// # Errors
    /// [`ConfigError`] names each variable that cannot be right.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let (config, verdict) = Self::read(Reader::new(variables));
        verdict.map(|()| config)
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
            (Environment::Production, None) => read.refuse(
                "SIDECAR_ENCRYPTION_KEYS",
                "is not set: tokens are kept only encrypted. Make one with `crm-server keys generate`, or set SIDECAR_ENV=development to try things out",
            ),
            (Environment::Development, None) if config.database_url.is_shared() => read.refuse(
                "SIDECAR_ENCRYPTION_KEYS",
                "is not set: generated keys are kept beside a SQLite file, and PostgreSQL has none. Make one with `crm-server keys generate`, the same for every process",
            ),
            _ => {}
        }
        (config, read.finish())
    }

    /// Whether browsers reach this server by https, or come back to it so, and cookies must not travel otherwise.
    pub fn is_https(&self) -> bool {
        let ghl = self.ghl.app.as_ref().and_then(|app| app.redirect_uri.as_deref());
        let calcom = self.calcom.app.as_ref().and_then(|app| app.redirect_uri.as_deref());
        self.app_url.as_ref().map(Url::as_str).into_iter().chain(ghl).chain(calcom).any(|url| url.starts_with("https:"))
    }

    /// An address of this server for people: absolute where its own is known.
    pub fn address(&self, path: &str) -> String {
        match &self.app_url {
            Some(url) => format!("{}{path}", url.as_str().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

fn ghl(read: &mut Reader, app_url: Option<&Url>) -> GhlConfig {
    let (id, secret) = (read.text("GHL_CLIENT_ID"), read.text("GHL_CLIENT_SECRET"));
    let own_route = app_url.map(|url| format!("{}/api/integrations/ghl/auth", url.as_str().trim_end_matches('/')));
    let redirect_uri = read.parsed("GHL_REDIRECT_URI", page).map(String::from).or(own_route);
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
