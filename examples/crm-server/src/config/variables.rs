//! The table of variables: what `--help` and `--check-config` print.

/// A variable the server reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning }
}

/// Every variable, in the order in which they are explained.
pub const VARIABLES: &[Variable] = &[
    variable("SIDECAR_ENV", "production", "development and test generate encryption keys when there are none"),
    variable("BIND_ADDR", "127.0.0.1:3000", "where the server listens; port 0 picks a free one, which is printed"),
    variable("METRICS_ADDR", "none", "a separate address that serves /metrics without a token"),
    variable(
        "APP_URL",
        "none",
        "where people find this server, such as https://crm.example.com (also NEXT_PUBLIC_APP_URL)",
    ),
    variable("DATABASE_URL", "sqlite://sidecar.db", "where everything is kept"),
    variable("REDIS_URL", "none", "where several processes share their limits; without it each keeps to its part"),
    variable(
        "SIDECAR_ENCRYPTION_KEYS",
        "none",
        "id:base64key[,id:base64key], the first encrypts; required in production",
    ),
    variable("SIDECAR_OPERATOR_TOKEN", "none", "opens every organization's routes and /metrics to machines"),
    variable("TRUSTED_PROXIES", "none", "addresses or networks whose X-Forwarded-For is believed, separated by commas"),
    variable(
        "WEBHOOK_LIMIT_PER_SECOND",
        "500",
        "deliveries of one location or organization; ten times as many at once; 0: no limit",
    ),
    variable("SYNC_INTERVAL_SECS", "900", "how often locations, contacts and events are copied"),
    variable("RUST_LOG", "info", "what is logged, such as warn or crm_server=debug"),
    variable("GHL_CLIENT_ID", "none", "the app's client id; without it GHL is off"),
    variable("GHL_CLIENT_SECRET", "none", "the app's client secret"),
    variable("GHL_REDIRECT_URI", "APP_URL/api/integrations/ghl/auth", "where people come back to after their consent"),
    variable("GHL_API_URL", "the provider's", "another address of the API, for stand-ins"),
    variable("GHL_AUTHORIZE_URL", "the provider's", "another consent page: white-label apps, stand-ins"),
    variable("GHL_API_VERSION", "each family's own", "one Version header for every call"),
    variable(
        "GHL_WEBHOOK_PUBLIC_KEY",
        "the provider's",
        "PEM, several separated by commas, for rollovers and stand-ins",
    ),
    variable("GHL_WEBHOOK_ALLOW_LEGACY_RSA", "false", "whether the former RSA signature is good too"),
    variable(
        "CALCOM_ORGANIZATION_ID",
        "none",
        "the organization that CALCOM_API_KEY and CALCOM_WEBHOOK_SECRET belong to",
    ),
    variable("CALCOM_API_KEY", "none", "that organization's key; the others connect by themselves"),
    variable("CALCOM_WEBHOOK_SECRET", "none", "its webhook's secret, several separated by commas for rollovers"),
    variable(
        "CALCOM_API_URL",
        "the provider's",
        "another address of API v2: api.cal.eu, a host of your own, stand-ins",
    ),
    variable("CALCOM_CLIENT_ID", "none", "the OAuth client's id; without it organizations connect by API key"),
    variable("CALCOM_CLIENT_SECRET", "none", "the OAuth client's secret; a public client has none"),
    variable(
        "CALCOM_REDIRECT_URI",
        "APP_URL/api/integrations/calcom/auth",
        "where people come back to after their consent",
    ),
    variable(
        "CALCOM_AUTHORIZE_URL",
        "the provider's",
        "another consent page; with an API of your own there has to be one",
    ),
];

/// The table as the end of `--help`.
pub fn help() -> String {
    let mut text = "Environment (a .env file is read too; the environment wins):\n".to_owned();
    for Variable { name, default, meaning } in VARIABLES {
        text.push_str(&format!("  {name:<30} {meaning} [{default}]\n"));
    }
    text
}
