//! How tests start crm-server.

use std::time::Duration;

use crate::{KEYS, Program};

/// The bearer token of the operator on every server that [`server_environment`] configures.
pub const OPERATOR_TOKEN: &str = "operator";

const LISTENING: &str = "listening on ";

/// Adds to `environment` what every server of the tests needs.
pub fn server_environment(
    mut environment: Vec<(&'static str, String)>,
    database_url: &str,
    bind_address: &str,
) -> Vec<(&'static str, String)> {
    environment.extend([
        ("BIND_ADDR", bind_address.to_owned()),
        ("DATABASE_URL", database_url.to_owned()),
        ("SIDECAR_ENV", "test".to_owned()),
        ("SIDECAR_ENCRYPTION_KEYS", KEYS.to_owned()),
        ("SIDECAR_OPERATOR_TOKEN", OPERATOR_TOKEN.to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ]);
    environment
}

/// Starts `crm-server` with these arguments, waits until it listens, and returns it with its URL.
///
/// # Panics
/// If it does not listen within the time.
pub async fn start_server(
    arguments: &[&str],
    environment: Vec<(&'static str, String)>,
    within: Duration,
) -> (Program, String) {
    let mut program = Program::start("crm-server", arguments, environment);
    let line = program.wait_for_line(within, |line| line.starts_with(LISTENING)).await;
    let url = line[LISTENING.len()..].to_owned();
    (program, url)
}
