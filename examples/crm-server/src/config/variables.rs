//! The table of environment variables, as `--help` and `--check-config` print it.

/// A variable the server reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value without it.
    pub default: &'static str,
    /// Its purpose.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning }
}

/// Every variable, in the order of the documentation.
pub const VARIABLES: &[Variable] = &[
    variable(
        "SIDECAR_ENV",
        "production",
        "production, development or test; the latter two generate missing encryption keys",
    ),
    variable("BIND_ADDR", "127.0.0.1:3000", "the address to listen on; port 0 picks a free port, which is printed"),
    variable("METRICS_ADDR", "none", "a separate address for /metrics without a token"),
    variable(
        "APP_URL",
        "none",
        "the public address of this server, such as https://crm.example.com (also NEXT_PUBLIC_APP_URL)",
    ),
    variable("DATABASE_URL", "sqlite://sidecar.db", "the database: SQLite or PostgreSQL"),
    variable(
        "REDIS_URL",
        "none",
        "Redis, to share rate limits between processes; without it each process uses its share",
    ),
    variable(
        "SIDECAR_ENCRYPTION_KEYS",
        "none",
        "id:base64key[,id:base64key]; the first key encrypts; required in production",
    ),
    variable("SIDECAR_OPERATOR_TOKEN", "none", "the bearer token for every organization's routes and /metrics"),
    variable("TRUSTED_PROXIES", "none", "addresses or networks whose X-Forwarded-For is trusted, separated by commas"),
    variable(
        "WEBHOOK_LIMIT_PER_SECOND",
        "500",
        "webhooks per second of one location or organization, with a burst of ten times as many; 0: no limit",
    ),
    variable("SYNC_INTERVAL_SECS", "900", "how often each source is synced, in seconds"),
    variable("RUST_LOG", "info", "the log filter, such as warn or crm_server=debug"),
    variable("GHL_CLIENT_ID", "none", "the app's client id; without it GHL is off"),
    variable("GHL_CLIENT_SECRET", "none", "the app's client secret"),
    variable("GHL_REDIRECT_URI", "APP_URL/api/integrations/ghl/auth", "the redirect address after consent"),
    variable("GHL_API_URL", "the provider's", "another API address, such as the sandbox's"),
    variable("GHL_AUTHORIZE_URL", "the provider's", "another consent page, for white-label apps or the sandbox"),
    variable("GHL_API_VERSION", "per API family", "one Version header for every call"),
    variable(
        "GHL_WEBHOOK_PUBLIC_KEY",
        "the provider's",
        "PEM keys, separated by commas, for key rotation or the sandbox",
    ),
    variable("GHL_WEBHOOK_ALLOW_LEGACY_RSA", "false", "also accept the legacy RSA signature"),
    variable(
        "CALCOM_ORGANIZATION_ID",
        "none",
        "the organization that CALCOM_API_KEY and CALCOM_WEBHOOK_SECRET belong to",
    ),
    variable("CALCOM_API_KEY", "none", "the API key of that organization; other organizations connect themselves"),
    variable(
        "CALCOM_WEBHOOK_SECRET",
        "none",
        "the webhook secrets of that organization, separated by commas during rotation",
    ),
    variable(
        "CALCOM_API_URL",
        "the provider's",
        "another address of API v2: api.cal.eu, a self-hosted one, or the sandbox's",
    ),
    variable("CALCOM_CLIENT_ID", "none", "the OAuth client's id; without it organizations connect by API key"),
    variable("CALCOM_CLIENT_SECRET", "none", "the OAuth client's secret; unset for a public client"),
    variable("CALCOM_REDIRECT_URI", "APP_URL/api/integrations/calcom/auth", "the redirect address after consent"),
    variable("CALCOM_AUTHORIZE_URL", "the provider's", "another consent page; required with a self-hosted API"),
];

/// Returns the table for the end of `--help`.
pub fn help() -> String {
    let mut text = "Environment (a .env file is read too; the environment wins):\n".to_owned();
    for Variable { name, default, meaning } in VARIABLES {
        text.push_str(&format!("  {name:<30} {meaning} [{default}]\n"));
    }
    text
}
