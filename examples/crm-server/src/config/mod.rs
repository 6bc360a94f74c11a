//! Configuration: from environment variables to a checked [`Config`].
//!
//! Which variables there are stands in `variables`, how encryption keys come about in `keys`, what `--check-config` prints in
//! `report`. Invariant: a bad value stops the start with a text that names its variable; a missing integration does not.

mod keys;
mod reader;
mod report;
mod variables;

use std::{fmt, net::SocketAddr, time::Duration};

use ghl_client::{
    ApiVersion,
    config::{AUTHORIZE_URL, BASE_URL},
};
use secrecy::SecretString;
use url::Url;

pub use keys::KeysError;
pub use variables::{VARIABLES, Variable, help};

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
    pub database_url: String,
    /// Where people find this server, without a slash at its end.
    pub app_url: Option<Url>,
    /// The key ring of the vault, as given.
    pub encryption_keys: Option<SecretString>,
    /// What machines sign in with.
    pub operator_token: Option<SecretString>,
    /// How often each source is copied.
    pub sync_interval: Duration,
    /// What is logged, as `tracing` filters are written.
    pub log: String,
    /// GHL.
    pub ghl: GhlConfig,
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
        Self::from_variables(environment_and_file()?)
    }

    /// The same, to be looked at: also when it cannot be used.
    ///
    /// # Errors
    /// [`ConfigError`] when there is nothing to look at: the `.env` file cannot be read.
    pub fn look() -> Result<(Self, Result<(), ConfigError>), ConfigError> {
        Ok(Self::read(environment_and_file()?))
    }

    /// From these variables alone; of a name that comes twice, the last. Empty values count as not set.
    ///
    /// # Errors
    /// [`ConfigError`] names each variable that cannot be right.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let (config, verdict) = Self::read(variables);
        verdict.map(|()| config)
    }

    fn read(variables: impl IntoIterator<Item = (String, String)>) -> (Self, Result<(), ConfigError>) {
        let mut read = Reader::new(variables);
        let environment = read.parsed("SIDECAR_ENV", environment).unwrap_or(Environment::Production);
        let app_url = read.parsed("APP_URL", http_url).or_else(|| read.parsed("NEXT_PUBLIC_APP_URL", http_url));
        let config = Self {
            environment,
            role: Role::All,
            bind: read.parsed("BIND_ADDR", address).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            metrics_bind: read.parsed("METRICS_ADDR", address),
            database_url: read.text("DATABASE_URL").unwrap_or_else(|| "sqlite://sidecar.db".to_owned()),
            encryption_keys: read.parsed("SIDECAR_ENCRYPTION_KEYS", keys::ring),
            operator_token: read.parsed("SIDECAR_OPERATOR_TOKEN", operator_token),
            sync_interval: read.parsed("SYNC_INTERVAL_SECS", seconds).unwrap_or(Duration::from_secs(900)),
            log: read.text("RUST_LOG").unwrap_or_else(|| "info".to_owned()),
            ghl: ghl(&mut read, app_url.as_ref()),
            app_url,
            set: read.names(),
        };
        if environment == Environment::Production && config.encryption_keys.is_none() {
            read.refuse(
                "SIDECAR_ENCRYPTION_KEYS",
                "is not set: tokens are kept only encrypted. Make one with `crm-server keys generate`, or set SIDECAR_ENV=development to try things out",
            );
        }
        (config, read.finish())
    }

    /// Whether browsers reach this server by https, so that cookies must not travel otherwise.
    pub fn is_https(&self) -> bool {
        self.app_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// An address of this server for people: absolute where its own is known.
    pub fn address(&self, path: &str) -> String {
        match &self.app_url {
            Some(url) => format!("{}{path}", url.as_str().trim_end_matches('/')),
            None => path.to_owned(),
        }
    }
}

/// A `.env` file's variables, then the process's, which win.
fn environment_and_file() -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Vec::new();
    for line in dotenvy::dotenv_iter().into_iter().flatten() {
        match line {
            Ok(pair) => variables.push(pair),
            Err(dotenvy::Error::LineParse(_, at)) => {
                let problem = format!("cannot be read from character {at} of a line on: write NAME=value");
                return Err(ConfigError(vec![BadVariable { variable: ".env", problem }]));
            }
            Err(error) => {
                return Err(ConfigError(vec![BadVariable {
                    variable: ".env",
                    problem: format!("cannot be read: {error}"),
                }]));
            }
        }
    }
    // A name or value that is not text is none of ours.
    let environment = std::env::vars_os();
    variables.extend(environment.filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())));
    Ok(variables)
}

fn ghl(read: &mut Reader, app_url: Option<&Url>) -> GhlConfig {
    let (id, secret) = (read.text("GHL_CLIENT_ID"), read.text("GHL_CLIENT_SECRET"));
    let own_route = app_url.map(|url| format!("{}/api/integrations/ghl/auth", url.as_str().trim_end_matches('/')));
    let redirect_uri = read.parsed("GHL_REDIRECT_URI", http_url).map(String::from).or(own_route);
    let missing = [("GHL_CLIENT_ID", id.is_none()), ("GHL_CLIENT_SECRET", secret.is_none())];
    GhlConfig {
        missing: missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect(),
        app: id.zip(secret).map(|(client_id, secret)| GhlApp { client_id, client_secret: secret.into(), redirect_uri }),
        api_url: read.parsed("GHL_API_URL", http_url).map_or_else(|| BASE_URL.to_owned(), String::from),
        authorize_url: read
            .parsed("GHL_AUTHORIZE_URL", http_url)
            .map_or_else(|| AUTHORIZE_URL.to_owned(), String::from),
        webhook_keys: read.text("GHL_WEBHOOK_PUBLIC_KEY").map(|keys| pems(&keys)).unwrap_or_default(),
        allow_legacy_rsa: read.parsed("GHL_WEBHOOK_ALLOW_LEGACY_RSA", boolean).unwrap_or(false),
        version: read.text("GHL_API_VERSION").map(|version| version.as_str().into()),
    }
}

/// Line ends may be written as `\n`, because many places that hold variables take one line only.
fn pems(text: &str) -> Vec<String> {
    text.replace("\\n", "\n").split(',').map(|key| key.trim().to_owned()).filter(|key| !key.is_empty()).collect()
}

fn environment(text: &str) -> Result<Environment, String> {
    match text {
        "production" => Ok(Environment::Production),
        "development" => Ok(Environment::Development),
        "test" => Ok(Environment::Test),
        other => Err(format!("is `{other}`: give production, development or test")),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("is `{text}`: give an IP address with a port, such as 0.0.0.0:3000"))
}

fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("is no address: give one that begins with https:// (or http://)".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("is `{text}`: give whole seconds from 1 to 86400")),
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("is `{text}`: give true or false")),
    }
}

fn operator_token(text: &str) -> Result<SecretString, String> {
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => Err("has characters that cannot stand in a header: give letters and digits, such as `openssl rand -hex 32` makes".to_owned()),
    }
}

#[cfg(test)]
mod tests;
