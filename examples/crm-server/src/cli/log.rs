use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

/// Starts the log on standard error: as text at a terminal, as JSON lines elsewhere.
pub(super) fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("RUST_LOG is not a filter ({error}); logging at info");
        EnvFilter::new("info")
    });
    let builder = fmt().with_env_filter(filter).with_writer(stderr);
    let started =
        if stderr().is_terminal() { builder.try_init() } else { builder.json().flatten_event(true).try_init() };
    if let Err(error) = started {
        eprintln!("the log cannot be started: {error}");
    }
}
