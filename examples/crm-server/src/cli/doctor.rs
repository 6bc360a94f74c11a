use std::process::ExitCode;

use sidecar_core::health::HealthStatus;

use super::{Outcome, log};
use crate::{app::App, config::Config, error::StartError, ops::health};

/// Prints one line per dependency; a failure of one does not hide the others.
pub(super) async fn run() -> Outcome {
    log::start("error");
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            for bad in &error.0 {
                line("configuration", "down", &bad.to_string());
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    match config.consequences() {
        notes if notes.is_empty() => line("configuration", "up", ""),
        notes => line("configuration", "up", &notes.join("; ")),
    }
    let (app, database) = match App::open(config).await {
        Ok(opened) => opened,
        Err(error) => {
            line(failed_dependency(&error), "down", &error.to_string());
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut code = ExitCode::SUCCESS;
    for (name, health) in health::check(&app).await {
        let error = health.error.unwrap_or_default();
        match health.state {
            HealthStatus::Up => line(&name, "up", &format!("{} ms", health.latency_ms.unwrap_or_default())),
            HealthStatus::Off => line(&name, "off", &error),
            HealthStatus::Down => {
                line(&name, "down", &error);
                code = ExitCode::FAILURE;
            }
        }
    }
    app.close(&database).await;
    Ok(code)
}

/// The dependency that a failed start is about.
fn failed_dependency(error: &StartError) -> &'static str {
    match error {
        StartError::Store(_) => "database",
        StartError::Ghl(_) | StartError::WebhookKey(_) => "ghl",
        StartError::Calcom(_) => "calcom",
        StartError::Redis(_) => "redis",
        _ => "configuration",
    }
}

fn line(name: &str, state: &str, more: &str) {
    println!("{}", format!("{name:<14} {state:<5} {more}").trim_end());
}
